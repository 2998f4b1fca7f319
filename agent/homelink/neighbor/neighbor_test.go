package neighbor_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/homelink/neighbor"
)

var (
	home   = netip.MustParseAddr("2001:db8:1::100:1234")
	router = netip.MustParseAddr("fe80::1")
	ether  = neighbor.LinkAddress{0x02, 0, 0, 0, 0, 1}
	equal  = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

func header(payload byte, source, destination string) []byte {
	return slices.Concat([]byte{0x60, 0, 0, 0, 0, payload, 58, 255},
		netip.MustParseAddr(source).AsSlice(), netip.MustParseAddr(destination).AsSlice())
}

var messages = []struct {
	name    string
	message neighbor.Message
	packet  []byte
}{
	{
		name: "probe",
		message: neighbor.Message{
			Kind: neighbor.Solicitation, Source: netip.IPv6Unspecified(),
			Destination: neighbor.SolicitedNode(home), Target: home,
		},
		packet: slices.Concat(header(24, "::", "ff02::1:ff00:1234"), []byte{
			135, 0, 0x27, 0x86, 0, 0, 0, 0,
		}, home.AsSlice()),
	},
	{
		name: "address resolution",
		message: neighbor.Message{
			Kind: neighbor.Solicitation, Source: router,
			Destination: neighbor.SolicitedNode(home), Target: home, LinkAddress: ether,
		},
		packet: slices.Concat(header(32, "fe80::1", "ff02::1:ff00:1234"), []byte{
			135, 0, 0x25, 0xfa, 0, 0, 0, 0,
		}, home.AsSlice(), []byte{1, 1, 2, 0, 0, 0, 0, 1}),
	},
	{
		name: "unicast solicitation without a link-layer address",
		message: neighbor.Message{
			Kind: neighbor.Solicitation, Source: router, Destination: home, Target: home,
		},
		packet: slices.Concat(header(24, "fe80::1", "2001:db8:1::100:1234"), []byte{
			135, 0, 0xf8, 0x4e, 0, 0, 0, 0,
		}, home.AsSlice()),
	},
	{
		name: "H27 gratuitous advertisement",
		message: neighbor.Message{
			Kind: neighbor.Advertisement, Source: router, Destination: neighbor.AllNodes(),
			Target: home, LinkAddress: ether, Override: true,
		},
		packet: slices.Concat(header(32, "fe80::1", "ff02::1"), []byte{
			136, 0, 0x15, 0x2f, 0x20, 0, 0, 0,
		}, home.AsSlice(), []byte{2, 1, 2, 0, 0, 0, 0, 1}),
	},
	{
		name: "H28 solicited advertisement of a mobile router",
		message: neighbor.Message{
			Kind: neighbor.Advertisement, Source: router, Destination: netip.MustParseAddr("fe80::9"),
			Target: home, LinkAddress: ether, Router: true, Solicited: true,
		},
		packet: slices.Concat(header(32, "fe80::1", "fe80::9"), []byte{
			136, 0, 0x75, 0xa8, 0xc0, 0, 0, 0,
		}, home.AsSlice(), []byte{2, 1, 2, 0, 0, 0, 0, 1}),
	},
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			packet, err := neighbor.Append(nil, &tt.message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.packet, packet); diff != "" {
				t.Errorf("unexpected packet (-want +got):\n%s", diff)
			}
			got, flaw := neighbor.Parse(slices.Concat(tt.packet, make([]byte, 6))) // Ethernet pads
			if flaw != neighbor.Sound {
				t.Fatalf("flaw %s", flaw)
			}
			if diff := cmp.Diff(tt.message, *got, equal); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
		})
	}
}

// fixed returns the packet with its checksum made right.
func fixed(packet []byte) []byte {
	packet = slices.Clone(packet)
	packet[42], packet[43] = 0, 0
	sum := uint32(len(packet)-40) + 58
	for i := 8; i+1 < len(packet); i += 2 {
		sum += uint32(packet[i])<<8 | uint32(packet[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	packet[42], packet[43] = byte(^sum>>8), byte(^sum)
	return packet
}

// with returns a sound packet with one octet changed and the checksum made right.
func with(of, at int, value byte) []byte {
	packet := slices.Clone(messages[of].packet)
	packet[at] = value
	return fixed(packet)
}

func appended(of int, options ...byte) []byte {
	packet := slices.Concat(messages[of].packet, options)
	packet[5] += byte(len(options))
	return fixed(packet)
}

const (
	probe = iota
	resolution
	unicast
	gratuitous
)

func TestFlaws(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		packet []byte
		want   neighbor.Flaw
	}{
		{"nothing", nil, neighbor.Other},
		{"IPv4", with(probe, 0, 0x45), neighbor.Other},
		{"other protocol", with(probe, 6, 17), neighbor.Other},
		{"router advertisement", with(probe, 40, 134), neighbor.Other},
		{"echo request", with(probe, 40, 128), neighbor.Other},
		{"target of IPv4", with(probe, 48, 0), neighbor.Sound},
		{"cut off", messages[probe].packet[:50], neighbor.Truncated},
		{"ends within the target", fixed(append(header(16, "fe80::1", "ff02::1"), make([]byte, 16)...)), neighbor.Truncated},
		{"short solicitation", func() []byte {
			b := append(header(16, "fe80::1", "ff02::1"), make([]byte, 16)...)
			b[40] = 135
			return fixed(b)
		}(), neighbor.Truncated},
		{"forwarded", with(resolution, 7, 254), neighbor.Forwarded},
		{"checksum", func() []byte {
			b := slices.Clone(messages[probe].packet)
			b[43]++
			return b
		}(), neighbor.WrongChecksum},
		{"code", with(resolution, 41, 1), neighbor.WrongCode},
		{"multicast source", with(resolution, 8, 0xff), neighbor.MulticastSource},
		{"multicast target", with(resolution, 48, 0xff), neighbor.MulticastTarget},
		{"option of length 0", with(resolution, 65, 0), neighbor.BadOption},
		{"option beyond the end", with(resolution, 65, 2), neighbor.BadOption},
		{"half an option", appended(probe, 14, 1, 0, 0), neighbor.BadOption},
		{"nonce in a probe (RFC 3971, RFC 7527)", appended(probe, 14, 1, 1, 2, 3, 4, 5, 6), neighbor.Sound},
		{"unknown option", appended(probe, 253, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), neighbor.Sound},
		{"link-layer address of InfiniBand", appended(unicast, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), neighbor.Sound},
		{"probe with a link-layer address", appended(probe, 1, 1, 2, 0, 0, 0, 0, 9), neighbor.BadProbe},
		{"probe to all nodes", fixed(slices.Concat(header(24, "::", "ff02::1"), messages[probe].packet[40:])), neighbor.BadProbe},
		{"solicited to a group", with(gratuitous, 44, 0x60), neighbor.SolicitedToGroup},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, got := neighbor.Parse(tt.packet); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestAppendRefusesIPv4(t *testing.T) {
	t.Parallel()
	m := messages[probe].message
	m.Target = netip.MustParseAddr("192.0.2.1")
	if b, err := neighbor.Append(nil, &m); err == nil {
		t.Errorf("encoded as %x", b)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for f := range neighbor.Flaws {
		if neighbor.Flaw(f).String() == "" {
			t.Errorf("flaw %d has no name", f)
		}
	}
	group := neighbor.EtherMulticast(neighbor.SolicitedNode(home))
	if got, want := group.String(), "33:33:ff:00:12:34"; got != want || !group.Group() || ether.Group() {
		t.Errorf("link-layer group %s (%t), want %s", got, group.Group(), want)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range messages {
		f.Add(tt.packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, flaw := neighbor.Parse(packet)
		if flaw != neighbor.Sound {
			return
		}
		again, err := neighbor.Append(nil, m)
		if err != nil {
			t.Fatalf("what was parsed cannot be encoded: %v", err)
		}
		second, flaw := neighbor.Parse(again)
		if flaw != neighbor.Sound {
			t.Fatalf("%s in what was encoded: %x", flaw, again)
		}
		if diff := cmp.Diff(m, second, equal); diff != "" {
			t.Errorf("unexpected message (-want +got):\n%s", diff)
		}
	})
}
