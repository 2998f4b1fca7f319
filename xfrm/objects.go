package xfrm

import (
	"net/netip"
	"slices"

	"homeagent/xfrm/internal/object"
)

// reached returns the prefixes that lead to b's mobile node, its home address
// first.
func (b Binding) reached() []netip.Prefix {
	return append([]netip.Prefix{object.Host(b.HomeAddress)}, b.Prefixes...)
}

func (b Binding) equal(c Binding) bool {
	return b.HomeAddress == c.HomeAddress && b.CareOf == c.CareOf && b.HomeAgent == c.HomeAgent &&
		b.Protection == c.Protection && slices.Equal(b.Prefixes, c.Prefixes)
}

// routes are the routes to b's mobile node. For a protected payload they only
// make the kernel forward: the policies take the packets before the device
// does, and drop them when there is no security association.
func (b Binding) routes(t tunnel) []object.Route {
	list := make([]object.Route, 0, 1+len(b.Prefixes))
	for _, dst := range b.reached() {
		list = append(list, object.Route{
			Device:    t.device.Name,
			Index:     t.device.Index,
			Dst:       dst,
			HomeAgent: b.HomeAgent,
			CareOf:    b.CareOf,
			HopLimit:  t.hopLimit,
		})
	}
	return list
}

// filters are the source checks of b's tunnelled packets. There are none
// for a protected payload: then nothing may come in without ESP (RFC 6275 section
// 10.4.5), and what comes under ESP does not pass the device.
func (b Binding) filters(t tunnel) []object.Filter {
	if b.Protection.Payload != 0 {
		return nil
	}
	list := make([]object.Filter, 0, 1+len(b.Prefixes))
	for _, source := range b.reached() {
		list = append(list, object.Filter{
			Device:    t.device.Name,
			Index:     t.device.Index,
			CareOf:    b.CareOf,
			HomeAgent: b.HomeAgent,
			Source:    source,
		})
	}
	return list
}

// states are what route optimization between the home agent itself and the
// mobile node takes.
func (b Binding) states() []object.State {
	return []object.State{
		{Transform: object.HomeAddress, Src: b.HomeAddress, Dst: b.HomeAgent, CareOf: b.CareOf, ReqID: bindingReqID},
		{Transform: object.Routing, Src: b.HomeAgent, Dst: b.HomeAddress, CareOf: b.CareOf, ReqID: bindingReqID},
	}
}

// policies are the policies of b's protected packets (RFC 4877 sections 7.2.2
// and 7.2.4).
func (b Binding) policies() []object.Policy {
	return append(b.returnRoutabilityPolicies(), b.payloadPolicies()...)
}

// returnRoutabilityPolicies are for the whole Mobility Header, as RFC 4877
// section 5 allows: Linux 6.1 does not see the type of a forwarded message.
func (b Binding) returnRoutabilityPolicies() []object.Policy {
	if b.Protection.ReturnRoutability == 0 {
		return nil
	}
	inward := object.Selector{Src: object.Host(b.HomeAddress), Dst: object.Everything(), Protocol: object.MobilityHeader}
	outward := object.Selector{Src: object.Everything(), Dst: object.Host(b.HomeAddress), Protocol: object.MobilityHeader}
	return b.tunnelPolicies(priorityReturnRoutability, b.Protection.ReturnRoutability, inward, outward)
}

func (b Binding) payloadPolicies() []object.Policy {
	if b.Protection.Payload == 0 {
		return nil
	}
	var list []object.Policy
	for _, p := range b.reached() {
		inward := object.Selector{Src: p, Dst: object.Everything()}
		outward := object.Selector{Src: object.Everything(), Dst: p}
		list = append(list, b.tunnelPolicies(priorityPayload, b.Protection.Payload, inward, outward)...)
	}
	return list
}

func (b Binding) tunnelPolicies(priority, reqID uint32, inward, outward object.Selector) []object.Policy {
	esp := object.Template{Transform: object.ESP, Mode: object.TunnelMode, ReqID: reqID}
	toUs, fromUs := esp, esp
	toUs.Src, toUs.Dst = b.CareOf, b.HomeAgent
	fromUs.Src, fromUs.Dst = b.HomeAgent, b.CareOf
	policy := func(s object.Selector, d object.Direction, t object.Template) object.Policy {
		return object.Policy{
			Selector: s, Direction: d, Priority: priority,
			Templates: [object.MaxTemplates]object.Template{t},
		}
	}
	return []object.Policy{
		policy(inward, object.In, toUs),
		policy(inward, object.Forward, toUs),
		policy(outward, object.Out, fromUs),
	}
}
