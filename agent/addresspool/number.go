package addresspool

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A number is an IPv6 address to calculate with.
type number struct{ hi, lo uint64 }

func numberOf(a netip.Addr) number {
	octets := a.As16()
	return number{binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:])}
}

func (n number) addr() netip.Addr {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:8], n.hi)
	binary.BigEndian.PutUint64(octets[8:], n.lo)
	return netip.AddrFrom16(octets)
}

func (n number) plus(m number) number {
	lo, carry := bits.Add64(n.lo, m.lo, 0)
	hi, _ := bits.Add64(n.hi, m.hi, carry)
	return number{hi, lo}
}

func (n number) minus(m number) number {
	lo, borrow := bits.Sub64(n.lo, m.lo, 0)
	hi, _ := bits.Sub64(n.hi, m.hi, borrow)
	return number{hi, lo}
}

func (n number) compare(m number) int {
	return cmp.Or(cmp.Compare(n.hi, m.hi), cmp.Compare(n.lo, m.lo))
}

// mask returns the number of that many one bits at the low end that hold n.
func (n number) mask() number {
	if n.hi != 0 {
		return number{ones(bits.Len64(n.hi)), ^uint64(0)}
	}
	return number{0, ones(bits.Len64(n.lo))}
}

// ones returns a number of count one bits, 0 to 64.
func ones(count int) uint64 {
	if count <= 0 {
		return 0
	}
	return ^uint64(0) >> (64 - count)
}

// A span is the addresses from first to last, both included.
type span struct{ first, last number }

func spanOf(p netip.Prefix) span {
	host := 128 - p.Bits()
	first := numberOf(p.Addr())
	return span{first, first.plus(number{ones(host - 64), ones(min(host, 64))})}
}

func (s span) contains(n number) bool {
	return s.first.compare(n) <= 0 && n.compare(s.last) <= 0
}

func (s span) overlaps(t span) bool {
	return s.first.compare(t.last) <= 0 && t.first.compare(s.last) <= 0
}

// without returns what is left of s when t is taken out: up to two spans.
func (s span) without(t span) (rest []span) {
	if !s.overlaps(t) {
		return []span{s}
	}
	one := number{0, 1}
	if s.first.compare(t.first) < 0 {
		rest = append(rest, span{s.first, t.first.minus(one)})
	}
	if t.last.compare(s.last) < 0 {
		rest = append(rest, span{t.last.plus(one), s.last})
	}
	return rest
}
