package session

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeagent/agent/store"
)

const (
	// atOnce bounds the sessions that one round of Run works on.
	atOnce = 512
	// sideBySide is how many of them wait for store and IKE daemon together.
	sideBySide = 64
	// retryPause lies between two tries after a failure.
	retryPause = time.Second
)

// Ready is closed when Run watches the expiry of sessions.
func (m *Manager) Ready() <-chan struct{} { return m.ready }

// String names the task.
func (m *Manager) String() string { return "session manager" }

// Run ends sessions whose authorization is over and keeps the store in line
// with memory, until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	close(m.ready)
	m.tellDropped()
	var late sync.WaitGroup
	late.Go(func() { m.armLate(ctx) })
	late.Go(func() { m.admitLate(ctx) })
	defer late.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			m.settle(context.WithoutCancel(ctx))
			return nil
		case <-m.kick:
		case <-timer.C:
		}
		next := m.expire(ctx)
		if !m.settle(ctx) {
			next = sooner(next, time.Now().Add(retryPause))
		}
		if next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(time.Until(next))
	}
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// settle writes what memory says about the users whose durable state may lag
// behind it, and reports whether nothing was left. Users with an operation
// under way wait for the next round.
func (m *Manager) settle(ctx context.Context) bool {
	m.mu.Lock()
	users := slices.Collect(maps.Keys(m.unsettled))
	m.mu.Unlock()
	changes, settled, endTurns := m.collect(users)
	defer func() {
		for _, end := range endTurns {
			end()
		}
	}()
	strays := m.strayBindings()
	for _, home := range strays {
		changes = append(changes, store.DeleteBinding{HomeAddress: home})
	}
	if len(changes) == 0 {
		return len(users) == 0
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.EffectTimeout)
	defer cancel()
	if err := m.store.Apply(ctx, changes...); err != nil {
		m.log.Error("the store does not take changes, they are tried again", "users", len(settled), "error", err)
		m.unsettle(settled)
		return false
	}
	m.settled(settled)
	m.forgetStrays(strays)
	return len(settled) == len(users)
}

// collect takes the turns of the users that nobody works on and returns what
// is to be written for them.
func (m *Manager) collect(users []string) (changes []store.Change, settled []string, endTurns []func()) {
	for _, user := range users {
		end, busy := m.turns.try(m.identity(user))
		if busy != nil {
			continue
		}
		endTurns = append(endTurns, end)
		settled = append(settled, user)
		changes = append(changes, m.durable(user)...)
	}
	return changes, settled, endTurns
}

// strayBindings are those that nobody can have taken for his own meanwhile.
func (m *Manager) strayBindings() []netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []netip.Addr
	for home := range m.strays {
		if m.homes[home] == nil {
			all = append(all, home)
		}
	}
	return all
}

func (m *Manager) forgetStrays(homes []netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, home := range homes {
		delete(m.strays, home)
	}
}

// durable is what the store must hold of a user.
func (m *Manager) durable(user string) []store.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.unsettled, user)
	changes := []store.Change{store.DeleteSession{UserName: user}}
	if e, ok := m.users[user]; ok {
		changes = []store.Change{store.PutSession{Session: record(e.Session)}}
	}
	former := m.former(user, time.Now())
	if e, ok := m.dormant.users[user]; ok {
		return m.keep(e, former)
	}
	kept := store.Lease{UserName: user, LastKey: m.keyPrints[user], Former: former}
	if lease, ok := m.pool.Lease(user); ok {
		kept.Address, kept.Released = lease.Address, lease.Released
		return append(changes, store.PutLease{Lease: kept})
	}
	return append(changes, withoutAddress(kept))
}

// settled ends what was kept from others until the store says the same of these
// users as memory. The caller has their turns.
func (m *Manager) settled(users []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, user := range users {
		m.pool.Free(user, now)
	}
}

func (m *Manager) unsettle(users []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, user := range users {
		m.unsettled[user] = struct{}{}
	}
}
