// Package wiretest sends and captures single IPv6 packets on an Ethernet interface,
// for kernel tests of sockets: what it sends is what a [Packet] says, and what it
// captures is what was on the wire, headers that the receiving kernel would have
// hidden included.
//
// It needs root, and belongs into tests only.
package wiretest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// A Packet is an Ethernet frame that carries IPv6.
type Packet struct {
	From, To            net.HardwareAddr // zero From: the interface's own
	Source, Destination netip.Addr       // in the IPv6 header
	HopLimit            uint8            // 0 stands for 64 when sending
	// HomeAddresses are those in Home Address options, one Destination Options
	// header for each.
	HomeAddresses []netip.Addr
	// Route is the address in a type 2 routing header, the zero Addr for none.
	Route    netip.Addr
	Protocol uint8 // of Payload
	// Payload begins with the header of Protocol. Append fills in its checksum
	// if it is zero.
	Payload []byte
}

// Protocol numbers.
const (
	ICMPv6         = 58
	MobilityHeader = 135

	destinationOptions = 60
	routing            = 43
	headerLength       = 40
)

// Append appends the IPv6 packet, without the frame's header.
func (p *Packet) Append(b []byte) []byte {
	headers := p.extensions()
	hopLimit := p.HopLimit
	if hopLimit == 0 {
		hopLimit = 64
	}
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(headers)+len(p.Payload)))
	b = append(b, p.firstHeader(), hopLimit)
	b = append(append(b, p.Source.AsSlice()...), p.Destination.AsSlice()...)
	return append(append(b, headers...), p.summed()...)
}

func (p *Packet) firstHeader() uint8 {
	switch {
	case p.Route.IsValid():
		return routing
	case len(p.HomeAddresses) > 0:
		return destinationOptions
	}
	return p.Protocol
}

// extensions returns the headers in the order of RFC 6275 section 6.3.
func (p *Packet) extensions() []byte {
	var b []byte
	if p.Route.IsValid() {
		next := p.Protocol
		if len(p.HomeAddresses) > 0 {
			next = destinationOptions
		}
		b = append(append(b, next, 2, 2, 1, 0, 0, 0, 0), p.Route.AsSlice()...)
	}
	for i, a := range p.HomeAddresses {
		next := uint8(destinationOptions)
		if i == len(p.HomeAddresses)-1 {
			next = p.Protocol
		}
		b = append(append(b, next, 2, 1, 2, 0, 0, 201, 16), a.AsSlice()...)
	}
	return b
}

// summed returns the payload with its checksum, over the addresses that the packet
// has when all headers are processed.
func (p *Packet) summed() []byte {
	payload := append([]byte(nil), p.Payload...)
	at := p.checksumAt()
	if at == 0 || len(payload) < at+2 || payload[at]|payload[at+1] != 0 {
		return payload
	}
	binary.BigEndian.PutUint16(payload[at:], ^p.sum(payload))
	return payload
}

// checksumAt returns where the checksum is in the payload, 0 if it has none.
func (p *Packet) checksumAt() int {
	switch p.Protocol {
	case ICMPv6:
		return 2
	case MobilityHeader:
		return 4
	}
	return 0
}

// ChecksumOK reports whether the payload has the checksum that it should have.
func (p *Packet) ChecksumOK() bool { return p.sum(p.Payload) == 0xffff }

func (p *Packet) sum(payload []byte) uint16 {
	source, destination := p.Source, p.Destination
	if len(p.HomeAddresses) > 0 {
		source = p.HomeAddresses[0]
	}
	if p.Route.IsValid() {
		destination = p.Route
	}
	pseudo := append(source.AsSlice(), destination.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(payload)))
	pseudo = append(append(pseudo, 0, 0, 0, p.Protocol), payload...)
	if len(pseudo)%2 != 0 {
		pseudo = append(pseudo, 0)
	}
	var sum uint32
	for ; len(pseudo) > 0; pseudo = pseudo[2:] {
		sum += uint32(binary.BigEndian.Uint16(pseudo))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Parse reads an IPv6 packet, without the frame's header.
func Parse(b []byte) (*Packet, error) {
	if len(b) < headerLength || b[0]>>4 != 6 {
		return nil, fmt.Errorf("parsing an IPv6 packet: %x is none", b)
	}
	p := &Packet{HopLimit: b[7], Protocol: b[6]}
	p.Source, _ = netip.AddrFromSlice(b[8:24])
	p.Destination, _ = netip.AddrFromSlice(b[24:40])
	length := int(binary.BigEndian.Uint16(b[4:]))
	if headerLength+length > len(b) {
		return nil, fmt.Errorf("parsing an IPv6 packet: payload of %d octets, %d are there", length, len(b)-headerLength)
	}
	p.Payload = b[headerLength : headerLength+length]
	for p.Protocol == destinationOptions || p.Protocol == routing {
		if err := p.extension(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// extension takes the first header off the payload.
func (p *Packet) extension() error {
	b := p.Payload
	if len(b) < 8 || (int(b[1])+1)*8 > len(b) {
		return fmt.Errorf("parsing an IPv6 packet: extension header %d is cut off", p.Protocol)
	}
	length := (int(b[1]) + 1) * 8
	if length == 24 {
		p.mobileIPv6(b, netip.AddrFrom16([16]byte(b[8:])))
	}
	p.Protocol, p.Payload = b[0], b[length:]
	return nil
}

func (p *Packet) mobileIPv6(header []byte, a netip.Addr) {
	switch {
	case p.Protocol == routing && header[2] == 2:
		p.Route = a
	case p.Protocol == destinationOptions && header[6] == 201:
		p.HomeAddresses = append(p.HomeAddresses, a)
	}
}

// String returns the packet as tcpdump would show its headers.
func (p *Packet) String() string {
	s := fmt.Sprintf("%s > %s hlim %d", p.Source, p.Destination, p.HopLimit)
	if p.Route.IsValid() {
		s += fmt.Sprintf(" RT6(type 2, %s)", p.Route)
	}
	for _, a := range p.HomeAddresses {
		s += fmt.Sprintf(" DSTOPT(homeaddr %s)", a)
	}
	return s + fmt.Sprintf(" proto %d %x", p.Protocol, p.Payload)
}
