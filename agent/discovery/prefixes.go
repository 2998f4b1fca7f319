package discovery

import (
	"errors"
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
func (s *Server) answerPrefixes(p *rawsocket.Packet, m *message.PrefixSolicitation, now time.Time) Outcome {
	if !p.HomeAddress.IsValid() {
		return NoHomeAddress
	}
	binding, bound := s.cfg.Binding(p.HomeAddress)
	at, answered := s.answered[p.HomeAddress]
	switch {
	case !bound:
		return NotBound
	case binding.CareOf != p.Source:
		return OtherCareOf
	case answered && now.Sub(at) < solicitationInterval:
		return RateLimited
	}
	outcome := s.advertise(p.HomeAddress, binding, m.ID, now)
	if outcome == Answered {
		s.answered[p.HomeAddress] = now
		s.schedule.Told(p.HomeAddress, now)
	}
	return outcome
}

// advertise: RFC 6275 section 10.6.3. The M and O flags stay clear, as there is no
// DHCPv6 through the tunnel (section 6.8).
func (s *Server) advertise(home netip.Addr, b Binding, id uint16, now time.Time) Outcome {
	l := s.linkOf(home)
	if l == nil {
		return NotHomePrefix
	}
	advertisement := &message.PrefixAdvertisement{ID: id, Prefixes: l.prefixes(now)}
	return s.sendProtected(rawsocket.Outgoing{
		Source:      b.HomeAgent,
		Destination: home,
		CareOf:      b.CareOf,
		Association: b.Association,
		Payload:     message.Append(nil, advertisement),
	})
}

// sendProtected sends an advertisement under ESP where the mobile node has a security
// association for it, and in the clear only if that is allowed (RFC 6275 section
// 5.4).
func (s *Server) sendProtected(o rawsocket.Outgoing) Outcome {
	err := rawsocket.ErrNoAssociation
	if o.Association != 0 {
		err = s.socket.Send(o)
	}
	if errors.Is(err, rawsocket.ErrNoAssociation) {
		if s.cfg.RequireESP {
			return Unprotected
		}
		o.Association = 0
		err = s.socket.Send(o)
	}
	outcome := s.judge(err)
	if outcome == Answered {
		s.counters.PrefixAdvertisements++
	}
	return outcome
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
