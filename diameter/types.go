package diameter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unicode/utf8"

	"github.com/fiorix/go-diameter/v4/diam/datatype"
)

// The address families of the Address type (RFC 6733 section 4.3.1).
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// Unsigned32 returns the value of an Unsigned32 AVP. The error is a [*Failure]
// with InvalidAVPLength if it has not 4 octets.
func (a AVP) Unsigned32() (uint32, error) {
	if err := a.wantLength(4); err != nil {
		return 0, err
	}
	v, err := datatype.DecodeUnsigned32(a.Data)
	n, _ := v.(datatype.Unsigned32)
	return uint32(n), err
}

// Integer32 returns the value of an Integer32 or Enumerated AVP. The error is
// a [*Failure] with InvalidAVPLength if it has not 4 octets.
func (a AVP) Integer32() (int32, error) {
	if err := a.wantLength(4); err != nil {
		return 0, err
	}
	v, err := datatype.DecodeInteger32(a.Data)
	n, _ := v.(datatype.Integer32)
	return int32(n), err
}

// UTF8 returns the text of a UTF8String AVP. The error is a [*Failure] with
// InvalidAVPValue if it is not UTF-8 (RFC 3629).
func (a AVP) UTF8() (string, error) {
	if !utf8.Valid(a.Data) {
		return "", a.invalid("is not UTF-8")
	}
	return string(a.Data), nil
}

// Identity returns the name in a DiameterIdentity AVP: printable ASCII, at
// least one octet (RFC 6733 section 4.3.1). The error is a [*Failure] with
// InvalidAVPValue otherwise.
func (a AVP) Identity() (string, error) {
	for _, c := range a.Data {
		if c <= ' ' || c > '~' {
			return "", a.invalid("is not a DiameterIdentity of printable ASCII")
		}
	}
	if len(a.Data) == 0 {
		return "", a.invalid("is an empty DiameterIdentity")
	}
	return string(a.Data), nil
}

// Address returns the address of an Address AVP, IPv4 or IPv6. The error is a
// [*Failure]: InvalidAVPLength if the length does not fit the family,
// InvalidAVPValue for another family and for an IPv4 address dressed as IPv6.
func (a AVP) Address() (netip.Addr, error) {
	if len(a.Data) < 2 {
		return netip.Addr{}, badLength(a, fmt.Sprintf("has %d octets of data (must be 6 or 18)", len(a.Data)))
	}
	want := 0
	switch family := binary.BigEndian.Uint16(a.Data); family {
	case familyIPv4:
		want = 6
	case familyIPv6:
		want = 18
	default:
		return netip.Addr{}, a.invalid(fmt.Sprintf("has address family %d (must be %d or %d)", family, familyIPv4, familyIPv6))
	}
	if err := a.wantLength(want); err != nil {
		return netip.Addr{}, err
	}
	addr, _ := netip.AddrFromSlice(a.Data[2:])
	if addr.Is4In6() {
		return netip.Addr{}, a.invalid("is an IPv4-mapped IPv6 address")
	}
	return addr, nil
}

// Group returns the AVPs inside a Grouped AVP, one level only. The error is a
// [*Failure] whose Failed-AVP is the group around the offending AVP
// (RFC 6733 section 7.5).
func (a AVP) Group() ([]AVP, error) {
	avps, fault := parseAVPs(a.Data)
	if fault == nil {
		return avps, nil
	}
	fault.Failed = []AVP{NewGroup(a.Code, a.Vendor, a.Flags, fault.Failed...)}
	return avps, fault
}

func (a AVP) wantLength(n int) error {
	if len(a.Data) == n {
		return nil
	}
	return badLength(a, fmt.Sprintf("has %d octets of data (must be %d)", len(a.Data), n))
}

func (a AVP) invalid(what string) error {
	return &Failure{Code: InvalidAVPValue, Failed: []AVP{a}, Text: fmt.Sprintf("%v %s", a, what)}
}

// NewUnsigned32 makes an AVP of type Unsigned32.
func NewUnsigned32(code, vendor uint32, flags AVPFlags, v uint32) AVP {
	return newAVP(code, vendor, flags, datatype.Unsigned32(v))
}

// NewInteger32 makes an AVP of type Integer32 or Enumerated.
func NewInteger32(code, vendor uint32, flags AVPFlags, v int32) AVP {
	return newAVP(code, vendor, flags, datatype.Integer32(v))
}

// NewUTF8 makes an AVP of type UTF8String or DiameterIdentity.
func NewUTF8(code, vendor uint32, flags AVPFlags, v string) AVP {
	return newAVP(code, vendor, flags, datatype.UTF8String(v))
}

// NewOctets makes an AVP of type OctetString. It copies v.
func NewOctets(code, vendor uint32, flags AVPFlags, v []byte) AVP {
	return newAVP(code, vendor, flags, datatype.OctetString(v))
}

// NewAddress makes an AVP of type Address from an IPv4 or IPv6 address without
// its zone. An IPv4-mapped one is sent as IPv4.
func NewAddress(code, vendor uint32, flags AVPFlags, v netip.Addr) AVP {
	return newAVP(code, vendor, flags, datatype.Address(v.Unmap().AsSlice()))
}

// NewGroup makes an AVP of type Grouped.
func NewGroup(code, vendor uint32, flags AVPFlags, avps ...AVP) AVP {
	var data []byte
	for _, a := range avps {
		data = a.Append(data)
	}
	return newAVP(code, vendor, flags, datatype.Grouped(data))
}

func newAVP(code, vendor uint32, flags AVPFlags, v datatype.Type) AVP {
	if vendor != 0 {
		flags |= AVPVendor
	}
	return AVP{Code: code, Vendor: vendor, Flags: flags, Data: v.Serialize()}
}
