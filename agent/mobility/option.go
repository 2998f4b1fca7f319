package mobility

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Types of mobility options.
const (
	optionPad1            = 0 // RFC 6275 section 6.2.2
	optionPadN            = 1 // RFC 6275 section 6.2.3
	optionRefreshAdvice   = 2 // RFC 6275 section 6.2.4
	optionAlternateCareOf = 3 // RFC 6275 section 6.2.5
	optionNonceIndices    = 4 // RFC 6275 section 6.2.6
	optionAuthorization   = 5 // RFC 6275 section 6.2.7
	optionNetworkPrefix   = 6 // RFC 3963 section 4.3
	optionIdentifier      = 8 // RFC 4283 section 3
)

const (
	optionHeader      = 2 // type and length
	addressLength     = 16
	maxIdentifier     = 254 // Option Length less the subtype
	maxAuthentication = 255
)

// Options are the mobility options of one message. Each but the network
// prefixes may occur once; which of them a message may carry is said by its RFC
// and not checked here. Options of other types are counted and skipped (RFC 6275
// section 6.2.1); padding is neither.
type Options struct {
	// RefreshAdvice is the Refresh Interval in units of 4 seconds; 0 means
	// that the option is absent.
	RefreshAdvice Lifetime
	// AlternateCareOf is the zero Addr if the option is absent.
	AlternateCareOf netip.Addr
	// NonceIndices is nil if the option is absent.
	NonceIndices *NonceIndices
	// NetworkPrefixes are those of a mobile router (RFC 3963), in order.
	NetworkPrefixes []NetworkPrefix
	// Identifier has a nil Value if the option is absent.
	Identifier Identifier
	// Authorization is the authenticator of a Binding Authorization Data
	// option, nil if the option is absent.
	Authorization []byte
	// Skipped is how many options had a type unknown to this package.
	Skipped int
}

// NonceIndices tell a correspondent node which nonces its keygen tokens came
// from (RFC 6275 section 6.2.6).
type NonceIndices struct {
	Home, CareOf uint16
}

// A NetworkPrefix is the content of a Mobile Network Prefix option as it was on
// the wire: Bits may exceed 128 and host bits may be set.
type NetworkPrefix struct {
	Addr netip.Addr
	Bits uint8
}

// Prefix returns the prefix with its host bits cleared, and whether the prefix
// length was one that an IPv6 prefix can have.
func (p NetworkPrefix) Prefix() (netip.Prefix, bool) {
	prefix, err := p.Addr.Prefix(int(p.Bits))
	return prefix, err == nil
}

// An IdentifierSubtype says what the value of an [Identifier] is.
type IdentifierSubtype uint8

// IdentifierNAI is the subtype of a network access identifier, user@realm (RFC
// 4283 section 3.1).
const IdentifierNAI IdentifierSubtype = 1

// An Identifier is a Mobile Node Identifier option (RFC 4283).
type Identifier struct {
	Subtype IdentifierSubtype
	Value   []byte // at most 254 octets
}

// parse reads the options area. On a fault it also returns the octet of b where
// the offending option starts.
func (o *Options) parse(b []byte) (at int, fault Fault) {
	for at < len(b) {
		if b[at] == optionPad1 {
			at++
			continue
		}
		if len(b)-at < optionHeader || len(b)-at-optionHeader < int(b[at+1]) {
			return at, FaultOptionOverrun
		}
		end := at + optionHeader + int(b[at+1])
		if fault := o.parseOne(b[at], b[at+optionHeader:end:end]); fault != 0 {
			return at, fault
		}
		if b[at] == optionAuthorization && end != len(b) {
			return end, FaultOptionOrder
		}
		at = end
	}
	return at, 0
}

func (o *Options) parseOne(kind byte, data []byte) Fault {
	switch kind {
	case optionPadN: // its data is ignored (RFC 6275 section 6.2.3)
	case optionRefreshAdvice:
		return o.parseRefreshAdvice(data)
	case optionAlternateCareOf:
		return o.parseAlternateCareOf(data)
	case optionNonceIndices:
		return o.parseNonceIndices(data)
	case optionAuthorization: // a second one is stopped by the rule that it is last
		o.Authorization = data
	case optionNetworkPrefix:
		return o.parseNetworkPrefix(data)
	case optionIdentifier:
		return o.parseIdentifier(data)
	default:
		o.Skipped++
	}
	return 0
}

func (o *Options) parseRefreshAdvice(data []byte) Fault {
	if len(data) != 2 {
		return FaultOptionLength
	}
	if o.RefreshAdvice != 0 {
		return FaultOptionRepeated
	}
	o.RefreshAdvice = Lifetime(binary.BigEndian.Uint16(data))
	return 0
}

func (o *Options) parseAlternateCareOf(data []byte) Fault {
	if len(data) != addressLength {
		return FaultOptionLength
	}
	if o.AlternateCareOf.IsValid() {
		return FaultOptionRepeated
	}
	o.AlternateCareOf = address(data)
	return 0
}

func (o *Options) parseNonceIndices(data []byte) Fault {
	if len(data) != 4 {
		return FaultOptionLength
	}
	if o.NonceIndices != nil {
		return FaultOptionRepeated
	}
	o.NonceIndices = &NonceIndices{
		Home:   binary.BigEndian.Uint16(data),
		CareOf: binary.BigEndian.Uint16(data[2:]),
	}
	return 0
}

func (o *Options) parseNetworkPrefix(data []byte) Fault {
	if len(data) != 2+addressLength {
		return FaultOptionLength
	}
	o.NetworkPrefixes = append(o.NetworkPrefixes, NetworkPrefix{Addr: address(data[2:]), Bits: data[1]})
	return 0
}

func (o *Options) parseIdentifier(data []byte) Fault {
	if len(data) < 1 {
		return FaultOptionLength
	}
	if o.Identifier.Value != nil {
		return FaultOptionRepeated
	}
	o.Identifier = Identifier{Subtype: IdentifierSubtype(data[0]), Value: data[1:]}
	return 0
}

func address(b []byte) netip.Addr { return netip.AddrFrom16([addressLength]byte(b[:addressLength])) }

// checkLengths finds what an Option Length of eight bits cannot express.
func (o *Options) checkLengths() error {
	if n := len(o.Identifier.Value); n > maxIdentifier {
		return fmt.Errorf("mobile node identifier of %d octets (must be at most %d)", n, maxIdentifier)
	}
	if n := len(o.Authorization); n > maxAuthentication {
		return fmt.Errorf("binding authorization data of %d octets (must be at most %d)", n, maxAuthentication)
	}
	return nil
}
