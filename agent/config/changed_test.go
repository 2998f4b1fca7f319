package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string
		want     config.Changes
	}{
		{"nothing", "", "", config.Changes{}},
		{"a comment", "[diameter]", "# soon\n[diameter]", config.Changes{}},
		{"what is taken over", `[diameter]`, "[diameter]\nstrict_vector = false\nwatchdog = \"40s\"", config.Changes{
			Live: []string{"diameter.strict_vector"}, Fixed: []string{"diameter.watchdog"},
		}},
		{"a peer", `secured = "loopback"`, "secured = \"ipsec\"\nbootstrapper = true", config.Changes{Live: []string{"diameter.peer"}}},
		{"a prefix", `2001:db8:1::/64"`, "2001:db8:1::/65\"\n[log]\nlevel = \"debug\"", config.Changes{
			Live: []string{"log.level"}, Fixed: []string{"home_prefix"},
		}},
		{"how long a prefix lasts", `2001:db8:1::/64"`, "2001:db8:1::/64\"\nvalid_lifetime = \"2027-01-31T00:00:00Z\"\npreferred_lifetime = \"0s\"", config.Changes{
			Live: []string{"home_prefix.valid_lifetime", "home_prefix.preferred_lifetime"},
		}},
		{"another prefix that lasts", `2001:db8:1::/64"`, "2001:db8:1::/65\"\nvalid_lifetime = \"1h\"", config.Changes{
			Live: []string{"home_prefix.valid_lifetime"}, Fixed: []string{"home_prefix"},
		}},
		{"a network", `[home_agent]`, "[[mobility.network]]\nuser_name = \"mr@example.com\"\nprefix = \"2001:db8:9::/64\"\n[home_agent]", config.Changes{
			Live: []string{"mobility.network"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before, err := load(t, minimal)
			if err != nil {
				t.Fatal(err)
			}
			now, err := load(t, strings.Replace(minimal, tt.old, tt.new, 1))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, config.Compare(before, now)); diff != "" {
				t.Errorf("unexpected changes (-want +got):\n%s", diff)
			}
		})
	}
}

// Every name of an option that is taken over is one.
func TestLiveOptions(t *testing.T) {
	t.Parallel()
	live := 0
	for _, o := range config.Describe() {
		if o.Live() && !o.Repeated {
			live++
		}
	}
	if live != 10 {
		t.Errorf("%d options are taken over, want 10", live)
	}
}
