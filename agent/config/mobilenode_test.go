package config_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/config"
)

// withoutAAA needs no Diameter peer: it has a mobile node.
const withoutAAA = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
[home_agent]
addresses = ["2001:db8:1::1", "2001:db8:1::2"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
first = "2001:db8:1::1000"
reserved = ["2001:db8:1::3"]
[[mobile_node]]
user_name = "mn1@example.com"
home_address = "2001:db8:1::100"
key_file = "/etc/homeagent/keys/mn1"
`

const manualNode = `
[[mobile_node]]
user_name = "mn2@example.com"
home_address = "2001:db8:1::200"
home_agent = "2001:db8:1::2"
key_file = "/etc/homeagent/keys/mn2"
spi_in = 4097
spi_out = 4098
`

func TestMobileNodes(t *testing.T) {
	t.Parallel()
	got, err := load(t, withoutAAA+manualNode+"encryption = \"null\"\nintegrity = \"sha1\"\nprefix_spi_in = 4099\nprefix_spi_out = 4100\n")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr
	want := []config.MobileNode{{
		UserName: "mn1@example.com", HomeAddress: addr("2001:db8:1::100"),
		KeyFile: "/etc/homeagent/keys/mn1", Encryption: config.AES128, Integrity: config.SHA256,
	}, {
		UserName: "mn2@example.com", HomeAddress: addr("2001:db8:1::200"), HomeAgent: addr("2001:db8:1::2"),
		KeyFile: "/etc/homeagent/keys/mn2", SPIIn: 4097, SPIOut: 4098, PrefixSPIIn: 4099, PrefixSPIOut: 4100,
		Encryption: config.NullEncryption, Integrity: config.SHA1,
	}}
	if diff := cmp.Diff(want, got.MobileNodes, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("mobile nodes (-want +got):\n%s", diff)
	}
	if got.MobileNodes[0].Manual() || !got.MobileNodes[1].Manual() {
		t.Error("which one is keyed by hand is not told")
	}
}

// Each problem names the place and what is expected.
func TestMobileNodeProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"no prefix":        {strings.Replace(withoutAAA, `1::100"`, `2::100"`, 1), ":13: mobile_node.home_address: 2001:db8:2::100 cannot be a mobile node's: the address is on no home prefix"},
		"a router's":       {strings.Replace(withoutAAA, `1::100"`, `1::3"`, 1), ":13: mobile_node.home_address: 2001:db8:1::3 cannot be a mobile node's: the address is reserved"},
		"the home agent's": {strings.Replace(withoutAAA, `1::100"`, `1::2"`, 1), "the address is reserved"},
		"an anycast one":   {strings.Replace(withoutAAA, `1::100"`, `1::"`, 1), "the address is reserved"},
		"no key file":      {strings.Replace(withoutAAA, "key_file", "# key_file", 1), ":11: mobile_node.key_file: this must be set"},
		"a relative path":  {strings.Replace(withoutAAA, "/etc/homeagent/", "", 1), ":14: mobile_node.key_file: "},
		"user twice":       {withoutAAA + strings.Replace(manualNode, "mn2", "mn1", 1), ":17: mobile_node.user_name: \"mn1@example.com\" is listed already"},
		"address twice":    {withoutAAA + strings.Replace(manualNode, "::200", "::100", 1), ":18: mobile_node.home_address: 2001:db8:1::100 is listed already"},
		"home agent":       {withoutAAA + strings.Replace(manualNode, "1::2\"", "1::9\"", 1), ":19: mobile_node.home_agent: 2001:db8:1::9 is none of home_agent.addresses"},
		"one direction":    {withoutAAA + strings.Replace(manualNode, "spi_out", "# spi_out", 1), ":16: mobile_node.spi_out: this must be set, because the other direction is"},
		"SPI twice":        {withoutAAA + manualNode + strings.NewReplacer("mn2", "mn3", "::200", "::300").Replace(manualNode), ":29: mobile_node.spi_in: 4097 is the SPI of another"},
		"SPI out twice":    {withoutAAA + manualNode + "prefix_spi_in = 4099\nprefix_spi_out = 4098\n", ":24: mobile_node.prefix_spi_out: 4098 is spi_out, too"},
		"a reserved SPI":   {withoutAAA + strings.Replace(manualNode, "4097", "255", 1), ":21: mobile_node.spi_in: is 255 (expected a number from 256 to 3221225471)"},
		"strongSwan's SPI": {withoutAAA + strings.Replace(manualNode, "4097", "0xc0000000", 1), "expected a number from 256 to 3221225471"},
		"prefix SPI only":  {withoutAAA + "prefix_spi_in = 4099\nprefix_spi_out = 4100\n", ":15: mobile_node.prefix_spi_in: spi_in is not set"},
		"no integrity":     {withoutAAA + manualNode + "integrity = \"null\"\n", ":23: mobile_node.integrity: is \"null\" (expected one of"},
		"payload":          {withoutAAA + manualNode + "[mobility]\npayload_protection = \"require\"\n", ":21: mobile_node.spi_in: mobility.payload_protection is"},
		"nobody at all":    {withoutAAA[:strings.Index(withoutAAA, "[[mobile_node]]")], "no peer is listed, so nobody could connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(t, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// A key file that changes its name, or anything else of a mobile node, is taken over
// by a reload.
func TestMobileNodesAreLive(t *testing.T) {
	t.Parallel()
	before, err := load(t, withoutAAA)
	if err != nil {
		t.Fatal(err)
	}
	now, err := load(t, withoutAAA+manualNode)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Changes{Live: []string{"mobile_node"}}
	if diff := cmp.Diff(want, config.Compare(before, now)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if mixed := now.WithFixed(before); len(mixed.MobileNodes) != 2 {
		t.Errorf("%d mobile nodes are in force", len(mixed.MobileNodes))
	} else if err := mixed.CheckMixed(); err != nil {
		t.Errorf("they are refused: %v", err)
	}
}

// What is right once the daemon has been restarted may not be possible before.
func TestMobileNodesMayNeedARestart(t *testing.T) {
	t.Parallel()
	const restart = "; until a restart what is in force counts (systemctl restart homeagent takes all of it over)"
	for name, tt := range map[string]struct {
		before, now, want string
	}{
		"payload": {withoutAAA + "[mobility]\npayload_protection = \"require\"\n", withoutAAA + manualNode, `mobile_node.spi_in: mobility.payload_protection is "require", and payload is protected by IKE only (leave spi_in out, or set that to "permit")` + restart},
		"prefix":  {withoutAAA, strings.ReplaceAll(withoutAAA, "2001:db8:1:", "2001:db8:5:"), "mobile_node.home_address: 2001:db8:5::100 cannot be a mobile node's"},
		"network": {withoutAAA, strings.ReplaceAll(withoutAAA, "2001:db8:1:", "2001:db8:5:") + "[[mobility.network]]\nprefix = \"2001:db8:1::/48\"\nuser_name = \"mn1@example.com\"\n", "mobility.network.prefix: 2001:db8:1::/48 overlaps the home prefix 2001:db8:1::/64" + restart},
	} {
		before, err := load(t, tt.before)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		now, err := load(t, tt.now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = now.WithFixed(before).CheckMixed()
		if problems := (config.Problems)(nil); !errors.As(err, &problems) || problems[0].At.Line == 0 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
