package addresspool_test

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/addresspool"
)

// A model is a pool that is slow and plain: every rule of the package in the
// order of its documentation, over one flat list of leases.
type model struct {
	cfg    addresspool.Config
	zones  []zone // ranges in order, then what the prefixes have beside them
	leases []*held
	newest map[string]*held
	clock  int
}

// A zone is a range, or with assigned false what a prefix has beside its ranges.
type zone struct {
	prefix      netip.Prefix
	first, last netip.Addr
	assigned    bool
	free        []netip.Addr // all that can be assigned, leased or not
}

type held struct {
	user      string
	address   netip.Addr
	inUse     bool
	released  time.Time
	order     int // when it was released last
	duplicate bool
	withheld  bool
	// withheldAt orders what is withheld.
	withheldAt int
}

// A given is what the model must know to undo a claim.
type given struct {
	user          string
	at            time.Time
	taken, before *held
	released      time.Time
	moved         bool
	withheld      bool
}

// newModel makes a model of ranges small enough to list.
func newModel(cfg addresspool.Config) *model {
	m := &model{cfg: cfg, newest: map[string]*held{}}
	for _, p := range cfg.Prefixes {
		z := zone{prefix: p.Prefix, first: p.First, last: p.Last, assigned: true}
		for a := p.First; a.Compare(p.Last) <= 0; a = a.Next() {
			if !m.reserved(a) {
				z.free = append(z.free, a)
			}
		}
		m.zones = append(m.zones, z)
	}
	for _, p := range cfg.Prefixes {
		m.zones = append(m.zones, zone{prefix: p.Prefix})
	}
	return m
}

// reserved knows the reserved addresses of the prefixes in these tests, which
// are /64 or longer than /120.
func (m *model) reserved(a netip.Addr) bool {
	if slices.Contains(m.cfg.Reserved, a) {
		return true
	}
	return slices.ContainsFunc(m.cfg.Prefixes, func(p addresspool.Prefix) bool { return p.Prefix.Addr() == a })
}

func (m *model) refusal(a netip.Addr) addresspool.Refusal {
	switch {
	case m.zoneOf(a) < 0:
		return addresspool.NotServed
	case m.reserved(a):
		return addresspool.Reserved
	}
	return 0
}

func (m *model) zoneOf(a netip.Addr) int {
	return slices.IndexFunc(m.zones, func(z zone) bool {
		return z.prefix.Contains(a) && (!z.assigned || slices.Contains(z.free, a))
	})
}

func (m *model) of(a netip.Addr) *held {
	i := slices.IndexFunc(m.leases, func(h *held) bool { return h.address == a })
	if i < 0 {
		return nil
	}
	return m.leases[i]
}

func (m *model) heldDown(h *held, now time.Time) bool {
	return !h.inUse && (h.withheld || now.Sub(h.released) < m.cfg.HoldDown)
}

// candidates are the addresses that Assign may give: one, or several to draw
// from; none if it must refuse.
func (m *model) candidates(user string, now time.Time) []netip.Addr {
	if h := m.newest[user]; h != nil && !h.duplicate && m.refusal(h.address) == 0 {
		return []netip.Addr{h.address}
	}
	for _, z := range m.zones {
		free := slices.DeleteFunc(slices.Clone(z.free), func(a netip.Addr) bool { return m.of(a) != nil })
		if len(free) > 0 {
			return free
		}
	}
	for i, z := range m.zones {
		if h := m.first(i); z.assigned && h != nil && !m.heldDown(h, now) {
			return []netip.Addr{h.address}
		}
	}
	return nil
}

// first is the lease of a zone that was released first.
func (m *model) first(zone int) *held {
	var first *held
	for _, h := range m.leases {
		if !h.inUse && !h.withheld && m.zoneOf(h.address) == zone && (first == nil || h.order < first.order) {
			first = h
		}
	}
	return first
}

// assigned follows what Assign chose.
func (m *model) assigned(user string, a netip.Addr, now time.Time) given {
	if h := m.of(a); h != nil && h.user != user {
		m.forget(h)
	} else if h != nil && h != m.newest[user] {
		m.forget(h) // the user's own of long ago, taken over like another's
	}
	return m.give(user, a, now)
}

func (m *model) claim(user string, a netip.Addr, now time.Time) (given, addresspool.Refusal) {
	if r := m.refusal(a); r != 0 {
		return given{}, r
	}
	if h := m.of(a); h != nil {
		switch {
		case h.inUse && h.user != user:
			return given{}, addresspool.OtherUser
		case h.duplicate && (h.inUse || m.heldDown(h, now)):
			return given{}, addresspool.InUse
		case h.user != user && m.heldDown(h, now):
			return given{}, addresspool.HeldDown
		case h.user != user:
			m.forget(h)
		}
	}
	return m.give(user, a, now), 0
}

func (m *model) give(user string, a netip.Addr, now time.Time) given {
	g := given{user: user, at: now, before: m.newest[user]}
	h := m.of(a)
	if h != nil && h.inUse {
		return g
	}
	if g.before != nil && g.before.inUse {
		g.moved = true
		m.let(g.before, now)
	}
	if h == nil {
		h = &held{user: user, address: a}
		m.leases = append(m.leases, h)
	}
	g.released, g.withheld = h.released, h.withheld
	h.inUse, h.duplicate, h.withheld, h.released = true, false, false, time.Time{}
	m.newest[user], g.taken = h, h
	m.trim(now)
	return g
}

func (m *model) stands(g given) bool {
	return g.taken != nil && g.taken.inUse && m.newest[g.user] == g.taken && m.of(g.taken.address) == g.taken
}

func (m *model) undo(g given) {
	if !m.stands(g) {
		return
	}
	m.clock++
	g.taken.withheld, g.taken.withheldAt = g.withheld, m.clock
	if g.at.Sub(g.released) < m.cfg.HoldDown {
		m.let(g.taken, g.at)
	} else {
		m.let(g.taken, g.at.Add(-m.cfg.HoldDown))
		g.taken.order = -m.clock // the first of all
	}
	if !g.moved {
		return
	}
	switch m.of(g.before.address) {
	case nil:
		m.leases = append(m.leases, g.before)
	case g.before:
	default:
		return
	}
	g.before.inUse, g.before.released = true, time.Time{}
	m.newest[g.user] = g.before
}

func (m *model) withhold(g given) {
	if m.stands(g) {
		m.undo(g)
		g.taken.withheld = true
		m.clock++
		g.taken.withheldAt = m.clock
	}
}

// free puts what is withheld for a user to the end of those released if it is held
// down, and else to their beginning, in the order in which it was withheld.
func (m *model) free(user string, now time.Time) {
	var freed []*held
	for _, h := range m.leases {
		if h.user == user && h.withheld {
			freed = append(freed, h)
		}
	}
	slices.SortFunc(freed, func(a, b *held) int { return cmp.Compare(a.withheldAt, b.withheldAt) })
	for _, h := range freed {
		h.withheld = false
		m.clock++
		h.order = m.clock
		if !m.heldDown(h, now) {
			h.order = -m.clock
		}
	}
}

func (m *model) release(user string, now time.Time) bool {
	h := m.newest[user]
	if h == nil || !h.inUse {
		return false
	}
	m.let(h, now)
	m.trim(now)
	return true
}

func (m *model) avoid(a netip.Addr, now time.Time) {
	if m.refusal(a) != 0 {
		return
	}
	h := m.of(a)
	if h == nil {
		h = &held{address: a}
		m.leases = append(m.leases, h)
	}
	h.duplicate = true
	if !h.inUse {
		m.let(h, now)
	}
}

func (m *model) let(h *held, now time.Time) {
	m.clock++
	h.inUse, h.released, h.order = false, now, m.clock
	if m.refusal(h.address) != 0 {
		m.forget(h)
	}
}

func (m *model) forget(h *held) {
	m.leases = slices.DeleteFunc(m.leases, func(other *held) bool { return other == h })
	if m.newest[h.user] == h {
		delete(m.newest, h.user)
	}
}

func (m *model) trim(now time.Time) {
	for {
		var released, firsts []*held
		for _, h := range m.leases {
			if !h.inUse {
				released = append(released, h) // the withheld ones, too
			}
		}
		for i := range m.zones {
			if h := m.first(i); h != nil {
				firsts = append(firsts, h)
			}
		}
		if len(released) <= m.cfg.RememberMax || len(firsts) == 0 {
			return
		}
		oldest := slices.MinFunc(firsts, func(a, b *held) int { return a.released.Compare(b.released) })
		if m.heldDown(oldest, now) {
			return
		}
		m.forget(oldest)
	}
}

// usage counts the leases of a prefix.
func (m *model) usage(p netip.Prefix, now time.Time) (u addresspool.Usage) {
	u.Prefix = p
	for _, z := range m.zones {
		if z.prefix == p {
			u.Size += uint64(len(z.free))
		}
	}
	for _, h := range m.leases {
		switch {
		case !p.Contains(h.address):
		case h.inUse:
			u.InUse++
		case m.heldDown(h, now):
			u.HeldDown++
		default:
			u.Remembered++
		}
	}
	return u
}

// kept is what a caller would have stored: every user's newest lease, and those it
// left that are held down.
func (m *model) kept(now time.Time) (all []addresspool.Lease) {
	for user, h := range m.newest {
		all = append(all, h.view())
		all = append(all, m.former(user, now)...)
	}
	slices.SortFunc(all, func(a, b addresspool.Lease) int {
		return cmp.Or(cmp.Compare(a.UserName, b.UserName), a.Address.Compare(b.Address))
	})
	return all
}

func (h *held) view() addresspool.Lease {
	return addresspool.Lease{UserName: h.user, Address: h.address, Released: h.released}
}

// former are the leases that a user left and that are held down.
func (m *model) former(user string, now time.Time) (all []addresspool.Lease) {
	for _, h := range m.leases {
		if h.user == user && h != m.newest[user] && now.Sub(h.released) < m.cfg.HoldDown {
			all = append(all, h.view())
		}
	}
	return all
}
