package mobilenode

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"

	"homeagent/agent/mobility"
)

var (
	home  = netip.MustParseAddr("2001:db8:1::1234")
	agent = netip.MustParseAddr("2001:db8:1::1")
)

func TestConfig(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config Config
		want   string // in the error
	}{
		{name: "the least", config: Config{HomeAddress: home, HomeAgent: agent}},
		{name: "no home address", config: Config{HomeAgent: agent}, want: "home address"},
		{name: "IPv4", config: Config{HomeAddress: home, HomeAgent: netip.MustParseAddr("192.0.2.1")}, want: `home agent "192.0.2.1"`},
		{name: "unspecified", config: Config{HomeAddress: netip.IPv6Unspecified(), HomeAgent: agent}, want: `home address "::"`},
		{name: "too short", config: Config{HomeAddress: home, HomeAgent: agent, Lifetime: time.Second}, want: "between 4s and"},
		{name: "too long", config: Config{HomeAddress: home, HomeAgent: agent, Lifetime: 100 * time.Hour}, want: "72h49m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.config.setDefaults()
			err := tt.config.validate()
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestOpenRefusesABadConfiguration(t *testing.T) {
	t.Parallel()
	if _, err := Open(Config{}); err == nil {
		t.Error("opened without addresses")
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for nai, want := range map[string]string{
		"mn1@example.com": "email:mn1@example.com",
		"mn1":             "fqdn:mn1",
		"@realm":          "email:@realm",
	} {
		if got := identity(nai); got != want {
			t.Errorf("identity(%q) = %q, want %q", nai, got, want)
		}
	}
}

// TestPolicies compares with what ip-xfrm(8) would show.
func TestPolicies(t *testing.T) {
	t.Parallel()
	p := &plane{home: home, agent: agent, reqID: 1001}
	tests := []struct {
		name string
		away bool
		want []string
	}{
		{"away", true, []string{
			"2001:db8:1::1234/128 > 2001:db8:1::1/128 proto 135 type 5 dir out: esp transport 1001, hao ro 0 use",
			"2001:db8:1::1/128 > 2001:db8:1::1234/128 proto 135 type 6 dir in: esp transport 1001, route2 ro 0 use",
		}},
		{"at home", false, []string{
			"2001:db8:1::1234/128 > 2001:db8:1::1/128 proto 135 type 5 dir out: esp transport 1001",
			"2001:db8:1::1/128 > 2001:db8:1::1234/128 proto 135 type 6 dir in: esp transport 1001",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, policy := range p.policies(tt.away) {
				got = append(got, show(policy))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
		})
	}
}

func show(p netlink.XfrmPolicy) string {
	var templates []string
	for _, t := range p.Tmpls {
		words := []string{t.Proto.String(), t.Mode.String(), map[bool]string{true: "1001", false: "0"}[t.Reqid == 1001]}
		if t.Optional == 1 {
			words = append(words, "use")
		}
		templates = append(templates, strings.Join(words, " "))
	}
	kind := map[int]string{5: "5", 6: "6"}[p.SrcPort]
	return p.Src.String() + " > " + p.Dst.String() + " proto 135 type " + kind + " " + p.Dir.String() + ": " + strings.Join(templates, ", ")
}

func TestAdvertisement(t *testing.T) {
	t.Parallel()
	hardware := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	packet, err := ndp.MarshalMessage(advertisement(home, hardware))
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, home.AsSlice()...)
	want = append(want, 2, 1, 2, 0, 0, 0, 0, 1)
	if diff := cmp.Diff(want, packet); diff != "" {
		t.Errorf("Neighbor Advertisement (-want +got):\n%s", diff)
	}
}

func TestErrorsAndFigures(t *testing.T) {
	t.Parallel()
	r := Registration{
		CareOf: home, Status: mobility.StatusNotHomeAgent, Lifetime: time.Minute,
		Sequence: 9, Updates: 2, Took: 1234567 * time.Nanosecond,
	}
	if got, want := (&RefusedError{r}).Error(), "registering 2001:db8:1::1234: refused: "+mobility.StatusNotHomeAgent.String(); got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	r.Status, r.Security = mobility.StatusAccepted, Followed
	if got, want := r.String(), "accepted for 1m0s, sequence 9, 2 Binding Update(s), 1.23ms; the IKE_SA followed"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
