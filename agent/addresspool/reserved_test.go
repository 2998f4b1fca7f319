package addresspool

import (
	"net/netip"
	"testing"
)

func TestReserved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefix, address string
		want            bool
	}{
		// RFC 4291 section 2.6.1, Subnet-Router anycast.
		{"2001:db8:1::/64", "2001:db8:1::", true},
		{"2001:db8:1::/64", "2001:db8:1::1", false},
		{"2001:db8:1::/96", "2001:db8:1::", true},
		{"2001:db8:1::40/122", "2001:db8:1::40", true},
		{"2001:db8:1::40/122", "2001:db8:1::41", false},
		{"2001:db8:1::/48", "2001:db8:1:7::", true},
		{"2001:db8:1::/48", "2001:db8:1:7::1", false},
		// RFC 2526 section 2, with EUI-64 interface identifiers.
		{"2001:db8:1::/64", "2001:db8:1:0:fdff:ffff:ffff:ff7f", false},
		{"2001:db8:1::/64", "2001:db8:1:0:fdff:ffff:ffff:ff80", true},
		{"2001:db8:1::/64", "2001:db8:1:0:fdff:ffff:ffff:fffe", true}, // home agents
		{"2001:db8:1::/64", "2001:db8:1:0:fdff:ffff:ffff:ffff", true},
		{"2001:db8:1::/64", "2001:db8:1:0:fe00::", false},
		{"2001:db8:1::/64", "2001:db8:1:0:ffff:ffff:ffff:ffff", false},
		{"2001:db8:1::/48", "2001:db8:1:7:fdff:ffff:ffff:fffe", true},
		// RFC 2526 section 2, with others: the last 128 addresses.
		{"2001:db8:1::/96", "2001:db8:1::ffff:ff7f", false},
		{"2001:db8:1::/96", "2001:db8:1::ffff:ff80", true},
		{"2001:db8:1::/96", "2001:db8:1::ffff:fffe", true}, // home agents
		{"2001:db8:1::/96", "2001:db8:1::ffff:ffff", true},
		{"2001:db8:1::/48", "2001:db8:1:ffff:ffff:ffff:ffff:ff7f", false},
		{"2001:db8:1::/48", "2001:db8:1:ffff:ffff:ffff:ffff:fffe", true},
		{"2001:db8:1::/121", "2001:db8:1::5", true},
		{"2001:db8:1::/122", "2001:db8:1::3f", false}, // no room for them
		// RFC 5453, IANA's registry.
		{"2001:db8:1::/64", "2001:db8:1:0:200:5eff:fdff:ffff", false},
		{"2001:db8:1::/64", "2001:db8:1:0:200:5eff:fe00:0", true},
		{"2001:db8:1::/64", "2001:db8:1:0:200:5eff:fe00:5213", true}, // RFC 6543
		{"2001:db8:1::/64", "2001:db8:1:0:200:5eff:feff:ffff", true},
		{"2001:db8:1::/64", "2001:db8:1:0:200:5eff:ff00:0", false},
		{"2001:db8:1:0:200::/80", "2001:db8:1:0:200:5eff:fe00:5213", false}, // no identifier of 64 bits
	} {
		p, a := netip.MustParsePrefix(tt.prefix), netip.MustParseAddr(tt.address)
		if got := isReserved(p, numberOf(a)); got != tt.want {
			t.Errorf("in %s, %s reserved: %v, want %v", p, a, got, tt.want)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ prefix, first, last string }{
		{"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8:1::/64", "2001:db8:1::", "2001:db8:1:0:ffff:ffff:ffff:ffff"},
		{"2001:db8:1::/65", "2001:db8:1::", "2001:db8:1:0:7fff:ffff:ffff:ffff"},
		{"2001:db8:1::6/127", "2001:db8:1::6", "2001:db8:1::7"},
		{"2001:db8:1::6/128", "2001:db8:1::6", "2001:db8:1::6"},
	} {
		s := spanOf(netip.MustParsePrefix(tt.prefix))
		if s.first.addr() != netip.MustParseAddr(tt.first) || s.last.addr() != netip.MustParseAddr(tt.last) {
			t.Errorf("spanOf(%s) = %s to %s", tt.prefix, s.first.addr(), s.last.addr())
		}
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	n := func(lo uint64) number { return number{0, lo} }
	s := span{n(10), n(20)}
	for _, tt := range []struct {
		name string
		cut  span
		want []span
	}{
		{"before", span{n(0), n(9)}, []span{s}},
		{"after", span{n(21), n(30)}, []span{s}},
		{"front", span{n(5), n(12)}, []span{{n(13), n(20)}}},
		{"back", span{n(18), n(18).plus(n(9))}, []span{{n(10), n(17)}}},
		{"middle", span{n(12), n(13)}, []span{{n(10), n(11)}, {n(14), n(20)}}},
		{"all", span{n(10), n(20)}, nil},
		{"more", span{n(0), number{1, 0}}, nil},
		{"first", span{n(10), n(10)}, []span{{n(11), n(20)}}},
		{"last", span{n(20), n(20)}, []span{{n(10), n(19)}}},
	} {
		got := s.without(tt.cut)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for n, want := range map[number]number{
		{0, 0}:         {0, 0},
		{0, 1}:         {0, 1},
		{0, 5}:         {0, 7},
		{0, 1 << 63}:   {0, ^uint64(0)},
		{1, 0}:         {1, ^uint64(0)},
		{1 << 63, 0}:   {^uint64(0), ^uint64(0)},
		{0, 1<<32 - 1}: {0, 1<<32 - 1},
	} {
		if got := n.mask(); got != want {
			t.Errorf("mask of %x = %x, want %x", n, got, want)
		}
	}
}
