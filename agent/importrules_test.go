package agent_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule forbids imports, directly, to the packages it speaks of.
type rule struct {
	packages  []string // patterns of path.Match, or a prefix ending in /...
	except    []string
	forbidden []string
	reason    string
}

var rules = []rule{
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/diameter/lab/...", "homeagent/ike/charontest"},
		forbidden: []string{"os/exec"},
		reason:    "the daemon and its tools program the kernel and charon through their interfaces, never by running commands",
	},
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/diameter/lab/..."},
		forbidden: []string{"homeagent/diameter/lab/..."},
		reason:    "the lab's roles are for commissioning and never part of the daemon",
	},
	{
		packages:  []string{"homeagent/diameter/...", "homeagent/ike/...", "homeagent/xfrm/...", "homeagent/systemd"},
		except:    []string{"homeagent/diameter/lab/..."},
		forbidden: []string{"homeagent/agent/...", "homeagent/agent"},
		reason:    "a protocol is readable and testable without the product made of it",
	},
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/agent/store/boltstore"},
		forbidden: []string{"go.etcd.io/bbolt"},
		reason:    "one store can be exchanged for another",
	},
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/ike/vici"},
		forbidden: []string{"github.com/strongswan/govici/vici"},
		reason:    "govici's traps are known in one place",
	},
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/xfrm/...", "homeagent/diameter/lab/..."},
		forbidden: []string{"github.com/vishvananda/netlink", "github.com/vishvananda/netlink/nl"},
		reason:    "kernel state is programmed in one place",
	},
	{
		packages: []string{"homeagent/..."}, except: []string{"homeagent/agent/metrics"},
		forbidden: []string{"github.com/prometheus/client_golang/..."},
		reason:    "names and labels of metrics are in one place",
	},
	{
		packages:  []string{"homeagent/agent/session"},
		forbidden: []string{"homeagent/xfrm/...", "homeagent/ike", "homeagent/ike/vici", "homeagent/diameter/...", "homeagent/diameter", "net", "net/http"},
		reason:    "the life of a session reaches kernel, charon and peers only through the interfaces it declares",
	},
	{
		packages: []string{
			"homeagent/agent/mobility", "homeagent/agent/bindingcache", "homeagent/agent/addresspool", "homeagent/agent/lifetime",
			"homeagent/agent/homelink/neighbor", "homeagent/agent/homelink/defence",
			"homeagent/agent/discovery/message", "homeagent/agent/discovery/agentlist", "homeagent/agent/discovery/delivery",
			"homeagent/agent/mobilitysocket/ratelimit",
			"homeagent/ike/psk", "homeagent/ike/window", "homeagent/diameter/bootstrap",
		},
		forbidden: []string{"net", "os", "net/http", "golang.org/x/sys/unix", "syscall"},
		reason:    "codecs and state machines are pure: time and bytes come in, decisions go out",
	},
	{
		packages:  []string{"homeagent/agent/doctor"},
		forbidden: []string{"os", "os/user", "golang.org/x/sys/unix", "homeagent/xfrm", "homeagent/ike/vici", "homeagent/agent/store/boltstore", "homeagent/agent"},
		reason:    "checks judge what a System tells them; who asks the box is package machine",
	},
	{
		packages:  []string{"homeagent/agent/control", "homeagent/agent/events", "homeagent/agent/activity"},
		forbidden: []string{"homeagent/agent", "homeagent/agent/session", "homeagent/agent/store", "homeagent/xfrm", "homeagent/ike", "homeagent/diameter", "homeagent/diameter/peer"},
		reason:    "what operators see is told by the parts and knows none of them",
	},
	{
		packages:  []string{"homeagent/agent/homeagentctl"},
		forbidden: []string{"homeagent/agent/session", "homeagent/agent", "homeagent/xfrm", "homeagent/ike"},
		reason:    "the operator's tool knows the daemon by its control socket alone",
	},
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	imports := importsOf(t, "..")
	if len(imports) < 5 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(imports))
	}
	for _, r := range rules {
		for pkg, imported := range imports {
			if !matches(r.packages, pkg) || matches(r.except, pkg) {
				continue
			}
			for _, i := range imported {
				if matches(r.forbidden, i) {
					t.Errorf("%s imports %s: %s", pkg, i, r.reason)
				}
			}
		}
	}
}

// TestImportRulesFindSomething makes sure that a rule with a typing error in a
// pattern does not pass for ever.
func TestImportRulesFindSomething(t *testing.T) {
	t.Parallel()
	imports := importsOf(t, "..")
	for _, r := range rules {
		for _, pattern := range r.packages {
			if !slices.ContainsFunc(keys(imports), func(pkg string) bool { return matches([]string{pattern}, pkg) }) {
				t.Errorf("no package matches %q of the rule %q", pattern, r.reason)
			}
		}
	}
}

func keys(m map[string][]string) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	return ks
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if prefix, ok := strings.CutSuffix(p, "/..."); ok {
			return name == prefix || strings.HasPrefix(name, prefix+"/")
		}
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}

// importsOf maps each package below root to what its files import, tests left
// out.
func importsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		if strings.HasPrefix(file, filepath.Join(root, "build")+"/") {
			return nil // copies of the tree, for packages
		}
		relative, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Join("homeagent", filepath.ToSlash(relative))
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[pkg] = append(imports[pkg], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
