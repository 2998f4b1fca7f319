package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlaceOfMetrics(t *testing.T) {
	t.Parallel()
	accepts(t, metricsPlace,
		[]any{"", "/run/homeagent/metrics.sock", "127.0.0.1:9868", "[::1]:9868", "[2001:db8::1]:80", "[fe80::1%eth0]:9868", "0.0.0.0:1"},
		[]any{"9868", ":9868", "localhost:9868", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:9868", "run/x", "/" + strings.Repeat("x", 107), int64(9868)})
}

// Others than this box read only where the operator said so.
func TestMetricsStayOnTheBox(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		options string
		refused bool
	}{
		{`listen = "127.0.0.1:9868"`, false},
		{`listen = "127.1.2.3:9868"`, false},
		{`listen = "[::1]:9868"`, false},
		{`listen = "[::ffff:127.0.0.1]:9868"`, false},
		{`listen = "/run/homeagent/metrics.sock"`, false},
		{`listen = ""`, false},
		{`listen = "0.0.0.0:9868"`, true},
		{`listen = "[::]:9868"`, true},
		{`listen = "[2001:db8::1]:9868"`, true},
		{`listen = "192.0.2.1:9868"`, true},
		{"listen = \"[::]:9868\"\nallow_remote = true", false},
	} {
		text := "[diameter]\nidentity = \"ha.example.com\"\nrealm = \"example.com\"\n" +
			"[[diameter.listen]]\naddress = \"[::1]:3868\"\ntls = false\n" +
			"[[diameter.peer]]\nidentity = \"aaah.example.com\"\nsecured = \"loopback\"\n" +
			"[home_agent]\naddresses = [\"2001:db8:1::1\"]\n[[home_prefix]]\nprefix = \"2001:db8:1::/64\"\n" +
			"[metrics]\n" + tt.options + "\n"
		file := filepath.Join(t.TempDir(), "homeagent.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file)
		if (err != nil) != tt.refused {
			t.Errorf("%s: Load = %v, want refused = %v", tt.options, err, tt.refused)
		}
		if tt.refused && err != nil && !strings.Contains(err.Error(), "metrics.allow_remote = true") {
			t.Errorf("%s: %v does not say how to allow it", tt.options, err)
		}
	}
}
