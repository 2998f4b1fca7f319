package addresspool

import "net/netip"

// reservedIdentifiers are the interface identifiers of 64 bits that no node may
// have: IANA's registry of RFC 5453 section 3.
var reservedIdentifiers = [...]struct{ first, last uint64 }{
	{0, 0}, // Subnet-Router anycast, RFC 4291 section 2.6.1
	{0x0200_5eff_fe00_0000, 0x0200_5eff_feff_ffff}, // IANA's Ethernet block, RFC 4291 and RFC 6543
	{0xfdff_ffff_ffff_ff80, 0xfdff_ffff_ffff_ffff}, // subnet anycast, RFC 2526; ...fffe is the home agents'
}

// anycastBits is the length of the anycast identifiers of RFC 2526 section 2,
// at the end of the interface identifier.
const anycastBits = 7

// reservedSpans returns the reserved addresses of a home prefix, those with
// reserved interface identifiers for the one subnet of 64 bits.
func reservedSpans(p netip.Prefix, subnet uint64) (spans []span) {
	all := spanOf(p)
	spans = append(spans, span{all.first, all.first})
	if p.Bits() <= 64 {
		for _, r := range reservedIdentifiers {
			spans = append(spans, span{number{subnet, r.first}, number{subnet, r.last}})
		}
	}
	// With interface identifiers of another length than 64 bits the subnet
	// anycast addresses are the last of the prefix (RFC 2526 section 2).
	if p.Bits() != 64 && p.Bits() <= 128-anycastBits {
		spans = append(spans, span{all.last.minus(number{0, ones(anycastBits)}), all.last})
	}
	return spans
}

func isReserved(p netip.Prefix, n number) bool {
	for _, s := range reservedSpans(p, n.hi) {
		if s.contains(n) {
			return true
		}
	}
	return false
}
