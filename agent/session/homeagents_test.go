package session_test

import (
	"net/netip"
	"slices"
	"testing"

	"homeagent/agent/session"
)

var secondAgent = netip.MustParseAddr("2001:db8:1::2")

// open is a mobile node whose home agent address the configuration leaves open.
func open(t *testing.T, n int) session.Node {
	t.Helper()
	m := node(t, n)
	m.HomeAgent = netip.Addr{}
	return m
}

func (b *bench) expectAgent(t *testing.T, what string, n session.Node, want netip.Addr) {
	t.Helper()
	if got := b.owner(t, n).HomeAgent; got != want {
		t.Errorf("%s %s has the home agent address %s, want %s", what, n.UserName, got, want)
	}
}

// A mobile node that is registered keeps its home agent address as long as that is
// listed, whatever the order; one that comes gets the first of those in force.
func TestConfiguredKeepsItsHomeAgentAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *session.Config) {
		c.HomeAgents = []netip.Addr{homeAgent, secondAgent}
		c.Nodes = []session.Node{open(t, 1)}
	})
	b.expectAgent(t, "at first", open(t, 1), homeAgent)
	b.cfg.HomeAgents = []netip.Addr{secondAgent, homeAgent}
	b.restart(t)
	b.expectAgent(t, "after a restart with another order", open(t, 1), homeAgent)
	reqID := b.owner(t, open(t, 1)).ReqID
	rekeyed := open(t, 1)
	rekeyed.PSK = written(t, "another key of mine")
	b.configure(t, rekeyed, open(t, 2))
	b.expectAgent(t, "after a reload", rekeyed, homeAgent)
	b.expectAgent(t, "the newcomer", open(t, 2), secondAgent)
	if got := b.owner(t, rekeyed).ReqID; got != reqID {
		t.Errorf("the session was made anew: reqid %d, was %d", got, reqID)
	}
	b.cfg.HomeAgents, b.cfg.Nodes = []netip.Addr{secondAgent}, []session.Node{rekeyed, open(t, 2)}
	b.restart(t)
	b.expectAgent(t, "after its address left", rekeyed, secondAgent)
	if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com ", "mn2@example.com "}) {
		t.Errorf("the store holds %q", got)
	}
	named := open(t, 2)
	named.HomeAgent = homeAgent
	b.refusesNode(t, "is not in force yet", rekeyed, named)
}
