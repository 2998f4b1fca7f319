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
func PolicyPriorities() PolicyRange { return PolicyRange{First: 62750, Last: 62799} }

// Priorities of our policies within PolicyPriorities: signalling comes before
// the policies of a protected payload, which would match it as well (RFC 4877
// section 7.2.4).
const (
	prioritySignalling        = 62750
	priorityReturnRoutability = 62760
	priorityPayload           = 62770
	priorityOtherMobility     = 62780
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
// 5846 section 5, and ICMPv6 types of RFC 6275 sections 6.7 and 6.8.
const (
	typeBindingRefreshRequest     = 0
	typeHomeTestInit              = 1
	typeHomeTest                  = 3
	typeBindingUpdate             = 5
	typeBindingAcknowledgement    = 6
	typeHomeAgentSwitch           = 12
	typeBindingRevocation         = 16 // Indication and Acknowledgement
	typeMobilePrefixSolicitation  = 146
	typeMobilePrefixAdvertisement = 147
)

// message is one kind of signalling between home agent and mobile node.
type message struct {
	direction object.Direction
	protocol  uint8
	typ       uint8
	// optional lets the message through without ESP too.
	optional bool
}

// messages returns the kinds of signalling to protect (RFC 4877 section 4.3).
// Refresh requests are not among those that must be; they are protected when
// there is a security association, which is what a mobile node with a policy
// for the whole Mobility Header expects.
func messages(d Desired) []message {
	prefixDiscovery := !d.RequireProtectedPrefixDiscovery
	return []message{
		{object.In, object.MobilityHeader, typeBindingUpdate, false},
		{object.In, object.MobilityHeader, typeBindingRevocation, false},
		{object.In, object.ICMPv6, typeMobilePrefixSolicitation, prefixDiscovery},
		{object.Out, object.MobilityHeader, typeBindingRefreshRequest, true},
		{object.Out, object.MobilityHeader, typeBindingAcknowledgement, false},
		{object.Out, object.MobilityHeader, typeHomeAgentSwitch, false},
		{object.Out, object.MobilityHeader, typeBindingRevocation, false},
		{object.Out, object.ICMPv6, typeMobilePrefixAdvertisement, prefixDiscovery},
	}
}

// signallingPolicies returns the policies for signalling: per home agent
// address and home prefix, not per mobile node, because inserting a policy
// costs the kernel a walk over all IPv6 routes. The security association's own
// selector ties a packet to its owner: one under another's is dropped and
// counted as XfrmInStateMismatch.
func signallingPolicies(d Desired) []object.Policy {
	var list []object.Policy
	for _, agent := range d.HomeAgents {
		for _, home := range d.HomePrefixes {
			for _, m := range messages(d) {
				list = append(list, m.policy(agent, home, d.ReqID))
			}
			list = append(list, otherMobilityPolicy(agent, home))
			if d.RouteOptimization {
				list = append(list, optimizedPolicies(agent, home)...)
			}
		}
	}
	return list
}

func (m message) policy(agent netip.Addr, home netip.Prefix, reqID uint32) object.Policy {
	esp := espTransport(reqID)
	esp.Optional = m.optional
	p := object.Policy{
		Selector: object.Selector{
			Src:      object.Host(agent),
			Dst:      home,
			Protocol: m.protocol,
			Type:     m.typ,
			Typed:    true,
		},
		Direction: m.direction,
		Priority:  prioritySignalling,
		Templates: [object.MaxTemplates]object.Template{esp},
	}
	if m.direction == object.In {
		p.Src, p.Dst = p.Dst, p.Src
		// A mobile node at home sends no Home Address option (RFC 6275
		// section 11.5.5), one that is away must (RFC 4877 section 4.2).
		p.Templates[1] = keyless(object.HomeAddress, 0)
	}
	if m.direction == object.Out && reqID == 0 {
		// There is no template for just any association when sending. What is
		// not sent through a protected socket must not leave in the clear.
		p.Templates[0] = object.Template{}
		p.Block = !m.optional
	}
	return p
}

// keyless is the template for a Home Address option or a type 2 routing header
// where there is one.
func keyless(t object.Transform, reqID uint32) object.Template {
	return object.Template{Transform: t, Mode: object.RouteOptimization, ReqID: reqID, Optional: true}
}

// otherMobilityPolicy lets Mobility Header messages of all other types in,
// with a Home Address option that may be false: those who handle them refuse
// what they do not know, naming the home address (RFC 6275 section 9.2).
func otherMobilityPolicy(agent netip.Addr, home netip.Prefix) object.Policy {
	return object.Policy{
		Selector:  object.Selector{Src: home, Dst: object.Host(agent), Protocol: object.MobilityHeader},
		Direction: object.In,
		Priority:  priorityOtherMobility,
		Templates: [object.MaxTemplates]object.Template{keyless(object.HomeAddress, 0)},
	}
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
	mobility.Protocol, mobility.Priority = object.MobilityHeader, priorityOtherMobility
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
