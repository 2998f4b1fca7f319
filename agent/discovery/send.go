package discovery

import (
	"errors"
	"net/netip"

	"homeagent/agent/mobilitysocket/rawsocket"
)

// An answer is a message that was decided on under the lock and is sent without it.
type answer struct {
	packet rawsocket.Outgoing
	// home is set in advertisements: the home address of the mobile node.
	home netip.Addr
}

// send sends an answer and counts it.
func (s *Server) send(a *answer) Outcome {
	if !a.home.IsValid() {
		return s.judge(s.socket.Send(a.packet))
	}
	outcome := s.sendProtected(a)
	if outcome == Answered {
		s.mu.Lock()
		s.counters.PrefixAdvertisements++
		s.mu.Unlock()
	}
	return outcome
}

// sendProtected sends an advertisement under ESP where the mobile node has a security
// association for it, and in the clear only if it has none and that is allowed (RFC
// 6275 section 5.4). One that the kernel does not find although the mobile node has
// it comes or goes at this moment: then nothing is sent, and whoever asked asks again.
func (s *Server) sendProtected(a *answer) Outcome {
	if a.packet.Association != 0 {
		err := s.socket.Send(a.packet)
		if !errors.Is(err, rawsocket.ErrNoAssociation) {
			return s.judge(err)
		}
		if b, bound := s.cfg.Binding(a.home); !bound || b.Association != 0 || b.CareOf != a.packet.CareOf {
			return Unprotected
		}
		a.packet.Association = 0
	}
	if s.cfg.RequireESP {
		return Unprotected
	}
	return s.judge(s.socket.Send(a.packet))
}

// judge tells what came of sending; whoever asked asks again.
func (s *Server) judge(err error) Outcome {
	if err != nil {
		s.log.Debug("a discovery message could not be sent", "error", err)
		return Unsent
	}
	return Answered
}
