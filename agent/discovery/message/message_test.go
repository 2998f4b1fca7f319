package message_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"

	"homeagent/agent/discovery/message"
)

var (
	agent = netip.MustParseAddr("2001:db8:1::1")
	other = netip.MustParseAddr("2001:db8:1::2")
	equal = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

var prefix = message.Prefix{
	Address: agent, Bits: 64, OnLink: true, Autonomous: true, Router: true,
	Valid: message.Infinite, Preferred: time.Hour,
}

var prefixOctets = slices.Concat([]byte{3, 4, 64, 0xe0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x0e, 0x10, 0, 0, 0, 0}, agent.AsSlice())

var messages = []struct {
	name    string
	message message.Message
	octets  []byte
}{
	{"agent request", &message.AgentRequest{ID: 0x1234}, []byte{144, 0, 0, 0, 0x12, 0x34, 0, 0}},
	{"N2 agent request of a mobile router", &message.AgentRequest{ID: 1, MobileRouter: true}, []byte{144, 0, 0, 0, 0, 1, 0x80, 0}},
	{"empty agent reply", &message.AgentReply{ID: 0xffff}, []byte{145, 0, 0, 0, 0xff, 0xff, 0, 0}},
	{
		"agent reply", &message.AgentReply{ID: 7, MobileRouter: true, Agents: []netip.Addr{agent, other}},
		slices.Concat([]byte{145, 0, 0, 0, 0, 7, 0x80, 0}, agent.AsSlice(), other.AsSlice()),
	},
	{"prefix solicitation", &message.PrefixSolicitation{ID: 0x0102}, []byte{146, 0, 0, 0, 1, 2, 0, 0}},
	{
		"prefix advertisement", &message.PrefixAdvertisement{ID: 9, Prefixes: []message.Prefix{prefix, {Address: netip.MustParseAddr("2001:db8:2::"), Bits: 48}}},
		slices.Concat([]byte{147, 0, 0, 0, 0, 9, 0, 0}, prefixOctets, []byte{3, 4, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, netip.MustParseAddr("2001:db8:2::").AsSlice()),
	},
	{"prefix advertisement with M and O", &message.PrefixAdvertisement{Managed: true, Other: true}, []byte{147, 0, 0, 0, 0, 0, 0xc0, 0}},
	{
		"router advertisement", &message.RouterAdvertisement{
			HomeAgent: true, RouterLifetime: 1800 * time.Second, LinkLayer: []byte{2, 0, 0, 0, 0, 9},
			Information: &message.Information{MobileRouter: true, Preference: 0x8001, Lifetime: 65535 * time.Second},
			Prefixes:    []message.Prefix{prefix},
		},
		slices.Concat([]byte{134, 0, 0, 0, 0, 0x20, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 9, 8, 1, 0x80, 0, 0x80, 1, 0xff, 0xff}, prefixOctets),
	},
	{"router advertisement of no home agent", &message.RouterAdvertisement{}, append([]byte{134}, make([]byte, 15)...)},
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.octets, message.Append(nil, tt.message)); diff != "" {
				t.Errorf("unexpected octets (-want +got):\n%s", diff)
			}
			got, err := message.Parse(tt.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.message, got, equal); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseIgnores(t *testing.T) {
	t.Parallel()
	solicitation, advertisement := []byte{146, 0, 0xab, 0xcd, 0, 1, 0x3f, 0xff}, messages[7].octets
	tests := []struct {
		name   string
		octets []byte
		want   message.Message
	}{
		{"reserved bits and the checksum", solicitation, &message.PrefixSolicitation{ID: 1}},
		{"options of a solicitation", append(slices.Clone(solicitation), 200, 1, 0, 0, 0, 0, 0, 0), &message.PrefixSolicitation{ID: 1}},
		{"octets after a request", []byte{144, 0, 0, 0, 0, 1, 0, 0, 200, 1, 0, 0, 0, 0, 0, 0}, &message.AgentRequest{ID: 1}},
		{"unknown options", append(slices.Clone(advertisement), 200, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), messages[7].message},
		{"a malformed captive portal", append(slices.Clone(advertisement), 37, 1, 0xff, 0, 0, 0, 0, 0), messages[7].message},
		{"a prefix of 129 bits", append(slices.Clone(advertisement), append([]byte{3, 4, 129}, make([]byte, 29)...)...), messages[7].message},
		{"a prefix option of 8 octets", append(slices.Clone(advertisement), 3, 1, 64, 0, 0, 0, 0, 0), messages[7].message},
		{"home agent information of 16 octets", append(slices.Clone(advertisement), append([]byte{8, 2}, make([]byte, 14)...)...), messages[7].message},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := message.Parse(tt.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, equal); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		octets []byte
	}{
		{"nothing", nil},
		{"header cut off", []byte{144, 0, 0}},
		{"body cut off", []byte{144, 0, 0, 0, 1, 2, 3}},
		{"router advertisement cut off", messages[7].octets[:15]},
		{"code", []byte{144, 1, 0, 0, 0, 1, 0, 0}},
		{"other type", []byte{128, 0, 0, 0, 0, 1, 0, 0}},
		{"half an address", append(slices.Clone(messages[3].octets), 1, 2, 3, 4)},
		{"option of length 0", append(slices.Clone(messages[4].octets), 1, 0, 0, 0, 0, 0, 0, 0)},
		{"option past the end", append(slices.Clone(messages[4].octets), 1, 2, 0, 0, 0, 0, 0, 0)},
		{"half an option", append(slices.Clone(messages[4].octets), 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if m, err := message.Parse(tt.octets); err == nil {
				t.Errorf("parsed as %+v", m)
			}
		})
	}
}

// TestOthersAgree compares with what another implementation writes.
func TestOthersAgree(t *testing.T) {
	t.Parallel()
	octets, err := ndp.MarshalMessage(&ndp.RouterAdvertisement{
		CurrentHopLimit: 64, MobileIPv6HomeAgent: true, RouterLifetime: time.Minute, ReachableTime: time.Second,
		Options: []ndp.Option{
			ndp.NewMTU(1500),
			&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: net.HardwareAddr{2, 0, 0, 0, 0, 9}},
			&ndp.PrefixInformation{PrefixLength: 64, OnLink: true, ValidLifetime: time.Hour, PreferredLifetime: time.Minute, Prefix: netip.MustParseAddr("2001:db8::")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := message.Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	want := &message.RouterAdvertisement{
		HomeAgent: true, RouterLifetime: time.Minute, LinkLayer: []byte{2, 0, 0, 0, 0, 9},
		Prefixes: []message.Prefix{{Address: netip.MustParseAddr("2001:db8::"), Bits: 64, OnLink: true, Valid: time.Hour, Preferred: time.Minute}},
	}
	if diff := cmp.Diff(message.Message(want), got, equal); diff != "" {
		t.Errorf("unexpected message (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range messages {
		f.Add(tt.octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		m, err := message.Parse(octets)
		if err != nil {
			return
		}
		again, err := message.Parse(message.Append(nil, m))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, equal); diff != "" {
			t.Errorf("unexpected message (-want +got):\n%s", diff)
		}
	})
}
