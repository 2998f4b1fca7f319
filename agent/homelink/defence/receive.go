package defence

import (
	"net/netip"

	"homeagent/agent/homelink/neighbor"
)

// Receive takes a valid message that came from a link-layer address.
func (m *Machine) Receive(message *neighbor.Message, from neighbor.LinkAddress) {
	a, ok := m.addresses[message.Target]
	if !ok || from == m.link { // our own, looped back (RFC 4862 appendix A)
		return
	}
	switch {
	case a.tentative:
		m.receiveTentative(a, message, from)
	case message.Kind == neighbor.Solicitation:
		m.answer(a, message, from)
	default:
		m.counters.Conflicts++
		m.effect(Conflict{Address: a.Addr, By: from})
	}
}

// receiveTentative: RFC 4862 sections 5.4.3 and 5.4.4. A solicitation from a node
// that resolves the address is ignored.
func (m *Machine) receiveTentative(a *address, message *neighbor.Message, from neighbor.LinkAddress) {
	if message.Kind == neighbor.Solicitation && !message.Probe() {
		return
	}
	m.refuse(a.node, Decided{Address: a.Addr, By: from})
}

// answer speaks for an address that is held: RFC 6275 section 10.4.1. Solicited
// advertisements of a proxy do not override (RFC 4861 section 7.2.8), which also
// goes for the defence against a probe, which is multicast and not solicited (RFC
// 4861 section 7.2.4).
func (m *Machine) answer(a *address, solicitation *neighbor.Message, from neighbor.LinkAddress) {
	m.counters.Answered++
	if solicitation.Probe() {
		m.counters.Defended++
		group := neighbor.AllNodes()
		m.effect(Send{To: neighbor.EtherMulticast(group), Message: m.advertisement(a, group), For: a.node.claim.HomeAddress})
		return
	}
	to := solicitation.LinkAddress
	if to == (neighbor.LinkAddress{}) || to.Group() {
		to = from
	}
	message := m.advertisement(a, solicitation.Source)
	message.Solicited = true
	m.effect(Send{To: to, Message: message, For: a.node.claim.HomeAddress})
}

// Holds reports whether an address is held.
func (m *Machine) Holds(a netip.Addr) bool {
	held, ok := m.addresses[a]
	return ok && !held.tentative
}
