package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"homeagent/agent/config"
)

const placed = `[diameter]
identity = "ha.example.com"
realm = "example.com"
certificate = "/no/such/certificate.pem"
key = "/no/such/key.pem"
ca = "/no/such/ca.pem"
[[diameter.peer]]
identity = "aaah.example.com"
connect = "[2001:db8::a]:5868"
[[diameter.peer]]
identity = "aaa2.example.com"
connect = "[2001:db8::b]:5868"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
`

// What is found wrong after loading is told of the same places as what loading
// finds wrong, also where files are several.
func TestProblemsOfLoaded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, more := filepath.Join(folder, "homeagent.toml"), filepath.Join(folder, "conf.d", "10-control.toml")
	err := errors.Join(os.WriteFile(file, []byte(placed), 0o600), os.Mkdir(filepath.Dir(more), 0o700),
		os.WriteFile(more, []byte("[control]\n\ngroup = \"operators\"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"diameter.key":              file + ":5: diameter.key: x",
		"diameter.peer[1].connect":  file + ":12: diameter.peer.connect: x",
		"diameter.peer[1].realm":    file + ":10: diameter.peer.realm: x", // not set: its section
		"control.group":             more + ":3: control.group: x",
		"store.path":                file + ": store.path: x",
		"home_agent.addresses":      file + ":14: home_agent.addresses: x",
		"no_such_section.an_option": file + ": no_such_section.an_option: x",
	} {
		if got := cfg.Problem(key, "%s", "x").Error(); got != want {
			t.Errorf("Problem: %s, want %s", got, want)
		}
	}
	if got, want := config.Defaults().Problem("store.path", "x").Error(), "store.path: x"; got != want {
		t.Errorf("Problem without a file: %s, want %s", got, want)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "homeagent.toml")
	if err := os.WriteFile(file, []byte(placed), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = cfg.Diameter.LoadTLS()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadTLS: %v, want %v", err, fs.ErrNotExist)
	}
	want := file + ":4: diameter.certificate: reading /no/such/certificate.pem: file does not exist (put it there, or name another file)"
	if got := cfg.Locate(fmt.Errorf("starting: %w", err)); got.Error() != want {
		t.Errorf("Locate: %v, want %s", got, want)
	}
	if got := cfg.Locate(fs.ErrExist); got != fs.ErrExist {
		t.Errorf("Locate made %v of %v", got, fs.ErrExist)
	}
	if cfg.Locate(nil) != nil {
		t.Error("Locate made an error of none")
	}
}
