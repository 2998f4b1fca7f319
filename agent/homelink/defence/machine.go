package defence

import (
	"container/heap"
	"net/netip"
	"time"

	"homeagent/agent/homelink/neighbor"
)

// A Machine holds the addresses of the mobile nodes of one home link. It is not
// safe for concurrent use.
type Machine struct {
	cfg       Config
	link      neighbor.LinkAddress // the interface's own
	source    netip.Addr           // of advertisements
	nodes     map[netip.Addr]*node // by home address
	addresses map[netip.Addr]*address
	groups    map[netip.Addr]int // how many addresses want it
	timers    timers
	effects   []Effect
	counters  Counters
}

// A node is a mobile node with a claim.
type node struct {
	claim     Claim
	addresses []*address // the home address, and maybe the link-local one
	probes    int        // sent since the last address was added
	remaining int        // unsolicited advertisements
	due       time.Time  // of the next probe, decision or advertisement
	index     int        // in timers, -1 if none is due
}

// An address is tentative while it is probed (RFC 4862 section 5.4), then held.
type address struct {
	netip.Addr
	node      *node
	tentative bool
}

// New returns a machine that holds nothing. Rebind comes before Advance and Receive.
func New(cfg Config) *Machine {
	return &Machine{
		cfg:       cfg,
		nodes:     map[netip.Addr]*node{},
		addresses: map[netip.Addr]*address{},
		groups:    map[netip.Addr]int{},
	}
}

// Claim asks for the addresses of a mobile node, or changes what is asked for. A
// Decided follows, at once if there is nothing to probe.
func (m *Machine) Claim(c Claim, now time.Time) {
	n, known := m.nodes[c.HomeAddress]
	if !known {
		n = &node{index: -1, claim: c}
		m.nodes[c.HomeAddress] = n
	}
	changed := n.claim.Router != c.Router
	n.claim = c
	wanted := wantedBy(c)
	if known {
		m.keepOnly(n, wanted)
	}
	if other, ok := m.taken(n, wanted); ok {
		m.refuse(n, Decided{Address: other})
		return
	}
	if m.add(n, wanted) {
		n.probes, n.remaining = 0, 0
		m.fire(n, now)
		return
	}
	if changed && !n.probing() {
		m.advertise(n, now)
	}
	if !n.probing() {
		m.effect(Decided{HomeAddress: c.HomeAddress, Verdict: Unique})
	}
}

func wantedBy(c Claim) []netip.Addr {
	if !c.LinkLocal {
		return []netip.Addr{c.HomeAddress}
	}
	return []netip.Addr{c.HomeAddress, LinkLocalAddress(c.HomeAddress)}
}

// taken looks for a wanted address that another mobile node has.
func (m *Machine) taken(n *node, wanted []netip.Addr) (netip.Addr, bool) {
	for _, w := range wanted {
		if a, ok := m.addresses[w]; ok && a.node != n {
			return w, true
		}
	}
	return netip.Addr{}, false
}

// add makes the node's new addresses tentative and reports whether there are any.
func (m *Machine) add(n *node, wanted []netip.Addr) (added bool) {
	for _, w := range wanted {
		if _, ok := m.addresses[w]; ok {
			continue
		}
		a := &address{Addr: w, node: n, tentative: true}
		m.addresses[w] = a
		n.addresses = append(n.addresses, a)
		m.join(neighbor.SolicitedNode(w))
		added = true
	}
	return added
}

// keepOnly gives up the addresses that are no longer wanted.
func (m *Machine) keepOnly(n *node, wanted []netip.Addr) {
	m.remove(n, func(a *address) bool {
		for _, w := range wanted {
			if a.Addr == w {
				return false
			}
		}
		return true
	})
}

// remove takes the addresses that match from a node.
func (m *Machine) remove(n *node, match func(*address) bool) {
	var kept []*address
	for _, a := range n.addresses {
		if !match(a) {
			kept = append(kept, a)
			continue
		}
		delete(m.addresses, a.Addr)
		m.leave(neighbor.SolicitedNode(a.Addr))
	}
	n.addresses = kept
	if len(kept) == 0 {
		m.schedule(n, time.Time{})
		delete(m.nodes, n.claim.HomeAddress)
	}
}

func (n *node) probing() bool {
	for _, a := range n.addresses {
		if a.tentative {
			return true
		}
	}
	return false
}

// refuse ends a claim as a duplicate. What the node holds already, it keeps.
func (m *Machine) refuse(n *node, d Decided) {
	m.counters.Duplicates++
	d.HomeAddress, d.Verdict = n.claim.HomeAddress, Duplicate
	m.abandon(n)
	m.effect(d)
}

// abandon gives the tentative addresses up.
func (m *Machine) abandon(n *node) {
	m.schedule(n, time.Time{})
	m.remove(n, func(a *address) bool { return a.tentative })
	n.claim.LinkLocal = len(n.addresses) > 1
}

// Cancel ends the probing of a claim that nobody waits for any more; what is held
// stays.
func (m *Machine) Cancel(home netip.Addr) {
	if n, ok := m.nodes[home]; ok && n.probing() {
		m.abandon(n)
	}
}

// Release gives the addresses of a mobile node up (RFC 6275 section 10.3.2).
func (m *Machine) Release(home netip.Addr) {
	n, ok := m.nodes[home]
	if !ok {
		return
	}
	probing := n.probing()
	m.remove(n, func(*address) bool { return true })
	if probing {
		m.effect(Decided{HomeAddress: home, Verdict: Withdrawn})
	}
}

// Restore holds the addresses of claims without probing them, as after a restart.
// No Decided follows. Addresses that another claim has are left to it.
func (m *Machine) Restore(claims []Claim, now time.Time) {
	for i, c := range claims {
		n := &node{claim: c, index: -1}
		wanted := wantedBy(c)
		if _, taken := m.taken(n, wanted); taken {
			continue
		}
		m.nodes[c.HomeAddress] = n
		m.add(n, wanted)
		n.hold()
		m.remind(n, i, now)
	}
}

// Rebind tells the machine the interface's own link-layer address and the address
// that advertisements come from, once it is open and whenever it was opened anew.
// What is held is advertised from there.
func (m *Machine) Rebind(link neighbor.LinkAddress, source netip.Addr, now time.Time) {
	m.link, m.source = link, source
	i := 0
	for _, n := range m.nodes {
		if !n.probing() {
			m.remind(n, i, now)
			i++
		}
	}
}

// remind lets a node that is held be advertised once, as the i-th one.
func (m *Machine) remind(n *node, i int, now time.Time) {
	n.remaining = 1
	m.schedule(n, now.Add(time.Duration(i)*m.cfg.Pace))
}

func (n *node) hold() {
	for _, a := range n.addresses {
		a.tentative = false
	}
}

// Held returns how many addresses are held and how many are probed.
func (m *Machine) Held() (held, probing int) {
	for _, a := range m.addresses {
		if a.tentative {
			probing++
		} else {
			held++
		}
	}
	return held, probing
}

// Counters returns the present counts.
func (m *Machine) Counters() Counters { return m.counters }

// Effects returns the effects since it was last called.
func (m *Machine) Effects() []Effect {
	effects := m.effects
	m.effects = nil
	return effects
}

func (m *Machine) effect(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) join(group netip.Addr) {
	m.groups[group]++
	if m.groups[group] == 1 {
		m.effect(Join{group})
	}
}

func (m *Machine) leave(group netip.Addr) {
	m.groups[group]--
	if m.groups[group] == 0 {
		delete(m.groups, group)
		m.effect(Leave{group})
	}
}

// Groups returns the multicast groups that are wanted, in no order: what to join
// when the interface is opened anew.
func (m *Machine) Groups() []netip.Addr {
	groups := make([]netip.Addr, 0, len(m.groups))
	for g := range m.groups {
		groups = append(groups, g)
	}
	return groups
}

// schedule sets when the node is due; the zero Time takes it off.
func (m *Machine) schedule(n *node, due time.Time) {
	n.due = due
	switch {
	case due.IsZero() && n.index >= 0:
		heap.Remove(&m.timers, n.index)
	case due.IsZero():
	case n.index >= 0:
		heap.Fix(&m.timers, n.index)
	default:
		heap.Push(&m.timers, n)
	}
}

// Next returns when Advance has something to do, and false if never.
func (m *Machine) Next() (time.Time, bool) {
	if len(m.timers) == 0 {
		return time.Time{}, false
	}
	return m.timers[0].due, true
}
