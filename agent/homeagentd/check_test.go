package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/agent/instance"
	"homeagent/agent/mobilenode"
	"homeagent/diameter/lab/certificates"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	if err := errors.Join(err, ca.Certify("ha", "ha.example.com")); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(folder, name) }
	path := file("homeagent.toml")
	text := strings.NewReplacer("FOLDER", folder).Replace(checked)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*config.Config)
		want   []string // behind the file's name; nil for nothing wrong
	}{
		{"right", func(*config.Config) {}, nil},
		{"no key", func(c *config.Config) { c.Diameter.Key = file("none.pem") }, []string{":5: diameter.key: there is no " + file("none.pem")}},
		{"another key", func(c *config.Config) { c.Diameter.Certificate = file("ca.pem") }, []string{":4: diameter.certificate: " + file("ca.pem") + " and diameter.key, " + file("ha-key.pem") + ", do not make a pair"}},
		{"another identity", func(c *config.Config) { c.Diameter.Identity = "other.example.com" }, []string{":4: diameter.certificate: " + file("ha.pem") + ` names ["ha.example.com"] and not other.example.com`}},
		{"group and interface", func(c *config.Config) {
			c.Control.Group, c.Mobility.HomeLink, c.Mobility.Interface = "no-such-group", config.Physical, "eth9"
		}, []string{":15: control.group: the group no-such-group does not exist (try: groupadd --system no-such-group)", ": mobility.interface: there is no interface eth9"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Control.Group = ""
			tt.change(cfg)
			var out, doubts bytes.Buffer
			err = check(t.Context(), path, cfg, &machine.Fake{Disk: os.DirFS("/"), Time: doctor.Clock{Now: time.Now()}}, &out, &doubts)
			if want := "warning: " + path + ":7: diameter.peer.bootstrapper: no peer may bootstrap mobile nodes"; !strings.HasPrefix(doubts.String(), want) || strings.Count(doubts.String(), "\n") != 1 {
				t.Errorf("it warned of %q, want %q", doubts.String(), want)
			}
			if tt.want == nil {
				if err != nil || !strings.HasSuffix(out.String(), "homeagent.toml is right\n") {
					t.Errorf("check: %v, and it printed %q", err, out.String())
				}
				return
			}
			if err == nil || exitCode(err) != exitConfig {
				t.Fatalf("check: %v, want one of the configuration", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), path+want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}

const checked = `[diameter]
identity = "ha.example.com"
realm = "example.com"
certificate = "FOLDER/ha.pem"
key = "FOLDER/ha-key.pem"
ca = "FOLDER/ca.pem"
[[diameter.peer]]
identity = "aaah.example.com"
connect = "[2001:db8::a]:5868"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
[control]
group = "operators"
`

func TestAlone(t *testing.T) {
	t.Parallel()
	cfg := config.Defaults()
	for cleaning, want := range map[bool]string{true: "systemctl stop homeagent", false: "undo each other's"} {
		if err := alone(instance.ErrTaken, cfg, cleaning); !errors.Is(err, instance.ErrTaken) || !strings.Contains(err.Error(), want) || exitCode(err) != 1 {
			t.Errorf("cleaning %v: %v", cleaning, err)
		}
	}
	if err := alone(io.ErrShortWrite, cfg, true); err != io.ErrShortWrite {
		t.Errorf("another error became %v", err)
	}
	if err := alone(fs.ErrPermission, cfg, false); exitCode(err) != exitConfig || !strings.HasPrefix(err.Error(), "control.socket: ") {
		t.Errorf("without rights to the folder: %v", err)
	}
}

// Mobile nodes that strongSwan could not tell apart, and a daemon refuses, are refused
// before it starts, at their places.
func TestCheckOfNames(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key, path := filepath.Join(folder, "mn.key"), filepath.Join(folder, "homeagent.toml")
	text := "[diameter]\nidentity = \"ha.example.com\"\nrealm = \"example.com\"\n[home_agent]\naddresses = [\"2001:db8:1::1\"]\n[[home_prefix]]\nprefix = \"2001:db8:1::/64\"\n"
	for i, name := range []string{"*", "2001:db8::1", "mn1@example.com", "MN1@example.com", "HA.example.com"} {
		text += fmt.Sprintf("[[mobile_node]]\nuser_name = %q\nhome_address = \"2001:db8:1::10%d\"\nkey_file = %q\n", name, i, key)
	}
	if err := errors.Join(os.WriteFile(key, []byte("correct horse battery"), 0o600), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	err = check(t.Context(), path, cfg, &machine.Fake{Disk: os.DirFS("/"), Time: doctor.Clock{Now: time.Now()}}, io.Discard, io.Discard)
	if err == nil || exitCode(err) != exitConfig {
		t.Fatalf("check: %v, want one of the configuration", err)
	}
	for line, what := range map[int]string{9: "has an asterisk", 13: "is an address", 21: `cannot tell "MN1@example.com" from "mn1@example.com"`, 25: "the home agent's own identity"} {
		if want := fmt.Sprintf("%s:%d: mobile_node.user_name: ", path, line); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), what) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	_, loading := mobilenode.Load(cfg)
	if problems, _ := errors.AsType[config.Problems](loading); len(problems) != 4 {
		t.Errorf("the daemon refuses %v", loading)
	}
}
