package session

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// A Node is a mobile node of the configuration. It needs no AAA server: its session
// is there as long as it is in the configuration. No user of an AAA server gets its
// name or its home address.
type Node struct {
	UserName    string
	HomeAddress netip.Addr
	// HomeAgent may be zero: then it is the one that the session has already, as long
	// as that is one of Config.HomeAgents, and else the first of these.
	HomeAgent netip.Addr
	// PSK is its pre-shared key, zero for one whose security associations are keyed
	// by hand.
	PSK psk.Key
}

// A NodeError says why a mobile node of the configuration cannot be.
type NodeError struct {
	UserName string
	Err      error
}

// Error names the mobile node.
func (e *NodeError) Error() string { return fmt.Sprintf("mobile node %q: %v", e.UserName, e.Err) }

// Unwrap is the cause.
func (e *NodeError) Unwrap() error { return e.Err }

// has tells whether a session is the node's, whatever its key.
func (n *Node) has(s *store.Session) bool {
	return s.Configured && s.UserName == n.UserName && s.HomeAddress == n.HomeAddress && s.HomeAgent == n.HomeAgent && s.Manual == n.PSK.IsZero()
}

// settledNodes are mobile nodes with the home agent addresses that are left open. The one
// that a mobile node has is found by its user name.
func (m *Manager) settledNodes(nodes []Node, has func(user string) (store.Session, bool)) []Node {
	all := slices.Clone(nodes)
	for i := range all {
		n := &all[i]
		if n.HomeAgent.IsValid() {
			continue
		}
		n.HomeAgent = m.cfg.HomeAgents[0]
		if s, ok := has(n.UserName); ok && s.Configured && m.ours[s.HomeAgent] {
			n.HomeAgent = s.HomeAgent
		}
	}
	return all
}

// record is what the store holds of a session: a key of the configuration is no
// part of it.
func record(s store.Session) store.Session {
	if s.Configured {
		s.PSK = psk.Key{}
	}
	return s
}

func byUser(nodes []Node) map[string]*Node {
	all := make(map[string]*Node, len(nodes))
	for i := range nodes {
		all[nodes[i].UserName] = &nodes[i]
	}
	return all
}

// configure has the sessions of the store agree with the configuration: those of
// mobile nodes that left it are ended. Where somebody else has what it gives to a
// mobile node, that one has to wait.
func (r *records) configure(nodes []Node, identity func(string) string, now time.Time, log *slog.Logger) {
	known, identities, homes := byUser(nodes), map[string]*Node{}, map[netip.Addr]*Node{}
	for i := range nodes {
		n := &nodes[i]
		identities[identity(n.UserName)], homes[n.HomeAddress] = n, n
	}
	for user, s := range r.sessions {
		n := known[user]
		switch {
		case n != nil && n.has(&s):
			s.PSK = n.PSK
			r.sessions[user] = s
		case s.Configured:
			log.Warn("a mobile node is not in the configuration any more as it was, its session is ended",
				"user_name", user, "home_address", s.HomeAddress)
			why := LeftConfiguration
			if n != nil {
				why = ChangedInConfiguration
			}
			r.drop(&s, why)
		case identities[identity(user)] == nil && homes[s.HomeAddress] == nil:
		case isOver(&s, now):
			r.drop(&s, AuthExpired)
		default:
			r.displace(identities[identity(user)], &s, log)
			r.displace(homes[s.HomeAddress], &s, log)
		}
	}
}

func isOver(s *store.Session, now time.Time) bool {
	end := s.EndsAt()
	return !end.IsZero() && !end.After(now)
}

// displace lets a mobile node of the configuration wait for the end of a session.
func (r *records) displace(n *Node, s *store.Session, log *slog.Logger) {
	if n == nil || r.isDisplaced(n.UserName) {
		return
	}
	log.Warn("a mobile node of the configuration is not served, as a session has its user name or its home address (homeagentctl status tells more)",
		"user_name", n.UserName, "home_address", n.HomeAddress, "session_of", s.UserName, "session_id", s.SessionID)
	r.displaced = append(r.displaced, Displaced{*n, s.UserName})
}

func (r *records) isDisplaced(user string) bool {
	return slices.ContainsFunc(r.displaced, func(d Displaced) bool { return d.UserName == user })
}

// addNodes makes sessions for the mobile nodes of the configuration that have none.
// The caller holds the lock.
func (m *Manager) addNodes(kept *records, nodes []Node) {
	for _, s := range kept.sessions {
		m.noteReqID(&s)
	}
	for i := range kept.dropped {
		m.noteReqID(&kept.dropped[i].Session) // the IKE daemon may still use it
	}
	for i := range kept.dormant {
		m.noteReqID(&kept.dormant[i])
	}
	now, former, waiting := time.Now(), kept.holders(), map[string]bool{}
	for _, d := range kept.displaced {
		waiting[d.UserName] = true
	}
	for i := range nodes {
		n := &nodes[i]
		if _, there := kept.sessions[n.UserName]; there || waiting[n.UserName] || !m.pool.Serves(n.HomeAddress) {
			continue
		}
		kept.add(m.sessionOf(n, now))
		if user := former[n.HomeAddress]; user != "" && user != n.UserName {
			kept.foreign = append(kept.foreign, n.UserName)
		}
	}
}

// add makes a session, which its user's lease has to agree with. An address that the
// user had before stays held down.
func (r *records) add(s store.Session) {
	l := r.leases[s.UserName]
	if l.Address.IsValid() && l.Address != s.HomeAddress && !l.Released.IsZero() {
		l.Former = append(l.Former, store.Former{Address: l.Address, Released: l.Released})
	}
	l.UserName, l.Address, l.Released = s.UserName, s.HomeAddress, time.Time{}
	r.sessions[s.UserName], r.leases[s.UserName] = s, l
	r.changes = append(r.changes, store.PutSession{Session: record(s)}, store.PutLease{Lease: l})
}

// holders are the users who had home addresses last.
func (r *records) holders() map[netip.Addr]string {
	users := make(map[netip.Addr]string, len(r.leases))
	for user, l := range r.leases {
		for _, f := range l.Former {
			users[f.Address] = user
		}
	}
	for user, l := range r.leases {
		users[l.Address] = user
	}
	for _, d := range r.dropped {
		users[d.HomeAddress] = d.UserName
	}
	return users
}

// sessionOf makes the session of a mobile node. The caller holds the lock.
func (m *Manager) sessionOf(n *Node, now time.Time) store.Session {
	s := store.Session{
		UserName: n.UserName, HomeAddress: n.HomeAddress, HomeAgent: n.HomeAgent, PSK: n.PSK,
		Configured: true, Manual: n.PSK.IsZero(), AuthorizedAt: now,
	}
	if s.Manual {
		m.manualIDs++
		s.ReqID = m.manualIDs
		return s
	}
	s.ReqID = m.reqID(nil)
	return s
}

// noteReqID keeps a reqid from being given again.
func (m *Manager) noteReqID(s *store.Session) {
	if s.Manual {
		m.manualIDs = max(m.manualIDs, s.ReqID)
		return
	}
	m.reqIDs = max(m.reqIDs, s.ReqID)
}
