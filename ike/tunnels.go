package ike

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"homeagent/ike/vici"
)

// Tunnels says for which of the packets between home agent and mobile node
// there are CHILD_SAs in tunnel mode (RFC 4877 section 4.1).
type Tunnels struct {
	ReturnRoutability bool // HoTI and HoT: the Mobility Header
	Payload           bool // all packets
}

func (t Tunnels) or(u Tunnels) Tunnels {
	return Tunnels{t.ReturnRoutability || u.ReturnRoutability, t.Payload || u.Payload}
}

func (t Tunnels) without(u Tunnels) Tunnels {
	return Tunnels{t.ReturnRoutability && !u.ReturnRoutability, t.Payload && !u.Payload}
}

// Tunneled reports which packets a mobile node wants protected.
type Tunneled struct {
	UserName    string
	HomeAddress netip.Addr
	Tunnels     Tunnels
}

// A session keeps in mind which tunnels its mobile node wants. Having a CHILD_SA
// is the wish for it; that one is missing is no wish. An IKE_SA can be lost by
// anybody's doing who is able to stop packets, and whoever does that must not
// get to read what was encrypted; neither must who stops only the exchange in which
// the CHILD_SA would come back. Only the mobile node itself takes a wish back, by
// ending the CHILD_SA while the IKE_SA goes on, or else the wish ends with the
// session. A node that authenticates again without the CHILD_SA has to set it up
// and end it before its packets pass unprotected.

// seen is an IKE_SA as charon tells of it.
func seen(sa vici.IKESA) ikeSA {
	return ikeSA{id: sa.UniqueID, careOf: sa.Remote, children: sa.Children}
}

// observeChild takes an event about a CHILD_SA.
func (c *Charon) observeChild(s *session, e vici.Event) {
	if e.Kind == vici.ChildDown {
		c.childDown(s, e)
		return
	}
	i := s.find(e.SA.UniqueID)
	if i < 0 {
		if e.SA.IsEstablished() {
			c.up(s, seen(e.SA)) // news of before this connection
		}
		return
	}
	sa := &s.sas[i]
	if e.Kind == vici.ChildRekeyed {
		sa.children = sa.without([]vici.ChildSA{{UniqueID: e.Old}})
	}
	sa.children = append(sa.without(e.SA.Children), e.SA.Children...)
	c.gain(s)
	for _, child := range e.SA.Children {
		if child.Name == childPayload && !s.coversPayload(child) {
			c.say(slog.LevelWarn, "a mobile node has a CHILD_SA for some of its packets, which is of no use: they have to be all or none", "user_name", s.cred.UserName,
				"home_address", s.cred.HomeAddress, "ours", child.LocalTS, "theirs", child.RemoteTS)
		}
	}
}

// childDown takes the end of CHILD_SAs, which is the mobile node's word only while
// their IKE_SA goes on. Those of one that is gone come after it, and charon may call
// it established still.
func (c *Charon) childDown(s *session, e vici.Event) {
	i := s.find(e.SA.UniqueID)
	if i < 0 {
		return
	}
	s.sas[i].children = s.sas[i].without(e.SA.Children)
	if !e.SA.IsEstablished() {
		return
	}
	var ended Tunnels
	for _, child := range e.SA.Children {
		ended = ended.or(s.purpose(child))
	}
	c.doubt(s, ended)
}

// gain takes what a mobile node has CHILD_SAs for as wanted, too.
func (c *Charon) gain(s *session) {
	has := s.tunnelled()
	s.ended = s.ended.without(has)
	c.want(s, s.wishes.or(has))
}

// without lists the CHILD_SAs but for these.
func (sa *ikeSA) without(gone []vici.ChildSA) []vici.ChildSA {
	return slices.DeleteFunc(slices.Clone(sa.children), func(child vici.ChildSA) bool {
		return slices.ContainsFunc(gone, func(g vici.ChildSA) bool { return g.UniqueID == child.UniqueID })
	})
}

// want records what a mobile node wants, and reports it if it is news.
func (c *Charon) want(s *session, t Tunnels) {
	if s.wishes == t {
		return
	}
	s.wishes = t
	c.say(slog.LevelInfo, "a mobile node's packets are protected otherwise than before", "user_name", s.cred.UserName,
		"home_address", s.cred.HomeAddress, "payload", t.Payload, "return_routability", t.ReturnRoutability)
	if c.cfg.OnTunnels != nil {
		report := Tunneled{UserName: s.cred.UserName, HomeAddress: s.cred.HomeAddress, Tunnels: t}
		c.reports.add(func() { c.cfg.OnTunnels(report) })
	}
}

// tunnelled is what the CHILD_SAs of a session are for.
func (s *session) tunnelled() Tunnels {
	var t Tunnels
	for _, sa := range s.sas {
		for _, child := range sa.children {
			if isInUse(child) {
				t = t.or(s.purpose(child))
			}
		}
	}
	return t
}

// purpose is what a CHILD_SA is for.
func (s *session) purpose(child vici.ChildSA) Tunnels {
	switch child.Name {
	case childReturnRoutability, childHomeTest:
		return Tunnels{ReturnRoutability: true}
	case childPayload:
		return Tunnels{Payload: s.coversPayload(child)}
	}
	return Tunnels{}
}

// isInUse tells whether a CHILD_SA is neither ended nor replaced: charon keeps such
// for some seconds, for packets under way.
func isInUse(child vici.ChildSA) bool {
	switch child.State {
	case "REKEYED", "DELETING", "DELETED", "DESTROYING":
		return false
	}
	return true
}

// coversPayload tells whether a CHILD_SA is for all packets to and from the home
// address. A mobile node that asks for some of them gets a CHILD_SA for those
// and is not taken at its word, as the others would be dropped.
func (s *session) coversPayload(child vici.ChildSA) bool {
	return covers(child.LocalTS, everywhere) && covers(child.RemoteTS, netip.PrefixFrom(s.cred.HomeAddress, s.cred.HomeAddress.BitLen()))
}

// covers finds a traffic selector for just this prefix and all protocols.
func covers(selectors []string, p netip.Prefix) bool {
	return slices.ContainsFunc(selectors, func(text string) bool {
		ts, err := netip.ParsePrefix(strings.TrimSpace(text))
		return err == nil && ts == p
	})
}
