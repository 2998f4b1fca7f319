package mobilitysocket

import (
	"fmt"
	"net/netip"
)

// A Packet is a received Mobility Header. Its Payload is valid until the handler
// returns.
type Packet struct {
	// Source is the IPv6 source address on the wire, always unicast. That of a
	// mobile node away from home is its care-of address.
	Source netip.Addr
	// HomeAddress is the address in the Home Address option, always unicast
	// and routable; the zero Addr if there was no such option.
	HomeAddress netip.Addr
	// Destination is the address of ours that the packet was sent to.
	Destination netip.Addr
	// Interface is the index of the one that the packet arrived on.
	Interface int
	// Mark is what the kernel marked the packet with, by which it tells whose tunnel
	// the packet came in; 0 for none.
	Mark uint32
	// Payload is the Mobility Header, beginning with Payload Proto.
	Payload []byte
}

// Reply addresses payload as an answer to the node that p came from: to its home
// address by way of where it is if it has a home address (a type 2 routing header),
// else straight back (RFC 6275 section 9.5.4).
func (p *Packet) Reply(payload []byte) Outgoing {
	if !p.HomeAddress.IsValid() {
		return p.Error(payload)
	}
	return Outgoing{Source: p.Destination, Destination: p.HomeAddress, CareOf: p.Source, Payload: payload}
}

// Error addresses payload, a Binding Error, to where p was sent from and without a
// routing header (RFC 6275 section 9.3.3).
func (p *Packet) Error(payload []byte) Outgoing {
	return Outgoing{Source: p.Destination, Destination: p.Source, Payload: payload}
}

// Outgoing is a Mobility Header to send.
type Outgoing struct {
	Source      netip.Addr // an address of ours
	Destination netip.Addr // a home address, or where an error has to go
	// CareOf is where the packet is sent by way of, with a type 2 routing
	// header; the zero Addr sends it straight to Destination.
	CareOf netip.Addr
	// Interface is the index of the one that the packet has to leave by,
	// whatever route there is to Destination; 0 leaves it to the routes. A
	// mobile node that is at home, while its binding says otherwise, gets the
	// refusal of its Binding Update there (RFC 6275 section 10.3.2).
	Interface int
	// Association is the reqid of the ESP security association that the packet
	// has to leave under; 0 leaves it to the policies.
	Association uint32
	// TunnelEnd is the far end of the association in tunnel mode; the zero Addr is
	// for transport mode.
	TunnelEnd netip.Addr
	Payload   []byte // the checksum is the kernel's to fill in
}

// String returns the packet as tcpdump would show its headers.
func (o Outgoing) String() string {
	to, route := o.Destination, ""
	if o.CareOf.IsValid() {
		to, route = o.CareOf, fmt.Sprintf(": RT6 (type=2, %s)", o.Destination)
	}
	if o.Interface != 0 {
		route += fmt.Sprintf(" [out of interface %d]", o.Interface)
	}
	return fmt.Sprintf("IP6 %s > %s%s: mobility %x", o.Source, to, route, o.Payload)
}

// A Discard is why a received packet was not handed over.
type Discard uint8

// The reasons to discard a packet.
const (
	Kept                  Discard = iota
	SourceNotUnicast              // nobody to answer (RFC 6275 section 9.5.4)
	DestinationNotUnicast         // signalling goes to an address of ours (RFC 6275 section 6.1)
	HomeAddressUnusable           // Home Address option that is not unicast routable (RFC 6275 section 6.3)

	discardEnd
)

// Discards is one more than the largest [Discard]: the size of an array of counters.
const Discards = int(discardEnd)

var discardNames = [...]string{
	Kept:                  "kept",
	SourceNotUnicast:      "source_not_unicast",
	DestinationNotUnicast: "destination_not_unicast",
	HomeAddressUnusable:   "home_address_unusable",
}

// String returns the reason as one word, as in logs and metrics.
func (d Discard) String() string { return discardNames[d] }

// judge says whether p is fit to be handed over.
func (p *Packet) judge() Discard {
	switch {
	case !unicast(p.Source):
		return SourceNotUnicast
	case !unicast(p.Destination):
		return DestinationNotUnicast
	case p.HomeAddress.IsValid() && !(p.HomeAddress.IsGlobalUnicast() && unicast(p.HomeAddress)):
		return HomeAddressUnusable
	}
	return Kept
}

func unicast(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast()
}
