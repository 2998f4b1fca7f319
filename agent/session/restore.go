package session

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// Restore reads leases and sessions back from the store, before Run, and
// returns what the IKE daemon must know.
//
// Records that contradict each other or the configuration are no reason not to
// start. Of several sessions with one home address the one authorised last stands;
// the others are ended with a line in the log and taken out of the store, with the
// binding of the home address, as nobody can tell whose it is. Those whose home
// address is in no home prefix any more, or whose home agent address is not ours, are
// dormant. An address is in use by whoever has the session, whatever leases say.
// Config.Nodes have their sessions afterwards, unless they are [Displaced], and those
// of mobile nodes that were among them are ended.
func (m *Manager) Restore() ([]Credential, error) {
	kept := &records{sessions: map[string]store.Session{}, homes: map[netip.Addr]string{}, leases: map[string]store.Lease{}}
	if err := kept.read(m.store); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = m.cfg.Nodes
	nodes := m.settledNodes(m.nodes, kept.session)
	kept.configure(nodes, m.identity, time.Now(), m.log)
	kept.resolve(m.isPlaced, m.log)
	m.addNodes(kept, nodes)
	for user, l := range kept.leases {
		m.keyPrints[user] = l.LastKey
	}
	if err := m.pool.Restore(kept.poolLeases(m.pool.Serves)); err != nil {
		return nil, fmt.Errorf("restoring leases: %w", err)
	}
	for _, s := range kept.dormant {
		m.sleep(s)
	}
	m.displaced = kept.displaced
	sortDisplaced(m.displaced)
	m.forgetLeases()
	for user := range kept.leases {
		m.keepPrint(user)
	}
	var creds []Credential
	for _, s := range kept.sessions {
		m.insert(s)
		if !s.Manual {
			creds = append(creds, credential(&s))
		}
	}
	for _, user := range kept.foreign {
		m.linger(m.users[user].HomeAddress)
		m.unarmed[user] = true
		m.armSoon()
	}
	return creds, m.drop(kept)
}

// drop takes what was resolved out of the store, before bindings are read from it.
// The caller holds the lock.
func (m *Manager) drop(kept *records) error {
	m.dropped = kept.dropped
	if len(kept.changes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.cfg.EffectTimeout)
	defer cancel()
	if err := m.store.Apply(ctx, kept.changes...); err != nil {
		return fmt.Errorf("ending sessions that cannot stand: %w", err)
	}
	return nil
}

// tellDropped tells the operator of the sessions that Restore ended.
func (m *Manager) tellDropped() {
	m.mu.Lock()
	dropped := m.dropped
	m.dropped = nil
	m.mu.Unlock()
	if m.cfg.Over == nil {
		return
	}
	for _, d := range dropped {
		m.cfg.Over(d.Session, d.why)
	}
}

// records are what the store held, and what is to be changed in it.
type records struct {
	sessions map[string]store.Session
	homes    map[netip.Addr]string // the user whose session has a home address
	leases   map[string]store.Lease
	dropped  []dropped
	changes  []store.Change

	dormant   []store.Session
	displaced []Displaced
	foreign   []string // users added at the home address of somebody else
}

// A dropped session is one that Restore ended.
type dropped struct {
	store.Session
	why Cause
}

func (r *records) read(st store.Store) error {
	err := st.Leases(func(l store.Lease) error {
		r.leases[l.UserName] = l
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring leases: %w", err)
	}
	err = st.Sessions(func(s store.Session) error {
		r.sessions[s.UserName] = s
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring sessions: %w", err)
	}
	return nil
}

func (r *records) session(user string) (store.Session, bool) {
	s, ok := r.sessions[user]
	return s, ok
}

// resolve drops the sessions that cannot stand, has those sleep that the
// configuration has no place for, and has the leases agree with the sessions.
func (r *records) resolve(isPlaced func(*store.Session) bool, log *slog.Logger) {
	for user, s := range r.sessions {
		other, twice := r.homes[s.HomeAddress]
		if !twice {
			r.homes[s.HomeAddress] = user
			continue
		}
		earlier, later := r.sessions[other], s
		if isLater(&earlier, &later) {
			earlier, later = later, earlier
		}
		log.Error("two sessions have one home address, the one authorised earlier is ended", "user_name", earlier.UserName,
			"home_address", s.HomeAddress, "session_id", earlier.SessionID, "stays_with", later.UserName)
		r.homes[s.HomeAddress] = later.UserName
		r.drop(&earlier, AddressTaken)
	}
	for user, l := range r.leases {
		r.align(user, l, log)
	}
	for user, s := range r.sessions {
		if isPlaced(&s) {
			continue
		}
		if s.Configured { // it has its place by the configuration only
			r.drop(&s, LeftConfiguration)
			continue
		}
		delete(r.sessions, user)
		r.dormant = append(r.dormant, s)
	}
}

// isLater tells whether a was authorised after b, by name where the clock cannot
// tell: two starts must not decide differently.
func isLater(a, b *store.Session) bool {
	return cmp.Or(a.AuthorizedAt.Compare(b.AuthorizedAt), cmp.Compare(a.UserName, b.UserName)) > 0
}

// drop ends a session.
func (r *records) drop(s *store.Session, why Cause) {
	delete(r.sessions, s.UserName)
	r.dropped = append(r.dropped, dropped{*s, why})
	r.changes = append(r.changes, store.DeleteSession{UserName: s.UserName}, store.DeleteBinding{HomeAddress: s.HomeAddress})
	l := r.leases[s.UserName]
	if s.Fingerprint != (psk.Fingerprint{}) {
		l.LastKey = s.Fingerprint
	}
	l.UserName, l.Address = s.UserName, s.HomeAddress
	r.release(l)
}

// release ends the use of a lease: the address is held down unless it is somebody's,
// and the user's last key stays refused.
func (r *records) release(l store.Lease) {
	l.Released = time.Now()
	change := store.Change(store.PutLease{Lease: l})
	if other, taken := r.homes[l.Address]; taken && other != l.UserName {
		change = withoutAddress(l)
	}
	delete(r.leases, l.UserName)
	if put, ok := change.(store.PutLease); ok {
		r.leases[l.UserName] = put.Lease
	}
	r.changes = append(r.changes, change)
}

// align ends a lease in use without a session: nothing else ever would.
func (r *records) align(user string, l store.Lease, log *slog.Logger) {
	if s, ok := r.sessions[user]; !l.Address.IsValid() || !l.Released.IsZero() || ok && s.HomeAddress == l.Address {
		return
	}
	log.Error("a home address is leased to a user without a session that has it, the lease is ended",
		"user_name", user, "home_address", l.Address)
	r.release(l)
}

// poolLeases are the leases that were released, those that were left for another
// address, and those in use that the sessions stand for. The address of a dormant
// session is nobody else's as long as it is served.
func (r *records) poolLeases(serves func(netip.Addr) bool) []addresspool.Lease {
	all := make([]addresspool.Lease, 0, len(r.leases))
	for user, l := range r.leases {
		for _, f := range l.Former { // first: of those released at one time the last one is the newest
			all = append(all, addresspool.Lease{UserName: user, Address: f.Address, Released: f.Released})
		}
		if l.Address.IsValid() && !l.Released.IsZero() {
			all = append(all, addresspool.Lease{UserName: user, Address: l.Address, Released: l.Released})
		}
	}
	for user, s := range r.sessions {
		all = append(all, addresspool.Lease{UserName: user, Address: s.HomeAddress})
	}
	for _, s := range r.dormant {
		if serves(s.HomeAddress) {
			all = append(all, addresspool.Lease{UserName: s.UserName, Address: s.HomeAddress})
		}
	}
	return all
}
