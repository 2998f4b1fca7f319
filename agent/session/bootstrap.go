package session

import (
	"context"
	"time"

	"homeagent/agent/store"
)

// Bootstrap authorises a mobile node: when it returns nil the session is
// durable and the IKE daemon accepts the node's key. A second request for the
// same user updates the session in place and keeps its home address unless the
// request names another. The error is a [*Refusal], and then the state is what
// it was before.
//
// The work is finished even if ctx ends meanwhile: whoever asks again gets the
// result.
func (m *Manager) Bootstrap(ctx context.Context, req Request) (Grant, error) {
	defer req.AAAKey.Wipe()
	identity, err := m.keys.Identify(req.UserName)
	if err != nil {
		return Grant{}, refuse(UserNameUnusable, err)
	}
	end, err := m.turns.take(ctx, identity)
	if err != nil {
		return Grant{}, refuse(ShuttingDown, err)
	}
	defer end()
	p, refusal := m.plan(&req, time.Now())
	if refusal != nil {
		return Grant{}, refusal
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.EffectTimeout)
	defer cancel()
	if refusal := m.carryOut(ctx, p); refusal != nil {
		return Grant{}, refusal
	}
	m.adopt(p)
	m.retire(ctx, p)
	return Grant{HomeAddress: p.after.HomeAddress, HomeAgent: p.after.HomeAgent, AcctMultiSessionID: p.after.AcctMultiSessionID}, nil
}

// carryOut makes the plan durable and then usable, in this order, so that a
// crash between the two leaves a session that is loaded at the next start and
// was not yet promised. On failure it takes everything back.
func (m *Manager) carryOut(ctx context.Context, p *plan) *Refusal {
	if err := m.store.Apply(ctx, p.changes()...); err != nil {
		m.takeBack(p)
		return refuse(StoreFailed, err)
	}
	err := m.vacate(ctx, p.after.HomeAddress)
	if err == nil {
		err = m.keys.Arm(ctx, credential(&p.after))
	}
	if err != nil {
		m.lingerFor(p) // it may have come to know the key
		m.takeBack(p)
		return refuse(KeyNotLoaded, err)
	}
	return nil
}

// takeBack undoes a plan whose effects failed, in memory and in the store, before
// the refusal is answered. Nobody else gets the home address while the store may
// show it as this user's: two users of one address must never be in it. After that
// it is free, as no mobile node was told of it. Should the store fail, Run tries
// until it succeeds.
func (m *Manager) takeBack(p *plan) {
	m.mu.Lock()
	m.finish(p)
	m.pool.Withhold(p.claim)
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), m.cfg.EffectTimeout)
	defer cancel()
	if err := m.store.Apply(ctx, m.durable(p.after.UserName)...); err != nil {
		m.log.Error("a refused session could not be taken out of the store, which is tried again",
			"user_name", p.after.UserName, "home_address", p.after.HomeAddress, "error", err)
		m.unsettle([]string{p.after.UserName})
		m.wake()
		return
	}
	m.settled([]string{p.after.UserName})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tellFreed()
}

// finish ends the reservations of a plan. The caller holds the lock.
func (m *Manager) finish(p *plan) {
	m.planned -= p.newcomers()
	delete(m.promised, p.after.SessionID)
}

// adopt makes the plan the state of memory.
func (m *Manager) adopt(p *plan) {
	m.mu.Lock()
	m.finish(p)
	if e, ok := m.users[p.after.UserName]; ok && p.staysProven() {
		// The node may have proven its key or moved meanwhile.
		p.after.EstablishedAt, p.after.CareOf = e.EstablishedAt, e.CareOf
		p.after.RoutabilitySA, p.after.PayloadSA = e.RoutabilitySA, e.PayloadSA
	}
	m.insert(p.after)
	delete(m.strays, p.after.HomeAddress)
	if p.asleep != nil && p.asleep.HomeAddress != p.after.HomeAddress {
		m.strays[p.asleep.HomeAddress] = struct{}{}
	}
	m.forgetLeases()
	if p.before != nil && p.before.HomeAddress != p.after.HomeAddress {
		m.linger(p.before.HomeAddress)
		m.tellFreed()
	}
	if p.asleep != nil {
		m.tellFreed()
	}
	m.mu.Unlock()
	m.wake()
	if m.cfg.Began != nil {
		m.cfg.Began(p.after, p.before != nil)
	}
}

// forgetLeases has the store forget what the pool forgot, but for the users' last keys.
// The caller holds the lock.
func (m *Manager) forgetLeases() {
	for _, user := range m.pool.Forgotten() {
		m.unsettled[user] = struct{}{}
		m.keepPrint(user)
	}
}

// retire drops what a new home address left behind: the new one is in place
// by now (RFC 5026 section 5.3.2).
func (m *Manager) retire(ctx context.Context, p *plan) {
	if p.before == nil || p.before.HomeAddress == p.after.HomeAddress {
		return
	}
	if err := m.vacate(ctx, p.before.HomeAddress); err != nil {
		m.log.Warn("the former home address is still known to the IKE daemon, which removes it when it can be reached",
			"user_name", p.before.UserName, "home_address", p.before.HomeAddress, "error", err)
	}
	m.ended(*p.before)
}

func (m *Manager) ended(s store.Session) {
	if m.cfg.Ended != nil {
		m.cfg.Ended(s)
	}
}
