package neighbor

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/ndp"
)

// A Flaw is why a packet is no valid message.
type Flaw uint8

// The flaws that [Parse] finds, in the order of its checks. Sound is none.
const (
	Sound     Flaw = iota
	Other          // not a Neighbor Solicitation or Advertisement
	Truncated      // fewer octets than the headers say
	Forwarded      // hop limit below 255: it came from beyond the link
	WrongChecksum
	WrongCode        // an ICMPv6 code other than 0
	MulticastSource  // nobody to answer
	MulticastTarget  // nobody's address
	BadOption        // of length 0 or beyond the end
	BadProbe         // from the unspecified address, but not to a solicited-node address, or with a link-layer address
	SolicitedToGroup // the Solicited flag in a multicast advertisement

	flawEnd
)

// Flaws is one more than the largest [Flaw]: the size of an array of counters.
const Flaws = int(flawEnd)

var flawNames = [...]string{
	Sound:            "sound",
	Other:            "other",
	Truncated:        "truncated",
	Forwarded:        "forwarded",
	WrongChecksum:    "wrong_checksum",
	WrongCode:        "wrong_code",
	MulticastSource:  "multicast_source",
	MulticastTarget:  "multicast_target",
	BadOption:        "bad_option",
	BadProbe:         "bad_probe",
	SolicitedToGroup: "solicited_to_group",
}

// String returns the flaw as one word, as in logs and metrics.
func (f Flaw) String() string { return flawNames[f] }

// Parse reads an IPv6 packet and validates it as RFC 4861 sections 7.1.1 and 7.1.2
// say. Options other than the link-layer address that belongs to the message are
// ignored, as is a link-layer address that is not one of Ethernet.
func Parse(packet []byte) (*Message, Flaw) {
	payload, flaw := icmpv6Of(packet)
	if flaw != Sound {
		return nil, flaw
	}
	m, flaw := fixed(payload)
	if flaw != Sound {
		return nil, flaw
	}
	m.Source = netip.AddrFrom16([16]byte(packet[8:]))
	m.Destination = netip.AddrFrom16([16]byte(packet[24:]))
	switch {
	case packet[7] != hopLimit:
		return nil, Forwarded
	case checksum(packet[8:headerLength], payload) != 0xffff:
		return nil, WrongChecksum
	case payload[1] != 0:
		return nil, WrongCode
	case m.Source.IsMulticast():
		return nil, MulticastSource
	case m.Target.IsMulticast():
		return nil, MulticastTarget
	}
	if flaw := m.takeOptions(payload[messageLength:]); flaw != Sound {
		return nil, flaw
	}
	return m, m.judge()
}

// icmpv6Of returns the payload if it is ICMPv6 without extension headers before it;
// no node puts any there, and RFC 6980 forbids the ones that matter.
func icmpv6Of(packet []byte) ([]byte, Flaw) {
	if len(packet) < headerLength || packet[0]>>4 != 6 || packet[6] != icmpv6 {
		return nil, Other
	}
	length := int(binary.BigEndian.Uint16(packet[4:]))
	if headerLength+length > len(packet) {
		return nil, Truncated
	}
	return packet[headerLength : headerLength+length], Sound
}

// fixed reads the part before the options.
func fixed(payload []byte) (*Message, Flaw) {
	decoded, err := ndp.ParseMessage(payload[:min(len(payload), messageLength)])
	switch d := decoded.(type) {
	case *ndp.NeighborSolicitation:
		return &Message{Kind: Solicitation, Target: d.TargetAddress}, Sound
	case *ndp.NeighborAdvertisement:
		return &Message{
			Kind: Advertisement, Target: d.TargetAddress,
			Router: d.Router, Solicited: d.Solicited, Override: d.Override,
		}, Sound
	}
	if err != nil && len(payload) < messageLength {
		return nil, Truncated
	}
	return nil, Other
}

// takeOptions walks the options itself: mdlayher/ndp gives up on a message for an
// option that has nothing to do with it, and an address would go undefended.
func (m *Message) takeOptions(options []byte) Flaw {
	for len(options) > 0 {
		if len(options) < 8 || options[1] == 0 || int(options[1])*8 > len(options) {
			return BadOption
		}
		length := int(options[1]) * 8
		if options[0] == m.linkAddressOption() && length == 8 {
			m.LinkAddress = LinkAddress(options[2:8])
		}
		options = options[length:]
	}
	return Sound
}

func (m *Message) linkAddressOption() byte {
	if m.Kind == Solicitation {
		return byte(ndp.Source)
	}
	return byte(ndp.Target)
}

// judge makes the checks that are different for the two messages.
func (m *Message) judge() Flaw {
	switch {
	case m.Probe() && (m.LinkAddress != LinkAddress{} || !solicitedNodeGroup(m.Destination)):
		return BadProbe
	case m.Solicited && m.Destination.IsMulticast():
		return SolicitedToGroup
	}
	return Sound
}

func solicitedNodeGroup(a netip.Addr) bool { return a == SolicitedNode(a) }

// checksum returns the sum over the pseudo-header and the payload, which is 0xffff
// if the checksum in there is right (RFC 8200 section 8.1).
func checksum(addresses, payload []byte) uint16 {
	sum := uint32(len(payload)) + icmpv6
	for _, b := range [][]byte{addresses, payload} {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
