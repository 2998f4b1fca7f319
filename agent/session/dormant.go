package session

import (
	"cmp"
	"net/netip"
	"slices"

	"homeagent/agent/store"
)

// dormant are the sessions that the configuration has no place for: their home
// address is in no home prefix, or their home agent address is none of ours. They
// stay in the store, with lease and binding, so that a mistake in the configuration
// costs nobody the authorization: a later start that has the place again serves them.
// Meanwhile nobody is. They end as others do, and when their users are authorized
// anew.
type dormant struct {
	users map[string]*entry
	known map[string]*entry // by the user's identity
	homes map[netip.Addr]*entry
	ids   map[string]*entry // by Session-Id
}

func newDormant() dormant {
	return dormant{users: map[string]*entry{}, known: map[string]*entry{}, homes: map[netip.Addr]*entry{}, ids: map[string]*entry{}}
}

func (d *dormant) insert(e *entry) {
	d.users[e.UserName], d.known[e.identity], d.homes[e.HomeAddress] = e, e, e
	if e.SessionID != "" {
		d.ids[e.SessionID] = e
	}
}

func (d *dormant) remove(e *entry) {
	deleteOwn(d.users, e.UserName, e)
	deleteOwn(d.known, e.identity, e)
	deleteOwn(d.homes, e.HomeAddress, e)
	deleteOwn(d.ids, e.SessionID, e)
}

// Dormant lists the sessions that are kept though the configuration has no place for
// them, in the order of their user names.
func (m *Manager) Dormant() []store.Session {
	m.mu.Lock()
	all := make([]store.Session, 0, len(m.dormant.users))
	for _, e := range m.dormant.users {
		all = append(all, e.Session)
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b store.Session) int { return cmp.Compare(a.UserName, b.UserName) })
	return all
}

// DormantAt finds the dormant session that a home address belongs to.
func (m *Manager) DormantAt(home netip.Addr) (store.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.dormant.homes[home]
	if !ok {
		return store.Session{}, false
	}
	return e.Session, true
}

// sleep makes a session of the store dormant. The caller holds the lock.
func (m *Manager) sleep(s store.Session) {
	e := &entry{Session: s, identity: m.identity(s.UserName), place: -1}
	m.dormant.insert(e)
	m.expiry.add(e)
}

// isPlaced tells whether the configuration has a place for a session. The caller
// holds the lock.
func (m *Manager) isPlaced(s *store.Session) bool {
	return m.pool.Serves(s.HomeAddress) && m.ours[s.HomeAgent]
}

// held finds the session that the store has of a user, dormant or not.
func (m *Manager) held(user string) (store.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, users := range []map[string]*entry{m.users, m.dormant.users} {
		if e, ok := users[user]; ok {
			return e.Session, true
		}
	}
	return store.Session{}, false
}

// find is Find for one sort of sessions.
func find(id string, ids, users map[string]*entry, homes map[netip.Addr]*entry) *entry {
	if e, ok := ids[id]; ok {
		return e
	}
	if e, ok := users[id]; ok {
		return e
	}
	if addr, err := netip.ParseAddr(id); err == nil {
		return homes[addr]
	}
	return nil
}

// keep is what the store must hold of a dormant session, but for the former
// addresses of its lease.
func (m *Manager) keep(e *entry, former []store.Former) []store.Change {
	return []store.Change{
		store.PutSession{Session: e.Session},
		store.PutLease{Lease: store.Lease{UserName: e.UserName, Address: e.HomeAddress, LastKey: m.keyPrints[e.UserName], Former: former}},
	}
}
