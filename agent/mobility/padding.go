package mobility

import (
	"encoding/binary"
	"net/netip"
)

// append appends the options to b, whose Mobility Header begins at start: in the
// order of their types with the authorization data last (RFC 6275 section 6.2;
// the identifier stands before it, RFC 4283 section 3.2), each at the alignment
// its RFC asks for, and padded to the end of the header.
func (o *Options) append(b []byte, start int) ([]byte, error) {
	if err := o.checkLengths(); err != nil {
		return nil, err
	}
	if o.RefreshAdvice != 0 {
		b = append(align(b, start, 2, 0), optionRefreshAdvice, 2)
		b = binary.BigEndian.AppendUint16(b, uint16(o.RefreshAdvice))
	}
	if o.AlternateCareOf.IsValid() {
		b = append(align(b, start, 8, 6), optionAlternateCareOf, addressLength)
		b = appendAddress(b, o.AlternateCareOf)
	}
	if n := o.NonceIndices; n != nil {
		b = append(align(b, start, 2, 0), optionNonceIndices, 4)
		b = binary.BigEndian.AppendUint16(b, n.Home)
		b = binary.BigEndian.AppendUint16(b, n.CareOf)
	}
	for _, p := range o.NetworkPrefixes {
		b = append(align(b, start, 8, 4), optionNetworkPrefix, 2+addressLength, 0, p.Bits)
		b = appendAddress(b, p.Addr)
	}
	if id := o.Identifier; id.Value != nil {
		b = append(b, optionIdentifier, byte(1+len(id.Value)), byte(id.Subtype))
		b = append(b, id.Value...)
	}
	if o.Authorization == nil {
		return align(b, start, unit, 0), nil
	}
	// No padding may follow, so all of it stands before (RFC 6275 section 6.2.7).
	n := optionHeader + len(o.Authorization)
	b = append(align(b, start, unit, (unit-n%unit)%unit), optionAuthorization, byte(len(o.Authorization)))
	return append(b, o.Authorization...), nil
}

// align pads b until its length from start is a multiple of n plus rest.
func align(b []byte, start, n, rest int) []byte {
	gap := (rest - (len(b)-start)%n + n) % n
	switch gap {
	case 0:
		return b
	case 1:
		return append(b, optionPad1)
	}
	b = append(b, optionPadN, byte(gap-optionHeader))
	return append(b, make([]byte, gap-optionHeader)...)
}

// appendAddress appends 16 octets; the zero Addr becomes the unspecified address.
func appendAddress(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		a = netip.IPv6Unspecified()
	}
	octets := a.As16()
	return append(b, octets[:]...)
}
