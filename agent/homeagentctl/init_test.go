package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeagent/agent/config"
)

// given is what a call without questions needs.
var given = []string{"--identity", "ha.example.net", "--ha", "2001:db8:1::1", "--prefix", "2001:db8:1::1/64", "--peer", "aaah.example.com"}

func initIn(t *testing.T, path, in string, args ...string) (string, error) {
	t.Helper()
	return ctl(t, in, append([]string{"init", "--config", path}, args...)...)
}

func TestInitFromFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags []string
		right func(*config.Config) bool
	}{
		{"TLS, the server connects", nil, func(c *config.Config) bool {
			return c.Diameter.Listen[0] == config.Listen{Address: "2001:db8:1::1", TLS: true} && c.Diameter.Realm == "example.net" &&
				c.Diameter.Certificate == "/etc/homeagent/tls/certificate.pem" && c.Diameter.Peers[0].Bootstrapper &&
				c.Prefixes[0].Prefix.String() == "2001:db8:1::/64" && c.Mobility.HomeLink == config.Virtual
		}},
		{"loopback", []string{"--secured", "loopback", "--realm", "example.org"}, func(c *config.Config) bool {
			return c.Diameter.Listen[0] == config.Listen{Address: "::1"} && c.Diameter.Peers[0].Secured == config.Loopback &&
				c.Diameter.Certificate == "" && c.Diameter.Realm == "example.org"
		}},
		{"we connect", []string{"--connect", "aaah.example.com", "--secured", "ipsec"}, func(c *config.Config) bool {
			return len(c.Diameter.Listen) == 0 && c.Diameter.Peers[0].Connect == "aaah.example.com"
		}},
		{"each connects to the other", []string{"--connect", "aaah.example.com", "--listen", "[2001:db8:1::1]:5868"}, func(c *config.Config) bool {
			return c.Diameter.Listen[0] == config.Listen{Address: "[2001:db8:1::1]:5868", TLS: true} && c.Diameter.Peers[0].Connect == "aaah.example.com"
		}},
		{"a physical home link, two addresses", []string{"--home-link", "eth1", "--ha", "2001:db8:1::2", "--listen", "[::]:5868"}, func(c *config.Config) bool {
			return c.Mobility.Interface == "eth1" && len(c.HomeAgent.Addresses) == 2 && c.Diameter.Listen[0].Address == "[::]:5868"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "homeagent.toml")
			out, err := initIn(t, path, "", append(given, tt.flags...)...)
			if err != nil || !strings.Contains(out, "wrote "+path) || !strings.Contains(out, "  homeagentctl doctor --config "+path+"\n  homeagentd --config "+path+" ") {
				t.Fatalf("init: %v\n%s", err, out)
			}
			cfg, err := config.Load(path)
			if err != nil || !tt.right(cfg) {
				t.Errorf("%v, %+v", err, cfg)
			}
		})
	}
}

func TestInitAsks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "homeagent.toml")
	in := "ha.example.net\n2001:db8:1::1\n\n2001:db8:1::/64\naaah.example.com\neth0\n\n"
	out, err := initIn(t, path, in)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.Count(out, "Prefix that home addresses"); got != 2 {
		t.Errorf("an empty answer was asked for %d times, want 2:\n%s", got, out)
	}
	cfg, err := config.Load(path)
	if err != nil || cfg.Mobility.Interface != "eth0" || cfg.Diameter.Peers[0].Connect != "" {
		t.Errorf("%v, %+v", err, cfg)
	}
	if _, err := initIn(t, filepath.Join(t.TempDir(), "x"), "ha.example.net\n"); err == nil || !strings.Contains(err.Error(), "--ha") {
		t.Errorf("an end of the answers: %v", err)
	}
}

func TestInitSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	err = run(t.Context(), []string{"init", "--config", filepath.Join(t.TempDir(), "x"), "--peer", "aaah.example.com"}, null, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "missing --identity, --ha, --prefix (on a terminal it asks)") {
		t.Errorf("without a terminal: %v", err)
	}
}

// What is complete is not replaced unasked, and what is replaced is kept.
func TestInitReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "homeagent.toml")
	if err := os.WriteFile(path, []byte(config.Sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o604); err != nil { // whatever the umask is: other tests' sockets change it
		t.Fatal(err)
	}
	if out, err := initIn(t, path, "", given...); err != nil {
		t.Fatalf("over the sample: %v\n%s", err, out)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("mode %v, %v, want that of the file before", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".old"); err == nil {
		t.Error("the sample was kept as if it said something")
	}
	if _, err := initIn(t, path, "", given...); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over a complete configuration: %v", err)
	}
	if _, err := initIn(t, path, "", append(given, "--force")...); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path + ".old"); err != nil {
		t.Errorf("the former configuration: %v", err)
	}
}

func TestInitRefusesNonsense(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "homeagent.toml")
	_, err := initIn(t, path, "", "--identity", "ha.example.net", "--ha", "192.0.2.1", "--prefix", "nonsense", "--peer", "aaah.example.com")
	for _, want := range []string{path + ":", "home_agent.addresses", "home_prefix.prefix"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 0 {
		t.Errorf("%d files were left", len(files))
	}
}
