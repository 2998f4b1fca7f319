package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/store"
)

// Configure replaces the mobile nodes of the configuration: sessions of those that
// left end, new ones begin, and a new key takes the place of the one before while
// IKE_SAs live on. It is done wholly or, with an error, not at all; that is a
// [*NodeError] if the configuration asks for what somebody else has. A key that the
// IKE daemon does not take at once is loaded later.
func (m *Manager) Configure(ctx context.Context, nodes []Node) (NodeChanges, error) {
	m.configuring.Lock()
	defer m.configuring.Unlock()
	done, err := m.configure(ctx, nodes)
	if err == nil {
		m.nodes = nodes
	}
	return done, err
}

func (m *Manager) configure(ctx context.Context, nodes []Node) (NodeChanges, error) {
	endTurns, err := m.turnsOf(ctx, nodes)
	defer func() {
		for _, end := range endTurns {
			end()
		}
	}()
	if err != nil {
		return NodeChanges{}, fmt.Errorf("taking over mobile nodes: %w", err)
	}
	c, err := m.compare(m.settledNodes(nodes, m.byUser), time.Now())
	if err != nil {
		return NodeChanges{}, fmt.Errorf("taking over mobile nodes: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.EffectTimeout)
	defer cancel()
	if len(c.changes) > 0 {
		if err := m.store.Apply(ctx, c.changes...); err != nil {
			m.giveUp(c)
			return NodeChanges{}, fmt.Errorf("taking over mobile nodes: %w", err)
		}
	}
	m.carry(c)
	m.follow(ctx, c)
	return c.summary(), nil
}

// NodeChanges are the user names of the mobile nodes of which a configuration is not
// as it was: those that came, those with another key or another address, and those
// that left it. Each list is in order.
type NodeChanges struct{ Added, Rekeyed, Changed, Ended []string }

func (c *configuring) summary() NodeChanges {
	var n NodeChanges
	for _, s := range c.added {
		if c.ends[s.UserName] {
			n.Changed = append(n.Changed, s.UserName)
		} else {
			n.Added = append(n.Added, s.UserName)
		}
	}
	for _, s := range c.rekeyed {
		n.Rekeyed = append(n.Rekeyed, s.UserName)
	}
	for _, s := range c.ended {
		if !c.adds[s.UserName] {
			n.Ended = append(n.Ended, s.UserName)
		}
	}
	for _, names := range [][]string{n.Added, n.Rekeyed, n.Changed, n.Ended} {
		slices.Sort(names)
	}
	return n
}

// turnsOf takes the turns of all users that the old or the new configuration names,
// in one order, so that two who do so cannot wait for each other.
func (m *Manager) turnsOf(ctx context.Context, nodes []Node) (endTurns []func(), err error) {
	var identities []string
	m.mu.Lock()
	for _, e := range m.users {
		if e.Configured {
			identities = append(identities, e.identity)
		}
	}
	m.mu.Unlock()
	for _, n := range nodes {
		identities = append(identities, m.identity(n.UserName))
	}
	slices.Sort(identities)
	for _, identity := range slices.Compact(identities) {
		end, err := m.turns.take(ctx, identity)
		if err != nil {
			return endTurns, err
		}
		endTurns = append(endTurns, end)
	}
	return endTurns, nil
}

// A configuring is how the mobile nodes of a configuration differ from those before.
type configuring struct {
	ended, added, rekeyed []store.Session
	claims                []addresspool.Claim // for those added whose address was free
	displaced             []Displaced         // those that wait on for somebody's session
	changes               []store.Change      // what the store must hold of it
	at                    time.Time

	ends, adds, claimed map[string]bool     // users
	foreign             map[netip.Addr]bool // home addresses that change hands
}

func newConfiguring(now time.Time) *configuring {
	return &configuring{
		at: now, ends: map[string]bool{}, adds: map[string]bool{}, claimed: map[string]bool{}, foreign: map[netip.Addr]bool{},
	}
}

// compare finds the differences and claims what is free. Nothing is kept when it
// refuses.
func (m *Manager) compare(nodes []Node, now time.Time) (*configuring, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, known := newConfiguring(now), byUser(nodes)
	for user, e := range m.users {
		if n := known[user]; e.Configured && (n == nil || !n.has(&e.Session)) {
			c.ended = append(c.ended, e.Session)
			c.ends[user] = true
		}
	}
	slices.SortFunc(c.ended, func(a, b store.Session) int { return cmp.Compare(a.UserName, b.UserName) })
	if err := m.distinct(nodes); err != nil {
		return nil, err
	}
	waiting := m.waitingHomes()
	for i := range nodes {
		n := &nodes[i]
		if err := m.compareNode(c, n, waiting[n.UserName] == n.HomeAddress); err != nil {
			m.takeBackClaims(c, m.pool.Undo)
			return nil, &NodeError{UserName: n.UserName, Err: err}
		}
	}
	c.changes = m.changes(c)
	return c, nil
}

// distinct refuses mobile nodes that the IKE daemon cannot tell apart: who leaves the
// configuration would take the other one's place along.
func (m *Manager) distinct(nodes []Node) error {
	users := make(map[string]string, len(nodes)) // by identity
	for _, n := range nodes {
		identity := m.identity(n.UserName)
		if other, taken := users[identity]; taken {
			return &NodeError{UserName: n.UserName, Err: fmt.Errorf("the IKE daemon cannot tell it from %q (give one of them another name)", other)}
		}
		users[identity] = n.UserName
	}
	return nil
}

func (m *Manager) compareNode(c *configuring, n *Node, waits bool) error {
	if e, ok := m.users[n.UserName]; ok && n.has(&e.Session) {
		if !e.PSK.Equal(n.PSK) {
			s := e.Session
			s.PSK = n.PSK
			c.rekeyed = append(c.rekeyed, s)
		}
		return nil
	}
	free, err := m.admissible(c, n)
	var taken *takenError
	if errors.As(err, &taken) && waits {
		c.displaced = append(c.displaced, Displaced{*n, taken.by}) // nothing new
		return nil
	}
	if err != nil {
		return err
	}
	former, _ := m.pool.Holder(n.HomeAddress)
	if free {
		claim, err := m.pool.Take(n.UserName, n.HomeAddress, c.at)
		if err != nil {
			return fmt.Errorf("its home address %s: %w (try again in a moment)", n.HomeAddress, err)
		}
		c.claims, c.claimed[n.UserName], former = append(c.claims, claim), true, claim.Former
	}
	c.foreign[n.HomeAddress] = former != "" && former != n.UserName
	c.added = append(c.added, m.sessionOf(n, c.at))
	c.adds[n.UserName] = true
	return nil
}

// admissible tells why a mobile node cannot have a session, or whether its address is
// free already.
func (m *Manager) admissible(c *configuring, n *Node) (free bool, err error) {
	identity, err := m.keys.Identify(n.UserName)
	if err != nil && !n.PSK.IsZero() {
		return false, fmt.Errorf("its user name cannot be an IKE identity: %w", err)
	}
	for _, known := range []map[string]*entry{m.known, m.dormant.known} {
		if e, ok := known[cmp.Or(identity, n.UserName)]; ok && !c.ends[e.UserName] {
			return false, &takenError{e.UserName, fmt.Sprintf("%q has a session already, which the IKE daemon cannot tell from it (end it: homeagentctl release %s)", e.UserName, e.UserName)}
		}
	}
	if !m.ours[n.HomeAgent] {
		return false, fmt.Errorf("its home agent address %s is not in force yet (systemctl restart homeagent)", n.HomeAgent)
	}
	if r, refused := m.pool.Refuses(n.HomeAddress); refused {
		return false, fmt.Errorf("its home address %s, as home prefixes are in force now: %s (systemctl restart homeagent)", n.HomeAddress, r.String())
	}
	holder, inUse := m.pool.Holder(n.HomeAddress)
	if inUse && !c.ends[holder] {
		return false, &takenError{holder, fmt.Sprintf("its home address %s is in use by %q (end that session: homeagentctl release %s)", n.HomeAddress, holder, n.HomeAddress)}
	}
	return !inUse, nil
}

// why is the cause of the end of a mobile node's session.
func (c *configuring) why(user string) Cause {
	if c.adds[user] {
		return ChangedInConfiguration
	}
	return LeftConfiguration
}

// changes are what the store must hold afterwards. The caller holds the lock.
func (m *Manager) changes(c *configuring) []store.Change {
	var all []store.Change
	left := map[string]netip.Addr{}
	for _, s := range c.ended {
		lease := m.leaseOf(s.UserName, s.HomeAddress, c.at)
		lease.Released = c.at
		all = append(all, store.DeleteSession{UserName: s.UserName}, store.DeleteBinding{HomeAddress: s.HomeAddress}, store.PutLease{Lease: lease})
		left[s.UserName] = s.HomeAddress
	}
	for i := range c.added {
		s := &c.added[i]
		lease := m.leaseOf(s.UserName, s.HomeAddress, c.at)
		if before, moved := left[s.UserName]; moved && before != s.HomeAddress && !c.claimed[s.UserName] {
			// The pool does not know of it yet.
			lease.Former = append(lease.Former, store.Former{Address: before, Released: c.at})
		}
		all = append(all, store.PutSession{Session: record(*s)}, store.PutLease{Lease: lease})
	}
	return all
}

// takeBackClaims takes claims back in one of the pool's ways. The caller holds the
// lock.
func (m *Manager) takeBackClaims(c *configuring, back func(addresspool.Claim)) {
	for _, claim := range slices.Backward(c.claims) {
		back(claim)
	}
}

// giveUp takes everything back. What the store came to hold is not known, so nobody
// else gets the addresses before it is.
func (m *Manager) giveUp(c *configuring) {
	m.mu.Lock()
	m.takeBackClaims(c, m.pool.Withhold)
	m.mu.Unlock()
	var users []string
	for _, s := range slices.Concat(c.ended, c.added) {
		users = append(users, s.UserName)
	}
	m.unsettle(users)
	m.wake()
}

// carry makes the differences the state of memory. Addresses that are exchanged are
// all released before any is taken.
func (m *Manager) carry(c *configuring) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range c.ended {
		m.remove(s.UserName)
		if !c.claimed[s.UserName] {
			m.pool.Release(s.UserName, c.at)
		}
		if !s.Manual {
			m.linger(s.HomeAddress)
		}
	}
	for _, s := range c.added {
		if !c.claimed[s.UserName] {
			if _, err := m.pool.Take(s.UserName, s.HomeAddress, c.at); err != nil {
				m.log.Error("the home address of a mobile node of the configuration is somebody else's", "user_name", s.UserName, "home_address", s.HomeAddress, "error", err)
			}
		}
		m.insert(s)
		if c.foreign[s.HomeAddress] {
			m.linger(s.HomeAddress)
		}
	}
	for _, s := range c.rekeyed {
		m.users[s.UserName].PSK = s.PSK
	}
	for _, s := range slices.Concat(c.added, c.rekeyed) {
		m.unarmed[s.UserName] = true
	}
	m.displaced = c.displaced
	sortDisplaced(m.displaced)
	m.forgetLeases()
	m.wake()
}

// follow tells the IKE daemon and the others what has changed. An address that changes
// hands is forgotten before the next one's key is loaded.
func (m *Manager) follow(ctx context.Context, c *configuring) {
	for _, s := range c.ended {
		if !s.Manual && !c.foreign[s.HomeAddress] {
			if err := m.vacate(ctx, s.HomeAddress); err != nil {
				m.log.Warn("a mobile node that left the configuration is still known to the IKE daemon, which removes it when it can be reached",
					"user_name", s.UserName, "home_address", s.HomeAddress, "error", err)
			}
		}
		m.ended(s)
		if m.cfg.Over != nil {
			m.cfg.Over(s, c.why(s.UserName))
		}
	}
	var users []string
	for _, s := range slices.Concat(c.added, c.rekeyed) {
		if m.cfg.Began != nil {
			m.cfg.Began(s, !c.adds[s.UserName])
		}
		users = append(users, s.UserName)
	}
	m.armAll(users, func(user string) error { return m.arm(ctx, user) })
}
