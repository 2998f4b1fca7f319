package xfrm

import (
	"net/netip"
)

// Desired is all that the kernel should hold for the home agent.
type Desired struct {
	// HomeAgents are our addresses which mobile nodes send Binding Updates
	// to. Each is assumed to be configured on an interface.
	HomeAgents []netip.Addr

	// HomePrefixes are the prefixes home addresses are taken from. Signalling
	// between any of HomeAgents and any of them is let through only under
	// IPsec (RFC 4877 section 7.2.1).
	HomePrefixes []netip.Prefix

	// ReqID is the reqid that the transport mode security associations of all
	// mobile nodes have, or 0 if each mobile node has one of its own. The
	// kernel serves both alike, as an association's selector ties it to its
	// mobile node. But charon takes a reqid for the name of one peer: Migrate
	// needs one per mobile node. Then messages are sent through sockets
	// prepared by ProtectSocket, and any ESP transport association between
	// the two addresses may carry a Binding Update.
	ReqID uint32

	// RequireProtectedPrefixDiscovery keeps Mobile Prefix Advertisements from
	// leaving without ESP (RFC 6275 section 5.4: SHOULD). Solicitations come in
	// either way: Linux cannot tell them from other ICMPv6 messages with a Home
	// Address option, for which RouteOptimization is needed.
	RequireProtectedPrefixDiscovery bool

	// RouteOptimization makes the home agent a correspondent node of its own
	// mobile nodes: what it sends itself to a bound home address goes to the
	// care-of address with a type 2 routing header, and it takes packets with
	// a Home Address option that agrees with a binding (RFC 6275 sections
	// 9.3.1, 9.3.2 and 10.4.2). Without it the former go through the tunnel
	// and the latter are rejected. It costs two more kernel objects per
	// binding. Mobility Header messages are not concerned.
	RouteOptimization bool

	// TunnelledSignalling takes Mobility Header messages from inside the tunnel mode
	// association for any mobile node's payload, too, where they need no Home
	// Address option (RFC 4877 section 3). Whose tunnel that was is told by the
	// packet's mark alone, which the receiver has to compare with [MarkOf]; see
	// there for what the associations need.
	TunnelledSignalling bool

	// Tunnel describes the device which carries all bindings. Its zero value
	// has no device; then Bindings must be empty.
	Tunnel TunnelConfig

	// Bindings are the mobile nodes away from home, at most one per home
	// address.
	Bindings []Binding
}

// TunnelConfig describes the tunnel device all mobile nodes share (RFC 6275
// section 10.4.2, RFC 2473).
type TunnelConfig struct {
	// Name of the device, at most 15 octets. The device belongs to us
	// wholly; empty means that there is none.
	Name string

	// MTU of the device in octets, DefaultMTU if zero. A packet that does
	// not fit is answered with Packet Too Big.
	MTU int

	// HopLimit of the outer header, DefaultHopLimit if zero (RFC 2473
	// section 6.3).
	HopLimit uint8
}

// Defaults of TunnelConfig.
const (
	DefaultMTU      = 1460 // an Ethernet's 1500 octets less the outer header
	DefaultHopLimit = 64
)

// Binding is one mobile node away from home.
type Binding struct {
	HomeAddress netip.Addr
	CareOf      netip.Addr // primary care-of address: outer address of the tunnel
	HomeAgent   netip.Addr // our end of the tunnel

	// Prefixes are the mobile network prefixes reached through a mobile
	// router (RFC 3963), at most one owner each.
	Prefixes []netip.Prefix

	// Protection says which of the tunnelled packets must be under ESP.
	Protection Protection
}

// Protection says which packets between mobile node and home agent must be in
// an ESP tunnel (RFC 4877 section 4.1, RFC 6275 section 10.4.6), by the reqids
// of the security associations that they must be under; 0 is for those that
// travel as plain IPv6 in IPv6 with their source checked. The reqids are this
// mobile node's own, and two different ones if there are two. Binding Updates
// and Acknowledgements always are in ESP transport mode and no part of this.
type Protection struct {
	// ReturnRoutability is for tunnelled Mobility Header messages, which are
	// HoTI and HoT. Where it is 0 they are part of the payload.
	ReturnRoutability uint32
	// Payload is for everything else that is tunnelled.
	Payload uint32
}

// String is what an operator reads.
func (p Protection) String() string {
	switch {
	case p.ReturnRoutability != 0 && p.Payload != 0:
		return "payload and return routability"
	case p.Payload != 0:
		return "payload"
	case p.ReturnRoutability != 0:
		return "return routability"
	default:
		return "none"
	}
}
