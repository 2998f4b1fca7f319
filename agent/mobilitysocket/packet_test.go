package mobilitysocket

import (
	"net/netip"
	"testing"
)

var (
	agent  = netip.MustParseAddr("2001:db8:1::1")
	home   = netip.MustParseAddr("2001:db8:1::100")
	careOf = netip.MustParseAddr("2001:db8:2::5")
)

func TestH12_AddressesOfReplies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		packet       Packet
		reply, error string
	}{
		{
			name:   "from away",
			packet: Packet{Source: careOf, HomeAddress: home, Destination: agent, Interface: 3},
			reply:  "IP6 2001:db8:1::1 > 2001:db8:2::5: RT6 (type=2, 2001:db8:1::100): mobility 3b00",
			error:  "IP6 2001:db8:1::1 > 2001:db8:2::5: mobility 3b00",
		},
		{
			name:   "from home",
			packet: Packet{Source: home, Destination: agent, Interface: 2},
			reply:  "IP6 2001:db8:1::1 > 2001:db8:1::100: mobility 3b00",
			error:  "IP6 2001:db8:1::1 > 2001:db8:1::100: mobility 3b00",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			payload := []byte{59, 0}
			if got := tt.packet.Reply(payload).String(); got != tt.reply {
				t.Errorf("reply:\n%s, want\n%s", got, tt.reply)
			}
			if got := tt.packet.Error(payload).String(); got != tt.error {
				t.Errorf("error:\n%s, want\n%s", got, tt.error)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	multicast := netip.MustParseAddr("ff02::1")
	linkLocal := netip.MustParseAddr("fe80::1")
	tests := []struct {
		name   string
		packet Packet
		want   Discard
	}{
		{"from away", Packet{Source: careOf, HomeAddress: home, Destination: agent}, Kept},
		{"from home", Packet{Source: home, Destination: agent}, Kept},
		{"from a link-local address, which may be owed an error", Packet{Source: linkLocal, Destination: agent}, Kept},
		{"from nobody", Packet{Source: netip.IPv6Unspecified(), Destination: agent}, SourceNotUnicast},
		{"source not known", Packet{Destination: agent}, SourceNotUnicast},
		{"from a group", Packet{Source: multicast, Destination: agent}, SourceNotUnicast},
		{"to a group", Packet{Source: home, Destination: multicast}, DestinationNotUnicast},
		{"H6 link-local home address", Packet{Source: careOf, HomeAddress: linkLocal, Destination: agent}, HomeAddressUnusable},
		{"H6 multicast home address", Packet{Source: careOf, HomeAddress: multicast, Destination: agent}, HomeAddressUnusable},
		{"H6 loopback home address", Packet{Source: careOf, HomeAddress: netip.IPv6Loopback(), Destination: agent}, HomeAddressUnusable},
		{"H6 IPv4-mapped home address", Packet{Source: careOf, HomeAddress: netip.MustParseAddr("::ffff:192.0.2.1"), Destination: agent}, HomeAddressUnusable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.packet.judge(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestDiscardNames(t *testing.T) {
	t.Parallel()
	for d := range Discards {
		if Discard(d).String() == "" {
			t.Errorf("discard %d has no name", d)
		}
	}
}
