package crowd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"homeagent/agent/mobility"
)

// Next Header values, and what else is needed of the formats.
const (
	headerRouting        = 43
	headerESP            = 50
	headerDestination    = 60
	headerMobility       = 135
	ipv6Header           = 40
	extension            = 24 // a Home Address option's or type 2 routing header's
	optionPadN           = 1
	optionHomeAddress    = 201
	routingType2         = 2
	hopLimit             = 64
	extensionLength      = extension/8 - 1
	homeAddressAlignment = 2 // octets of padding before the option
)

// An outgoing is a Binding Update on the wire: under ESP, with a Home Address
// option (RFC 6275 section 6.3, RFC 4877 section 4.3).
type outgoing struct {
	careOf, home, agent netip.Addr
	spi, number         uint32 // of the security association
	message             []byte // a Mobility Header; its checksum is filled in
}

// append appends the whole IPv6 packet.
func (o *outgoing) append(b []byte, s *suite) []byte {
	start := len(b)
	mobility.SetChecksum(o.home, o.agent, o.message)
	b = append(b, 0x60, 0, 0, 0, 0, 0, headerDestination, hopLimit)
	b = append(append(b, o.careOf.AsSlice()...), o.agent.AsSlice()...)
	b = append(b, headerESP, extensionLength, optionPadN, homeAddressAlignment, 0, 0, optionHomeAddress, 16)
	b = append(b, o.home.AsSlice()...)
	b = s.seal(b, o.spi, o.number, headerMobility, o.message)
	binary.BigEndian.PutUint16(b[start+4:], uint16(len(b)-start-ipv6Header))
	return b
}

// An incoming is a packet from a home agent to a mobile node away from home.
type incoming struct {
	careOf, home, agent netip.Addr
	spi                 uint32
	ack                 *mobility.BindingAcknowledgement
}

// errForeign says that a packet is none from a home agent's kernel to one of us.
var errForeign = errors.New("it has no type 2 routing header and ESP")

// parse reads a packet and makes all checks that a mobile node's kernel would
// make, and that it is a Binding Acknowledgement. It decrypts in place.
func parse(b []byte, s *suite) (*incoming, error) {
	if len(b) < ipv6Header+extension || b[0]>>4 != 6 || b[6] != headerRouting {
		return nil, errForeign
	}
	length := ipv6Header + int(binary.BigEndian.Uint16(b[4:]))
	if length < ipv6Header+extension || length > len(b) {
		return nil, errShort
	}
	routing := b[ipv6Header:]
	if routing[0] != headerESP || routing[1] != extensionLength || routing[2] != routingType2 || routing[3] != 1 {
		return nil, errForeign
	}
	p := &incoming{
		agent: netip.AddrFrom16([16]byte(b[8:])), careOf: netip.AddrFrom16([16]byte(b[24:])),
		home: netip.AddrFrom16([16]byte(routing[8:])),
	}
	spi, next, message, err := s.open(b[ipv6Header+extension : length])
	if err != nil {
		return nil, err
	}
	p.spi = spi
	return p, p.acknowledgement(next, message)
}

func (p *incoming) acknowledgement(nextHeader uint8, message []byte) error {
	if nextHeader != headerMobility || !mobility.ChecksumOK(p.agent, p.home, message) {
		return fmt.Errorf("next header %d or the checksum is wrong (must be %d)", nextHeader, headerMobility)
	}
	m, err := mobility.Parse(message)
	if err != nil {
		return err
	}
	ack, ok := m.(*mobility.BindingAcknowledgement)
	if !ok {
		return fmt.Errorf("it is a %v", m.Type())
	}
	p.ack = ack
	return nil
}
