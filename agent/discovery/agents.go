package discovery

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/discovery/agentlist"
	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// answerAgents answers a request that came to the anycast address of a home prefix,
// straight to where it came from (RFC 6275 section 10.5.1).
func (s *Server) answerAgents(p *rawsocket.Packet, m *message.AgentRequest, now time.Time) (*answer, Outcome) {
	l, prefix, ok := s.servedBy(p.Destination)
	switch {
	case !ok:
		return nil, NotAnycast
	case !p.Source.IsGlobalUnicast():
		return nil, BadSource
	case !s.replies.Allow(now):
		return nil, RateLimited
	}
	self := agentlist.Agent{
		Preference:   l.Preference,
		MobileRouter: l.MobileRouters,
		Addresses:    l.agentsIn(prefix),
	}
	agents, routers := agentlist.Order(append(l.agents.Agents(now), self), m.MobileRouter, message.MaxAgents, rand.Shuffle)
	reply := &message.AgentReply{ID: m.ID, MobileRouter: routers, Agents: agents}
	s.counters.AgentReplies++
	return &answer{packet: rawsocket.Outgoing{
		Source:      self.Addresses[0],
		Destination: p.Source,
		Payload:     message.Append(nil, reply),
	}}, Answered
}

// servedBy finds the home prefix that has an anycast address.
func (s *Server) servedBy(anycast netip.Addr) (*link, netip.Prefix, bool) {
	for _, l := range s.links {
		for _, p := range l.Prefixes {
			if Anycast(p.Prefix) == anycast {
				return l, p.Prefix, true
			}
		}
	}
	return nil, netip.Prefix{}, false
}

// advertised takes a Router Advertisement, valid as RFC 4861 section 6.1.2 says.
func (s *Server) advertised(p *rawsocket.Packet, m *message.RouterAdvertisement, now time.Time) Outcome {
	l := s.linkAt(p.Interface)
	switch {
	case l == nil:
		return OtherInterface
	case p.HopLimit != 255 || !p.Source.IsLinkLocalUnicast() || p.HomeAddress.IsValid():
		return BadSource
	case l.isOwn(p.Source, m):
		s.judgeOwn(l, m, now)
		return Answered
	}
	switch change := l.agents.Receive(p.Source, m, now); change {
	case agentlist.Added, agentlist.Deleted:
		s.log.Info("the home agents on the link have changed", "interface", l.Interface, "link_local", p.Source, "change", change)
	case agentlist.Full:
		return TooMany
	}
	return Answered
}

func (s *Server) linkAt(index int) *link {
	for _, l := range s.links {
		if l.index == index && index != 0 {
			return l
		}
	}
	return nil
}

// isOwn reports whether an advertisement is our own host's.
func (l *link) isOwn(source netip.Addr, m *message.RouterAdvertisement) bool {
	return slices.Contains(l.own, source) || slices.ContainsFunc(m.Prefixes, func(p message.Prefix) bool {
		return p.Router && slices.Contains(l.HomeAgents, p.Address)
	})
}

// A SelfAdvertisement is what our own host's Router Advertisements say (RFC 6275
// sections 7.1, 7.2 and 7.5); some other program sends them.
type SelfAdvertisement uint8

// What they say.
const (
	Unseen           SelfAdvertisement = iota // nothing yet, or for long
	Proper                                    // that there is a home agent, and its address
	NotAsHomeAgent                            // the H flag is not set
	WithoutAddress                            // no home agent address with the R flag in a Prefix Information option
	WithoutLinkLayer                          // no Source Link-Layer Address option
	WrongPreference                           // another preference than the configured one
)

var selfNames = [...]string{
	Unseen:           "unseen",
	Proper:           "proper",
	NotAsHomeAgent:   "not_as_home_agent",
	WithoutAddress:   "without_address",
	WithoutLinkLayer: "without_link_layer_address",
	WrongPreference:  "wrong_preference",
}

// String returns the word for it, as in logs and metrics.
func (a SelfAdvertisement) String() string { return selfNames[a] }

var selfHints = [...]string{
	Unseen:           "run radvd on the home link's interface, with AdvHomeAgentFlag on",
	NotAsHomeAgent:   "set AdvHomeAgentFlag on in radvd.conf",
	WithoutAddress:   "set AdvRouterAddr on for the home prefix in radvd.conf",
	WithoutLinkLayer: "set AdvSourceLLAddress on in radvd.conf",
	WrongPreference:  "set HomeAgentPreference in radvd.conf to the configured preference",
}

// silence is how long our own advertisements may be missed: they are at most 1800
// seconds apart (RFC 4861 section 6.2.1).
const silence = 31 * time.Minute

// judgeOwn notices advertisements that keep mobile nodes and the other home agents
// from knowing this one.
func (s *Server) judgeOwn(l *link, m *message.RouterAdvertisement, now time.Time) {
	l.since = now
	s.noteSelf(l, judgeSelf(&l.Link, m))
}

func judgeSelf(l *Link, m *message.RouterAdvertisement) SelfAdvertisement {
	preference := uint16(0)
	if m.Information != nil {
		preference = m.Information.Preference
	}
	withAddress := slices.ContainsFunc(m.Prefixes, func(p message.Prefix) bool {
		return p.Router && slices.Contains(l.HomeAgents, p.Address)
	})
	switch {
	case !m.HomeAgent:
		return NotAsHomeAgent
	case !withAddress:
		return WithoutAddress
	case len(m.LinkLayer) == 0:
		return WithoutLinkLayer
	case preference != l.Preference:
		return WrongPreference
	}
	return Proper
}

// warnOfSilence is for physical links.
func (s *Server) warnOfSilence(l *link, now time.Time) {
	if l.Interface == "" || now.Sub(l.since) < silence {
		return
	}
	l.since = now
	l.self = Proper // warn anew
	s.noteSelf(l, Unseen)
}

func (s *Server) noteSelf(l *link, a SelfAdvertisement) {
	if a == l.self {
		return
	}
	l.self = a
	if a == Proper {
		s.log.Info("this home agent is advertised on its home link", "interface", l.Interface)
		return
	}
	s.log.Warn("this home agent is not advertised on its home link as it should be", "interface", l.Interface, "advertisement", a, "hint", selfHints[a])
}
