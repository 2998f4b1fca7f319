package session

import (
	"net/netip"
	"time"

	"homeagent/agent/store"
	"homeagent/ike/psk"
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

// leaseOf is the lease of an address in use by a user, with all that must not be
// forgotten of the user. The caller holds the lock.
func (m *Manager) leaseOf(user string, address netip.Addr, now time.Time) store.Lease {
	return store.Lease{UserName: user, Address: address, LastKey: m.keyPrints[user], Former: m.former(user, now)}
}

// withoutAddress is a lease whose address is not the user's any more: what is left is
// the last of its former addresses, or the key that must not be used again, or nothing.
func withoutAddress(l store.Lease) store.Change {
	l.Address, l.Released = netip.Addr{}, time.Time{}
	if last := len(l.Former) - 1; last >= 0 {
		l.Address, l.Released, l.Former = l.Former[last].Address, l.Former[last].Released, l.Former[:last]
	} else if l.LastKey == (psk.Fingerprint{}) {
		return store.DeleteLease{UserName: l.UserName}
	}
	return store.PutLease{Lease: l}
}
