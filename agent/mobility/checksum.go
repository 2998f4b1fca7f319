package mobility

import (
	"encoding/binary"
	"net/netip"
)

const (
	nextHeader     = 135 // the Mobility Header, in the pseudo-header
	checksumOffset = 4
)

// Checksum computes the checksum of the Mobility Header mh (RFC 6275 section
// 6.1.1), taking its checksum field as zero. The addresses are those of the
// packet as upper layers see it: the home address of a Home Address option, or of
// a type 2 routing header, stands for the care-of address. mh must have at least
// 8 octets.
func Checksum(source, destination netip.Addr, mh []byte) uint16 {
	sum := pseudoHeader(source, destination, len(mh))
	sum = add(sum, mh[:checksumOffset])
	return ^fold(add(sum, mh[checksumOffset+2:]))
}

// SetChecksum writes the checksum into mh; see [Checksum].
func SetChecksum(source, destination netip.Addr, mh []byte) {
	binary.BigEndian.PutUint16(mh[checksumOffset:], Checksum(source, destination, mh))
}

// ChecksumOK reports whether mh carries the checksum it should; see [Checksum].
func ChecksumOK(source, destination netip.Addr, mh []byte) bool {
	return len(mh) >= unit && fold(add(pseudoHeader(source, destination, len(mh)), mh)) == 0xffff
}

func pseudoHeader(source, destination netip.Addr, length int) uint64 {
	src, dst := source.As16(), destination.As16()
	return add(add(uint64(length)+nextHeader, src[:]), dst[:])
}

func add(sum uint64, b []byte) uint64 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
