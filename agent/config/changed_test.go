package config_test

import (
	"slices"
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

// allLive changes every option and section that is taken over.
const allLive = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
certificate = "/c.pem"
key = "/k.pem"
ca = "/a.pem"
strict_vector = false
[[diameter.listen]]
address = "[::1]:3868"
tls = false
[[diameter.peer]]
identity = "other.example.com"
secured = "loopback"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
valid_lifetime = "48h"
preferred_lifetime = "24h"
[[mobile_node]]
user_name = "mn@example.com"
home_address = "2001:db8:1::100"
key_file = "/k"
[mobility]
max_lifetime = "30m"
refresh_request = "1m"
require_alternate_care_of = true
[[mobility.network]]
user_name = "mr@example.com"
prefix = "2001:db8:9::/64"
[limits]
sessions = 7
authorization = "2h"
[log]
level = "debug"
`

// Whatever is said to be taken over is, and nothing else.
func TestLiveOptionsAreTakenOver(t *testing.T) {
	t.Parallel()
	before, err := load(t, minimal)
	if err != nil {
		t.Fatal(err)
	}
	now, err := load(t, allLive)
	if err != nil {
		t.Fatal(err)
	}
	changes := config.Compare(before, now)
	var live []string
	for _, o := range config.Describe() {
		section := o.Key[:strings.LastIndex(o.Key, ".")]
		switch {
		case !o.Live():
		case !o.Repeated, section == "home_prefix":
			live = append(live, o.Key)
		case !slices.Contains(live, section):
			live = append(live, section)
		}
	}
	if diff := cmp.Diff(config.Changes{Live: live}, changes); diff != "" {
		t.Errorf("unexpected changes (-want +got):\n%s", diff)
	}
	mixed := now.WithFixed(before)
	if left := config.Compare(mixed, now); left.Live != nil || left.Fixed != nil {
		t.Errorf("not taken over: %+v", left)
	}
	if fixed := config.Compare(before, mixed).Fixed; fixed != nil {
		t.Errorf("taken over, though it takes a restart: %v", fixed)
	}
}
