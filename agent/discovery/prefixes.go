package discovery

import (
	"net/netip"
	"time"

	"homeagent/agent/discovery/message"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// solicitationInterval lies between Mobile Prefix Solicitations of one mobile node that
// are answered (RFC 6275 section 6.8). Advertisements that nobody asked for do not
// count: their acknowledgement is a solicitation that comes at once.
const solicitationInterval = time.Second

// answerPrefixes answers a mobile node that has a binding and is where the binding
// says.
func (s *Server) answerPrefixes(p *rawsocket.Packet, m *message.PrefixSolicitation, now time.Time) (*answer, Outcome) {
	if !p.HomeAddress.IsValid() {
		return nil, NoHomeAddress
	}
	binding, bound := s.cfg.Binding(p.HomeAddress)
	at, answered := s.answered[p.HomeAddress]
	switch {
	case !bound:
		return nil, NotBound
	case binding.CareOf != p.Source:
		return nil, OtherCareOf
	case answered && now.Sub(at) < solicitationInterval:
		return nil, RateLimited
	}
	a, outcome := s.advertise(p.HomeAddress, binding, m.ID, now)
	if a != nil {
		s.answered[p.HomeAddress] = now
	}
	return a, outcome
}

// solicited takes note of what came of the answer to a mobile node, which may ask
// again at once if it was not sent. The caller holds the lock.
func (s *Server) solicited(home netip.Addr, outcome Outcome, now time.Time) {
	if outcome == Answered {
		s.schedule.Told(home, now)
		return
	}
	delete(s.answered, home)
}

// advertise: RFC 6275 section 10.6.3. The M and O flags stay clear, as there is no
// DHCPv6 through the tunnel (section 6.8).
func (s *Server) advertise(home netip.Addr, b Binding, id uint16, now time.Time) (*answer, Outcome) {
	l := s.linkOf(home)
	if l == nil {
		return nil, NotHomePrefix
	}
	advertisement := &message.PrefixAdvertisement{ID: id, Prefixes: l.prefixes(now)}
	return &answer{home: home, packet: rawsocket.Outgoing{
		Source:      b.HomeAgent,
		Destination: home,
		CareOf:      b.CareOf,
		Association: b.Association,
		Payload:     message.Append(nil, advertisement),
	}}, Answered
}

func (s *Server) linkOf(home netip.Addr) *link {
	for _, l := range s.links {
		if l.serves(home) {
			return l
		}
	}
	return nil
}

// prefixes returns all prefixes of the link (RFC 6275 section 10.6.1), each with our
// address in it (section 7.2).
func (l *Link) prefixes(now time.Time) []message.Prefix {
	list := make([]message.Prefix, 0, len(l.Prefixes))
	for _, p := range l.Prefixes {
		list = append(list, message.Prefix{
			Address:    l.agentsIn(p.Prefix)[0],
			Bits:       uint8(p.Prefix.Bits()),
			OnLink:     p.OnLink,
			Autonomous: p.Autonomous,
			Router:     true,
			Valid:      left(p.Valid, now),
			Preferred:  min(left(p.Preferred, now), left(p.Valid, now)),
		})
	}
	return list
}

// left is what a mobile node is told that is left of a lifetime.
func left(l lifetime.Lifetime, now time.Time) time.Duration {
	end := l.End(now)
	if end.IsZero() {
		return message.Infinite
	}
	return min(max(end.Sub(now), 0), message.Infinite-time.Second)
}
