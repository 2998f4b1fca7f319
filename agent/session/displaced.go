package session

import (
	"cmp"
	"net/netip"
	"slices"
)

// A Displaced mobile node is one of the configuration that has no session, as
// somebody whom an AAA server authorized has one with its user name or its home
// address. Who came first stays, at a start as at a reload.
type Displaced struct {
	Node
	By string // the user who has the session
}

// Displaced lists the mobile nodes of the configuration that are not served, in the
// order of their user names. The session that is in a node's way may have ended
// since: then a reload lets the node in.
func (m *Manager) Displaced() []Displaced {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.displaced)
}

func sortDisplaced(all []Displaced) {
	slices.SortFunc(all, func(a, b Displaced) int { return cmp.Compare(a.UserName, b.UserName) })
}

// waitingHomes are the home addresses of the mobile nodes that were let wait already, by
// their user names. The caller holds the lock.
func (m *Manager) waitingHomes() map[string]netip.Addr {
	homes := make(map[string]netip.Addr, len(m.displaced))
	for _, d := range m.displaced {
		homes[d.UserName] = d.HomeAddress
	}
	return homes
}

// A takenError says who has what a mobile node of the configuration is to have.
type takenError struct{ by, text string }

// Error is the sentence.
func (e *takenError) Error() string { return e.text }
