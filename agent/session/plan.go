package session

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// A plan is a request that passed every check, with the home address already
// claimed for it. It is carried out or taken back.
type plan struct {
	before *store.Session // nil for a new user
	asleep *store.Session // the user's dormant session, which ends with this
	after  store.Session
	claim  addresspool.Claim
	stray  bool // the store may hold a binding of somebody else's for the home address
	// lastKey is that of the user's last session that ended.
	lastKey psk.Fingerprint
	// former are the addresses that the user has left, also by this plan.
	former []store.Former
}

// newcomers counts the plan against MaxSessions.
func (p *plan) newcomers() int {
	if p.before == nil {
		return 1
	}
	return 0
}

// changes make the plan durable. The binding of an address that is left stays until the
// plan is carried out, as it may be taken back.
func (p *plan) changes() []store.Change {
	changes := []store.Change{
		store.PutSession{Session: p.after},
		store.PutLease{Lease: store.Lease{
			UserName: p.after.UserName, Address: p.after.HomeAddress, LastKey: p.lastKey, Former: p.former,
		}},
	}
	if p.stray {
		changes = append(changes, store.DeleteBinding{HomeAddress: p.after.HomeAddress})
	}
	return changes
}

// staysProven tells whether the IKE_SA of before goes on: a new key does not
// end it, as rekeying does not use it.
func (p *plan) staysProven() bool {
	return p.before != nil && p.before.HomeAddress == p.after.HomeAddress && p.before.HomeAgent == p.after.HomeAgent
}

// plan checks the request against everything that is known and chooses what it
// leaves open. Nothing is kept when it refuses.
func (m *Manager) plan(req *Request, now time.Time) (*plan, *Refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, refusal := m.earlier(req)
	if refusal != nil {
		return nil, refusal
	}
	homeAgent, refusal := m.chooseHomeAgent(req, before)
	if refusal != nil {
		return nil, refusal
	}
	full := before == nil && m.cfg.MaxSessions > 0 && len(m.users)+m.planned >= m.cfg.MaxSessions
	if full && !req.HomeAddress.IsValid() {
		return nil, refuse(SessionsExhausted, fmt.Errorf("%d sessions", m.cfg.MaxSessions))
	}
	claim, refusal := m.claimAddress(req, now)
	if refusal != nil {
		return nil, refusal
	}
	if full { // a bad address is worth telling first
		m.pool.Undo(claim)
		return nil, refuse(SessionsExhausted, fmt.Errorf("%d sessions", m.cfg.MaxSessions))
	}
	key, err := psk.Derive(req.AAAKey, req.KeyID, claim.Address, homeAgent)
	if err != nil {
		m.pool.Undo(claim)
		return nil, refuse(KeyUnusable, err)
	}
	p := &plan{
		before: before, after: m.next(req, before, claim.Address, homeAgent, key, now),
		claim: claim, lastKey: m.keyPrints[req.UserName], former: m.former(req.UserName, now),
	}
	if e, ok := m.dormant.users[req.UserName]; ok {
		asleep := e.Session
		p.asleep = &asleep
	}
	_, p.stray = m.strays[claim.Address]
	m.planned += p.newcomers()
	m.promised[req.SessionID] = req.UserName
	return p, nil
}

// earlier finds the user's live session and checks that the request may go on
// from it.
func (m *Manager) earlier(req *Request) (*store.Session, *Refusal) {
	for _, e := range []*entry{m.known[m.identity(req.UserName)], m.users[req.UserName]} {
		if e != nil && e.Configured {
			return nil, refuse(UserConfigured, nil)
		}
	}
	for _, ids := range []map[string]*entry{m.ids, m.dormant.ids} {
		if e, ok := ids[req.SessionID]; ok && e.UserName != req.UserName {
			return nil, refuse(SessionOfOtherUser, nil)
		}
	}
	if user, ok := m.promised[req.SessionID]; ok && user != req.UserName {
		return nil, refuse(SessionOfOtherUser, nil)
	}
	for _, known := range []map[string]*entry{m.known, m.dormant.known} {
		if e, ok := known[m.identity(req.UserName)]; ok && e.UserName != req.UserName {
			return nil, refuse(UserNameOfOther, nil)
		}
	}
	fingerprint := req.AAAKey.Fingerprint()
	e, ok := m.users[req.UserName]
	if m.keyPrints[req.UserName] == fingerprint && (!ok || e.Fingerprint != fingerprint) {
		return nil, refuse(KeyReplayed, nil)
	}
	if !ok {
		return nil, nil
	}
	if e.KeyID == req.KeyID && e.Fingerprint != fingerprint {
		return nil, refuse(KeyReused, fmt.Errorf("key id %d", req.KeyID))
	}
	before := e.Session
	return &before, nil
}

// chooseHomeAgent takes the server's choice if it is one of ours, otherwise
// what the user has, otherwise the address with the fewest sessions.
func (m *Manager) chooseHomeAgent(req *Request, before *store.Session) (netip.Addr, *Refusal) {
	if req.HomeAgent.IsValid() {
		if !m.ours[req.HomeAgent] {
			return netip.Addr{}, refuse(HomeAgentNotOurs, fmt.Errorf("%s", req.HomeAgent))
		}
		return req.HomeAgent, nil
	}
	if before != nil && m.ours[before.HomeAgent] {
		return before.HomeAgent, nil
	}
	best := m.cfg.HomeAgents[0]
	for _, ha := range m.cfg.HomeAgents[1:] {
		if m.load[ha] < m.load[best] {
			best = ha
		}
	}
	return best, nil
}

// claimAddress takes the server's choice; else the pool finds the address the
// user has, had, or gets.
func (m *Manager) claimAddress(req *Request, now time.Time) (addresspool.Claim, *Refusal) {
	var claim addresspool.Claim
	var err error
	if e, ok := m.homes[req.HomeAddress]; ok && e.Configured {
		return claim, refuse(AddressConfigured, nil)
	}
	if req.HomeAddress.IsValid() {
		claim, err = m.pool.Claim(req.UserName, req.HomeAddress, now)
	} else {
		claim, err = m.pool.Assign(req.UserName, now)
	}
	if err != nil {
		return claim, refuse(addressReason(err), err)
	}
	return claim, nil
}

// addressReason translates the pool's refusal.
func addressReason(err error) Reason {
	var r addresspool.Refusal
	if !errors.As(err, &r) {
		return AddressNotServed
	}
	return map[addresspool.Refusal]Reason{
		addresspool.NotServed: AddressNotServed,
		addresspool.Reserved:  AddressReserved,
		addresspool.OtherUser: AddressOfOtherUser,
		addresspool.InUse:     AddressInUse,
		addresspool.HeldDown:  AddressHeldDown,
		addresspool.Exhausted: AddressesExhausted,
	}[r]
}

// next is the session as it will be.
func (m *Manager) next(req *Request, before *store.Session, home, agent netip.Addr, key psk.Key, now time.Time) store.Session {
	s := store.Session{
		SessionID: req.SessionID, UserName: req.UserName,
		OriginHost: req.OriginHost, OriginRealm: req.OriginRealm, PeerHost: req.PeerHost,
		HomeAddress: home, HomeAgent: agent,
		KeyID: req.KeyID, ReqID: m.reqID(before), PSK: key, Fingerprint: req.AAAKey.Fingerprint(),
		Stateful: req.Stateful, AuthorizedAt: now,
		AcctMultiSessionID: m.acctMultiSessionID(req, before, now),
	}
	if lifetime, grace := m.capped(req); lifetime != Unlimited {
		s.ExpiresAt, s.Grace = now.Add(lifetime), grace
	}
	if before != nil && before.HomeAddress == home && before.HomeAgent == agent {
		// The IKE_SA survives a new key: rekeying does not use it.
		s.EstablishedAt, s.CareOf = before.EstablishedAt, before.CareOf
		s.RoutabilitySA, s.PayloadSA = before.RoutabilitySA, before.PayloadSA
	}
	return s
}

// reqID keeps the one there is: security associations may have it. A new one is
// higher than any before, so that none is given twice while it may be in use.
func (m *Manager) reqID(before *store.Session) uint32 {
	if before != nil {
		return before.ReqID
	}
	m.reqIDs++
	return m.reqIDs
}

// capped cuts lifetime and grace so that both together keep within our own limit
// and Session-Timeout.
func (m *Manager) capped(req *Request) (lifetime, grace time.Duration) {
	most := Unlimited
	for _, limit := range []time.Duration{m.cfg.MaxLifetime, req.Timeout} {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	lifetime = min(req.Lifetime, most)
	return lifetime, min(req.Grace, most-lifetime)
}

// acctMultiSessionID keeps the one there is, else takes the server's, else
// makes one in the form of a Session-Id (RFC 6733 section 8.8).
func (m *Manager) acctMultiSessionID(req *Request, before *store.Session, now time.Time) string {
	if before != nil {
		return before.AcctMultiSessionID
	}
	if req.AcctMultiSessionID != "" {
		return req.AcctMultiSessionID
	}
	m.minted++
	return fmt.Sprintf("%s;%d;%d", m.cfg.Identity, now.Unix(), m.minted)
}
