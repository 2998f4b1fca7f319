package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeagent/agent/config"
)

// A configuration with which nobody is ever bootstrapped is told, and taken.
func TestWarnings(t *testing.T) {
	t.Parallel()
	const first = `[diameter]
identity = "ha.example.com"
realm = "example.com"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
[[diameter.peer]]
identity = "aaah.example.com"
connect = "::1"
secured = "loopback"
`
	const second = "[[diameter.peer]]\nidentity = \"other.example.com\"\nconnect = \"::1\"\nsecured = \"loopback\"\n"
	for text, want := range map[string]string{
		first + second: "homeagent.toml:8: diameter.peer.bootstrapper: no peer may bootstrap mobile nodes",
		first + second + "bootstrapper = false\n": "homeagent.toml:8: diameter.peer.bootstrapper: ",
		first + "bootstrapper = false\n" + second: "homeagent.toml:12: diameter.peer.bootstrapper: ",
		first + second + "bootstrapper = true\n":  "",
		first + "[[mobile_node]]\nuser_name = \"mn1@example.com\"\nhome_address = \"2001:db8:1::99\"\nkey_file = \"/key\"\n": "",
	} {
		file := filepath.Join(t.TempDir(), "homeagent.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range cfg.Warnings() {
			got += strings.TrimPrefix(cfg.Locate(w).Error(), filepath.Dir(file)+"/")
		}
		if !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("warned of %q, want %q", got, want)
		}
	}
	if got := config.Defaults().Warnings(); got != nil {
		t.Errorf("without peers: %v", got)
	}
}
