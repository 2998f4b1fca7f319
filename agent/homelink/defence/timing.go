package defence

import (
	"container/heap"
	"net/netip"
	"time"

	"homeagent/agent/homelink/neighbor"
)

// Advance does what is due.
func (m *Machine) Advance(now time.Time) {
	for len(m.timers) > 0 && !m.timers[0].due.After(now) {
		m.fire(m.timers[0], now)
	}
}

// fire does the next thing for a node: a probe, the decision after the last one, or
// an unsolicited advertisement.
func (m *Machine) fire(n *node, now time.Time) {
	switch {
	case n.probing() && n.probes < m.cfg.Probes && !n.claim.SkipDAD:
		m.probe(n, now)
	case n.probing():
		n.hold()
		m.advertise(n, now)
		m.effect(Decided{HomeAddress: n.claim.HomeAddress, Verdict: Unique})
	default:
		m.advertiseOnce(n, now)
	}
}

// probe: RFC 4862 section 5.4.2.
func (m *Machine) probe(n *node, now time.Time) {
	for _, a := range n.addresses {
		if !a.tentative {
			continue
		}
		if n.probes == 0 {
			m.counters.Probed++
		}
		group := neighbor.SolicitedNode(a.Addr)
		m.effect(Send{To: neighbor.EtherMulticast(group), For: n.claim.HomeAddress, Message: neighbor.Message{
			Kind:        neighbor.Solicitation,
			Source:      netip.IPv6Unspecified(),
			Destination: group,
			Target:      a.Addr,
		}})
	}
	n.probes++
	m.schedule(n, now.Add(m.cfg.Interval))
}

// advertise starts the unsolicited advertisements of all addresses of a node.
func (m *Machine) advertise(n *node, now time.Time) {
	n.remaining = m.cfg.Advertisements
	m.advertiseOnce(n, now)
}

// advertiseOnce: RFC 6275 section 10.4.1.
func (m *Machine) advertiseOnce(n *node, now time.Time) {
	if n.remaining == 0 {
		m.schedule(n, time.Time{})
		return
	}
	group := neighbor.AllNodes()
	for _, a := range n.addresses {
		message := m.advertisement(a, group)
		message.Override = true
		m.counters.Advertised++
		m.effect(Send{To: neighbor.EtherMulticast(group), Message: message, For: n.claim.HomeAddress})
	}
	n.remaining--
	if n.remaining == 0 {
		m.schedule(n, time.Time{})
		return
	}
	m.schedule(n, now.Add(m.cfg.Interval))
}

// advertisement has the R bit of mobile routers only (RFC 6275 section 10.4.1, RFC
// 3963 section 6.3).
func (m *Machine) advertisement(a *address, to netip.Addr) neighbor.Message {
	return neighbor.Message{
		Kind:        neighbor.Advertisement,
		Source:      m.source,
		Destination: to,
		Target:      a.Addr,
		LinkAddress: m.link,
		Router:      a.node.claim.Router,
	}
}

// timers is a heap of the nodes that are due.
type timers []*node

var _ heap.Interface = (*timers)(nil)

// Len implements heap.Interface.
func (t timers) Len() int { return len(t) }

// Less implements heap.Interface.
func (t timers) Less(i, j int) bool { return t[i].due.Before(t[j].due) }

// Swap implements heap.Interface.
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	n := x.(*node)
	n.index = len(*t)
	*t = append(*t, n)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	n.index = -1
	return n
}
