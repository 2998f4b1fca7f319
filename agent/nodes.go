package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"homeagent/agent/config"
	"homeagent/agent/mobilenode"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/xfrm"
)

// sessionNodes puts mobile nodes into the terms of sessions.
func sessionNodes(nodes []mobilenode.Node) []session.Node {
	all := make([]session.Node, len(nodes))
	for i, n := range nodes {
		all[i] = session.Node{UserName: n.UserName, HomeAddress: n.HomeAddress, HomeAgent: n.HomeAgent, PSK: n.PSK}
	}
	return all
}

// setNodes takes note of the mobile nodes in force.
func (a *Agent) setNodes(nodes []mobilenode.Node) {
	homes := make(map[netip.Addr]mobilenode.Node, len(nodes))
	for _, n := range nodes {
		if n.PSK.IsZero() {
			homes[n.HomeAddress] = n
			a.deps.Log.Warn("security associations of a mobile node are "+config.ManualDoubt, "user_name", n.UserName, "home_address", n.HomeAddress)
		}
	}
	a.manual.Store(&homes)
}

// began tells of a session. One that is keyed by hand may have waited for its turn: the
// kernel gets its security associations.
func (a *Agent) began(s store.Session, renewed bool) {
	a.happenings.began(s, renewed)
	if s.Manual {
		a.kernel.look()
	}
}

// manualNode finds the mobile node with a home address that is keyed by hand, and has
// a session.
func (a *Agent) manualNode(home netip.Addr) (mobilenode.Node, bool) {
	n, ok := (*a.manual.Load())[home]
	if !ok {
		return n, false
	}
	s, ok := a.sessions.Owner(home)
	return n, ok && s.Manual && s.UserName == n.UserName
}

// associations are the security associations that are keyed by hand, of mobile nodes
// with a session.
func (a *Agent) associations() []xfrm.Association {
	var all []xfrm.Association
	for home, n := range *a.manual.Load() {
		if s, ok := a.sessions.Owner(home); ok && s.Manual && s.UserName == n.UserName {
			all = append(all, n.Associations(s.HomeAgent, s.ReqID)...)
		}
	}
	return all
}

// configureNodes takes over the mobile nodes of a configuration that is read again,
// and tells what was done.
func (a *Agent) configureNodes(ctx context.Context, cfg *config.Config, nodes []mobilenode.Node) (session.NodeChanges, error) {
	done, err := a.sessions.Configure(ctx, sessionNodes(nodes))
	var refused *session.NodeError
	if errors.As(err, &refused) {
		for i, n := range cfg.MobileNodes {
			if n.UserName == refused.UserName {
				return done, cfg.Problem(fmt.Sprintf("mobile_node[%d].user_name", i), "%v", refused.Err)
			}
		}
	}
	if err != nil {
		return done, err
	}
	byHand := a.rekeyedByHand(nodes, &done)
	a.setNodes(nodes)
	a.kernel.associate(ctx)
	for _, user := range byHand {
		if s, err := a.sessions.Find(user); err == nil {
			a.happenings.began(s, true)
		}
	}
	done.Rekeyed = append(done.Rekeyed, byHand...)
	return done, nil
}

// rekeyedByHand are the mobile nodes with other security associations than those in
// force, and the same session.
func (a *Agent) rekeyedByHand(nodes []mobilenode.Node, done *session.NodeChanges) []string {
	var all []string
	others := map[string]bool{}
	for _, user := range slices.Concat(done.Added, done.Changed) {
		others[user] = true
	}
	for _, n := range nodes {
		before, there := (*a.manual.Load())[n.HomeAddress]
		if !there || !n.PSK.IsZero() || others[n.UserName] {
			continue
		}
		if !slices.EqualFunc(before.Associations(n.HomeAgent, 0), n.Associations(n.HomeAgent, 0), xfrm.Association.Equal) {
			all = append(all, n.UserName)
		}
	}
	return all
}
