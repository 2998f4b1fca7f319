package xfrm

import (
	"net/netip"

	"homeagent/xfrm/internal/object"
)

// PolicyRange is a range of priorities, both ends in it.
type PolicyRange struct{ First, Last uint32 }

// Contains tells whether a priority is in the range.
func (r PolicyRange) Contains(priority uint32) bool {
	return r.First <= priority && priority <= r.Last
}

// PolicyPriorities returns the range of priorities which marks a policy as
// ours. charon's own start at 100,000 and so come later.
func PolicyPriorities() PolicyRange { return PolicyRange{First: 62748, Last: 62799} }

// Priorities of our policies within PolicyPriorities: signalling and discovery
// come before the policies of a protected payload, which would match them as
// well (RFC 4877 section 7.2.4).
const (
	priorityTunnelled         = 62748
	prioritySignalling        = 62750
	priorityNeighbors         = 62752
	prioritySolicitation      = 62754
	priorityReturnRoutability = 62760
	priorityPayload           = 62770
	priorityMobility          = 62780
	priorityOptimized         = 62790
)

// The reqids of keyless states mark them as ours. Templates for a Home Address
// option that is believed without a binding ask for any reqid, others for that
// of the states which bindings have.
const (
	wildcardReqID = 6275
	bindingReqID  = 6276
)

// Mobility Header types of RFC 6275 section 6.1, RFC 5142 section 4.2 and RFC
// 5846 section 5, and ICMPv6 types of RFC 4861 section 4 and RFC 6275 sections
// 6.7 and 6.8.
const (
	typeBindingRefreshRequest     = 0
	typeBindingAcknowledgement    = 6
	typeHomeAgentSwitch           = 12
	typeBindingRevocation         = 16
	typeNeighborSolicitation      = 135
	typeNeighborAdvertisement     = 136
	typeMobilePrefixSolicitation  = 146
	typeMobilePrefixAdvertisement = 147
)

// message is one kind of message that the home agent sends to mobile nodes.
type message struct {
	protocol uint8
	typ      uint8
	// optional lets the message leave without ESP where there is no security
	// association.
	optional bool
}

// messages returns what to protect when it is sent (RFC 4877 section 4.3).
// Refresh requests are not among what must be; they are protected where they
// can be, which is what a mobile node with one policy for the whole Mobility
// Header expects.
func messages(d Desired) []message {
	return []message{
		{object.MobilityHeader, typeBindingRefreshRequest, true},
		{object.MobilityHeader, typeBindingAcknowledgement, false},
		{object.MobilityHeader, typeHomeAgentSwitch, false},
		{object.MobilityHeader, typeBindingRevocation, false},
		{object.ICMPv6, typeMobilePrefixAdvertisement, !d.RequireProtectedPrefixDiscovery},
	}
}

// signallingPolicies returns the policies for signalling: per home agent
// address and home prefix, not per mobile node, because inserting a policy
// costs the kernel a walk over all IPv6 routes. The security association's own
// selector ties a packet to its owner: one under another's is dropped and
// counted as XfrmInStateMismatch.
func signallingPolicies(d Desired) []object.Policy {
	var list []object.Policy
	for _, home := range d.HomePrefixes {
		list = append(list, neighborPolicies(home)...)
	}
	for _, agent := range d.HomeAgents {
		if d.TunnelledSignalling {
			list = append(list, tunnelledPolicy(agent))
		}
		for _, home := range d.HomePrefixes {
			list = append(list, receivedPolicy(agent, home, d.ReqID))
			for _, m := range messages(d) {
				list = append(list, m.policy(agent, home, d.ReqID))
			}
			if d.RouteOptimization {
				list = append(list, solicitationPolicies(agent, home)...)
				list = append(list, optimizedPolicies(agent, home)...)
			}
		}
	}
	return list
}

// receivedPolicy takes Mobility Header messages from home addresses under ESP
// only. It is not for Binding Updates alone, as RFC 4877 section 7.2.1 has it:
// Linux looks for the type of a received message behind the first extension
// header. It finds the type of a message with a Home Address option and nothing
// before that. Without extension headers, or with more of them, it finds octets
// of the sender's choice, so that no policy for a type could be relied on.
func receivedPolicy(agent netip.Addr, home netip.Prefix, reqID uint32) object.Policy {
	return object.Policy{
		Selector:  object.Selector{Src: home, Dst: object.Host(agent), Protocol: object.MobilityHeader},
		Direction: object.In,
		Priority:  prioritySignalling,
		Templates: [object.MaxTemplates]object.Template{
			espTransport(reqID),
			// A mobile node at home sends no Home Address option (RFC 6275
			// section 11.5.5), one that is away must (RFC 4877 section 4.2).
			keyless(object.HomeAddress, 0),
		},
	}
}

// MarkOf is the mark that packets must be given which came under the tunnel mode
// association of a mobile node's payload, so that Mobility Header messages are taken
// from it (RFC 4877 section 5): its reqid, which must have the highest bit and not the
// next one.
func MarkOf(reqID uint32) uint32 { return reqID }

// Tunnelled reports whether a packet with this mark came from inside such a tunnel.
// Others may have marks that somebody else gave them.
func Tunnelled(mark uint32) bool { return mark&payloadMask == payloadMark }

// Bits of marks, and those of them that tell payload from everything else.
const (
	payloadMark = 1 << 31
	payloadMask = 1<<31 | 1<<30
)

// tunnelledPolicy takes Mobility Header messages from inside the tunnel for a mobile
// node's whole payload, which need no Home Address option (RFC 4877 section 3). It is
// one for all: whose tunnel a message came from is told by the packet's mark, which
// the receiver has to compare. An association in transport mode gives none.
//
// It is for any source, although mobile nodes have tunnels for their home addresses
// only: the kernel looks for the policy of a migration by the selector without the
// mark, and must find the one of receivedPolicy.
func tunnelledPolicy(agent netip.Addr) object.Policy {
	return object.Policy{
		Selector: object.Selector{
			Src: object.Everything(), Dst: object.Host(agent), Protocol: object.MobilityHeader, Mark: payloadMark, Mask: payloadMask,
		},
		Direction: object.In,
		Priority:  priorityTunnelled,
		Templates: [object.MaxTemplates]object.Template{
			{Transform: object.ESP, Mode: object.TunnelMode, Src: netip.IPv6Unspecified(), Dst: agent},
			keyless(object.HomeAddress, 0),
		},
	}
}

// policy is for sending: the type comes from the sending socket and is right.
func (m message) policy(agent netip.Addr, home netip.Prefix, reqID uint32) object.Policy {
	p := object.Policy{
		Selector: object.Selector{
			Src:      object.Host(agent),
			Dst:      home,
			Protocol: m.protocol,
			Type:     m.typ,
			Typed:    true,
		},
		Direction: object.Out,
		Priority:  prioritySignalling,
	}
	if reqID == 0 {
		// There is no template for just any association when sending. What is
		// not sent through a protected socket must not leave in the clear.
		p.Block = !m.optional
		return p
	}
	p.Templates[0] = espTransport(reqID)
	p.Templates[0].Optional = m.optional
	return p
}

// neighborPolicies keep Neighbor Discovery on the home link as it is, whatever a
// binding says. A mobile node that has come home has to find the home agent's
// link-layer address before it can deregister (RFC 6275 section 11.5.5): the
// kernel's answer must not follow it to the care-of address it has left, and its
// question cannot be under ESP. The type of these messages can be relied on, as
// no extension header is of a number that could be taken for it.
func neighborPolicies(home netip.Prefix) []object.Policy {
	var list []object.Policy
	for _, typ := range []uint8{typeNeighborSolicitation, typeNeighborAdvertisement} {
		message := object.Selector{Src: home, Dst: object.Everything(), Protocol: object.ICMPv6, Type: typ, Typed: true}
		list = append(list, object.Policy{Selector: message, Direction: object.In, Priority: priorityNeighbors})
		message.Src, message.Dst = message.Dst, message.Src
		list = append(list, object.Policy{Selector: message, Direction: object.Out, Priority: priorityNeighbors})
	}
	return list
}

// solicitationPolicies take Mobile Prefix Solicitations with a Home Address option
// that agrees with a binding, also where all else has to come in an ESP tunnel (RFC
// 4877 section 7.2.4). They may be under ESP in transport mode (RFC 6275 section
// 5.4), which need not be told here. Linux before 6.7 takes the first octet of the
// Destination Options header for the type: the Next Header field.
func solicitationPolicies(agent netip.Addr, home netip.Prefix) []object.Policy {
	var list []object.Policy
	for _, typ := range []uint8{typeMobilePrefixSolicitation, object.ICMPv6} {
		list = append(list, object.Policy{
			Selector:  object.Selector{Src: home, Dst: object.Host(agent), Protocol: object.ICMPv6, Type: typ, Typed: true},
			Direction: object.In,
			Priority:  prioritySolicitation,
			Templates: [object.MaxTemplates]object.Template{keyless(object.HomeAddress, bindingReqID)},
		})
	}
	return list
}

// keyless is the template for a Home Address option or a type 2 routing header
// where there is one.
func keyless(t object.Transform, reqID uint32) object.Template {
	return object.Template{Transform: t, Mode: object.RouteOptimization, ReqID: reqID, Optional: true}
}

// optimizedPolicies are those of route optimization. The Mobility Header is
// left out of it: its messages have a routing header only where their senders
// put one (RFC 6275 section 6.1).
func optimizedPolicies(agent netip.Addr, home netip.Prefix) []object.Policy {
	in := object.Policy{
		Selector:  object.Selector{Src: home, Dst: object.Host(agent)},
		Direction: object.In,
		Priority:  priorityOptimized,
		Templates: [object.MaxTemplates]object.Template{keyless(object.HomeAddress, bindingReqID)},
	}
	out := object.Policy{
		Selector:  object.Selector{Src: object.Host(agent), Dst: home},
		Direction: object.Out,
		Priority:  priorityOptimized,
		Templates: [object.MaxTemplates]object.Template{keyless(object.Routing, bindingReqID)},
	}
	mobility := out
	mobility.Protocol, mobility.Priority = object.MobilityHeader, priorityMobility
	mobility.Templates = [object.MaxTemplates]object.Template{}
	return []object.Policy{in, out, mobility}
}

// wildcardState makes the kernel take the Home Address option at all, from
// any care-of address: whether it may be believed is the policies' to say
// (RFC 6275 section 9.3.1).
func wildcardState() object.State {
	any := netip.IPv6Unspecified()
	return object.State{
		Transform: object.HomeAddress,
		Src:       any,
		Dst:       any,
		CareOf:    any,
		ReqID:     wildcardReqID,
		Wildcard:  true,
	}
}
