// Package neighbor is the codec of Neighbor Solicitations and Advertisements as
// whole IPv6 packets, as one needs them who speaks for addresses that are not his
// own: source and destination are chosen freely and looked at closely.
//
// [Parse] makes every check of RFC 4861 sections 7.1.1 and 7.1.2 and returns a
// [Message]; [Append] does the reverse. [SolicitedNode] and [EtherMulticast] are
// where solicitations go.
//
// The package knows RFC 4861 on Ethernet. It must not know sockets, nor who
// defends which address.
package neighbor

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/ndp"
)

// A Kind is a message of Neighbor Discovery.
type Kind uint8

// The kinds of messages.
const (
	Solicitation Kind = iota + 1
	Advertisement
)

// A LinkAddress is an Ethernet address; its zero value stands for none.
type LinkAddress [6]byte

// String returns the address in the usual notation.
func (a LinkAddress) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

// Group reports whether a is a multicast or the broadcast address.
func (a LinkAddress) Group() bool { return a[0]&1 != 0 }

// A Message is a Neighbor Solicitation or Advertisement.
type Message struct {
	Kind                Kind
	Source, Destination netip.Addr // of the IPv6 header
	Target              netip.Addr
	// LinkAddress is that of the Source Link-Layer Address option of a
	// Solicitation, the Target Link-Layer Address option of an Advertisement;
	// zero if there is none.
	LinkAddress LinkAddress
	// Flags of an Advertisement.
	Router, Solicited, Override bool
}

// Probe reports whether m is a solicitation of duplicate address detection (RFC
// 4862 section 5.4.3).
func (m *Message) Probe() bool { return m.Kind == Solicitation && m.Source.IsUnspecified() }

// Layout of the packets.
const (
	headerLength  = 40
	messageLength = 24 // without options
	hopLimit      = 255
	icmpv6        = 58
)

// Append appends m as an IPv6 packet to b. Addresses must be IPv6.
func Append(b []byte, m *Message) ([]byte, error) {
	payload, err := ndp.MarshalMessageChecksum(m.encode(), m.Source, m.Destination)
	if err != nil {
		return nil, fmt.Errorf("encoding a neighbor discovery message for %s: %w", m.Target, err)
	}
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, icmpv6, hopLimit)
	b = append(append(b, m.Source.AsSlice()...), m.Destination.AsSlice()...)
	return append(b, payload...), nil
}

func (m *Message) encode() ndp.Message {
	if m.Kind == Solicitation {
		return &ndp.NeighborSolicitation{TargetAddress: m.Target, Options: m.options(ndp.Source)}
	}
	return &ndp.NeighborAdvertisement{
		Router: m.Router, Solicited: m.Solicited, Override: m.Override,
		TargetAddress: m.Target, Options: m.options(ndp.Target),
	}
}

func (m *Message) options(d ndp.Direction) []ndp.Option {
	if m.LinkAddress == (LinkAddress{}) {
		return nil
	}
	return []ndp.Option{&ndp.LinkLayerAddress{Direction: d, Addr: m.LinkAddress[:]}}
}

// AllNodes is the link-local all-nodes multicast address.
func AllNodes() netip.Addr { return netip.IPv6LinkLocalAllNodes() }

// SolicitedNode returns the solicited-node multicast address of an IPv6 address
// (RFC 4291 section 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	from := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: from[13], 14: from[14], 15: from[15]})
}

// EtherMulticast returns where a multicast packet goes on Ethernet (RFC 2464
// section 7).
func EtherMulticast(group netip.Addr) LinkAddress {
	from := group.As16()
	return LinkAddress{0x33, 0x33, from[12], from[13], from[14], from[15]}
}
