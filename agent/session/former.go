package session

import (
	"time"

	"homeagent/agent/store"
)

// former are the addresses that a user has left for another one and that are held
// down. They are kept with the user's lease: after a restart nobody else gets them
// earlier than without. The caller holds the lock.
func (m *Manager) former(user string, now time.Time) (all []store.Former) {
	for _, l := range m.pool.Former(user, now) {
		all = append(all, store.Former{Address: l.Address, Released: l.Released})
	}
	return all
}

// putFormer keeps the former addresses of a lease without its address: in a lease of
// the last one of them.
func putFormer(l store.Lease) store.Change {
	if len(l.Former) == 0 {
		return store.DeleteLease{UserName: l.UserName}
	}
	last := len(l.Former) - 1
	l.Address, l.Released, l.Former = l.Former[last].Address, l.Former[last].Released, l.Former[:last]
	return store.PutLease{Lease: l}
}
