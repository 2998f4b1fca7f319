package diameter

import (
	"encoding/binary"
	"fmt"
)

// AVPFlags are the flags of an AVP header (RFC 6733 section 4.1). The low five
// bits are reserved: kept as received, zero in what we send.
type AVPFlags uint8

// The AVP flags.
const (
	AVPVendor    AVPFlags = 0x80 // V: a Vendor-Id follows
	AVPMandatory AVPFlags = 0x40 // M: the receiver must understand the AVP
	AVPProtected AVPFlags = 0x20 // P: reserved for end-to-end security
)

// An AVP is one attribute of a message. Vendor is 0 for the IETF's AVPs. Data
// has no padding; in a received message it is a part of the frame.
//
// The V bit alone decides whether a Vendor-Id field is on the wire; the
// constructors set it for any vendor but 0.
type AVP struct {
	Code   uint32
	Vendor uint32
	Flags  AVPFlags
	Data   []byte
}

const (
	avpHeaderLen       = 8
	avpVendorHeaderLen = 12
	maxAVPLen          = 1<<24 - 1
)

// Is reports whether a is the AVP named by code and vendor.
func (a AVP) Is(code, vendor uint32) bool { return a.Code == code && a.Vendor == vendor }

// String names the AVP by its code and vendor, and never shows its data: that
// may be a key.
func (a AVP) String() string {
	if a.Vendor == 0 {
		return fmt.Sprintf("AVP %d", a.Code)
	}
	return fmt.Sprintf("AVP %d of vendor %d", a.Code, a.Vendor)
}

// Append encodes the AVP with its padding.
func (a AVP) Append(b []byte) []byte {
	length := a.headerLen() + len(a.Data)
	b = binary.BigEndian.AppendUint32(b, a.Code)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Flags)<<24|uint32(length&maxAVPLen))
	if a.Flags&AVPVendor != 0 {
		b = binary.BigEndian.AppendUint32(b, a.Vendor)
	}
	b = append(b, a.Data...)
	return append(b, make([]byte, pad4(length)-length)...)
}

func (a AVP) headerLen() int {
	if a.Flags&AVPVendor != 0 {
		return avpVendorHeaderLen
	}
	return avpHeaderLen
}

// parseAVP reads the AVP at the start of b, which is not empty, and says how
// many octets it takes with its padding. The padding of the last AVP of a
// group may be missing: some senders leave it out.
//
// A fault is answered with the header and no payload, which RFC 6733 section
// 7.1.5 calls sufficient; whoever knows the AVP's type adds the zeros.
func parseAVP(b []byte) (AVP, int, *Failure) {
	if len(b) < avpHeaderLen {
		header := make([]byte, avpHeaderLen)
		copy(header, b)
		return AVP{}, 0, badLength(avpHeader(header), "has an incomplete header")
	}
	a, length := avpHeader(b), int(uint24(b[5:]))
	if length < a.headerLen() {
		return AVP{}, 0, badLength(a, fmt.Sprintf("has length %d (must be at least %d)", length, a.headerLen()))
	}
	if length > len(b) {
		return AVP{}, 0, badLength(a, fmt.Sprintf("has length %d, but only %d octets are left", length, len(b)))
	}
	a.Data = b[a.headerLen():length:length]
	return a, min(pad4(length), len(b)), nil
}

// avpHeader reads code, flags and vendor. A Vendor-Id cut off by the end of b
// or by the AVP's own length reads as 0, as if padded with zeros.
func avpHeader(b []byte) AVP {
	a := AVP{Code: binary.BigEndian.Uint32(b), Flags: AVPFlags(b[4])}
	if a.Flags&AVPVendor != 0 && len(b) >= avpVendorHeaderLen && uint24(b[5:]) >= avpVendorHeaderLen {
		a.Vendor = binary.BigEndian.Uint32(b[8:])
	}
	return a
}

func badLength(a AVP, what string) *Failure {
	return &Failure{Code: InvalidAVPLength, Failed: []AVP{a}, Text: fmt.Sprintf("%v %s", a, what)}
}

func pad4(n int) int { return (n + 3) &^ 3 }
