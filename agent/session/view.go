package session

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/store"
)

// Counts are the numbers of sessions. Manual ones use no IKE; those that are dormant
// are not in Total.
type Counts struct{ Total, Established, Manual, Dormant int }

// Armed counts the sessions that wait for their first IKE_AUTH.
func (c Counts) Armed() int { return c.Total - c.Established - c.Manual }

// Counts counts the sessions.
func (m *Manager) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Counts{Total: len(m.users), Established: m.proven, Manual: m.manual, Dormant: len(m.dormant.users)}
}

// Load counts the sessions with a home agent address.
func (m *Manager) Load(homeAgent netip.Addr) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load[homeAgent]
}

// Sessions lists all sessions that are served, in the order of their user names.
func (m *Manager) Sessions() []store.Session {
	m.mu.Lock()
	all := make([]store.Session, 0, len(m.users))
	for _, e := range m.users {
		all = append(all, e.Session)
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b store.Session) int { return strings.Compare(a.UserName, b.UserName) })
	return all
}

// Find finds a session, dormant or not, by Session-Id, User-Name or home address. The
// error wraps [ErrUnknown].
func (m *Manager) Find(id string) (store.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := find(id, m.ids, m.users, m.homes); e != nil {
		return e.Session, nil
	}
	if e := find(id, m.dormant.ids, m.dormant.users, m.dormant.homes); e != nil {
		return e.Session, nil
	}
	return store.Session{}, fmt.Errorf("finding session %q: %w", id, ErrUnknown)
}

// Owner finds the session a home address belongs to.
func (m *Manager) Owner(home netip.Addr) (store.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.homes[home]
	if !ok {
		return store.Session{}, false
	}
	return e.Session, true
}

// Entitled finds the session whose mobile node may register a home address: that of
// the Owner, once no security association of another one before can be left.
func (m *Manager) Entitled(home netip.Addr) (store.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.homes[home]
	if _, lingers := m.lingering[home]; !ok || lingers {
		return store.Session{}, false
	}
	return e.Session, true
}

func (m *Manager) byUser(user string) (store.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.users[user]
	if !ok {
		return store.Session{}, false
	}
	return e.Session, true
}

// AddressUse reports the use of every home prefix.
func (m *Manager) AddressUse() []addresspool.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pool.Usage(time.Now())
}
