package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/discovery/message"
)

// So many advertisements that nobody asked for leave at once, and then none for a
// while: RFC 6275 section 10.6.2 lets them wait.
const (
	deliveries    = 64
	deliveryPause = 100 * time.Millisecond
)

// newsPause is how long news of registrations are gathered before the schedule takes
// them: a registration should not cost a turn of the scheduler's.
const newsPause = 100 * time.Millisecond

// A registration is news of a mobile node that is bound, or is not any more.
type registration struct {
	home  netip.Addr
	bound bool
	at    time.Time
}

// Bound takes note that a mobile node has registered, or has done it again. It
// waits for nobody: neither for what is being sent nor for the kernel.
func (s *Server) Bound(home netip.Addr) { s.hear(registration{home, true, time.Now()}) }

// Unbound takes note that a mobile node has no binding any more.
func (s *Server) Unbound(home netip.Addr) { s.hear(registration{home, false, time.Now()}) }

func (s *Server) hear(r registration) {
	s.newsMutex.Lock()
	s.news = append(s.news, r)
	first := len(s.news) == 1
	s.newsMutex.Unlock()
	if first {
		s.wake()
	}
}

// catchUp brings the schedule up to date with registrations.
func (s *Server) catchUp() {
	s.newsMutex.Lock()
	news := s.news
	s.news = nil
	s.newsMutex.Unlock()
	for _, r := range news {
		if r.bound {
			s.schedule.Bound(r.home, s.preferred(r.at), r.at)
		} else {
			s.schedule.Unbound(r.home)
		}
	}
}

// wake makes deliver look at the schedule soon.
func (s *Server) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Reconfigure replaces what is told of links, of which there must be as many as
// before. The mobile nodes of those whose prefixes have changed are told (RFC 6275
// section 10.6.2).
func (s *Server) Reconfigure(links []Link) error {
	if err := validate(links); err != nil {
		return err
	}
	if len(links) != len(s.links) {
		return fmt.Errorf("configuring discovery anew: %d home links (must be %d as before)", len(links), len(s.links))
	}
	s.reschedule(func(now time.Time) {
		for i, l := range s.links {
			changed := !slices.Equal(l.Prefixes, links[i].Prefixes)
			l.Link = links[i]
			if changed {
				s.schedule.Changed(l.serves, s.preferred(now), now)
			}
		}
	})
	return nil
}

// reschedule changes the schedule, and wakes deliver if something comes earlier.
func (s *Server) reschedule(change func(now time.Time)) {
	s.mu.Lock()
	s.catchUp()
	before, _ := s.schedule.Next()
	change(time.Now())
	after, wait := s.schedule.Next()
	s.mu.Unlock()
	if wait && !after.Equal(before) {
		s.wake()
	}
}

// deliver sends what the schedule says until ctx ends.
func (s *Server) deliver(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for gathering := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
			if !gathering {
				gathering = true
				timer.Reset(newsPause)
			}
			continue
		case <-timer.C:
			gathering = false
		}
		if pause, wait := s.deliverDue(time.Now()); wait {
			timer.Reset(pause)
		}
	}
}

// deliverDue sends what is due and tells how long to wait for the next.
func (s *Server) deliverDue(now time.Time) (pause time.Duration, wait bool) {
	due, pause, wait := s.takeDue(now)
	for _, home := range due {
		s.deliverTo(home, now)
	}
	return pause, wait
}

// takeDue takes from the schedule what is due.
func (s *Server) takeDue(now time.Time) (due []netip.Addr, pause time.Duration, wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	due = s.schedule.Due(now, deliveries, s.preferred(now))
	next, wait := s.schedule.Next()
	pause = next.Sub(now)
	if len(due) == deliveries {
		pause = max(pause, deliveryPause)
	}
	return due, pause, wait
}

// deliverTo sends to a mobile node where it is now. One that cannot be sent to is
// tried again as if it had not answered.
func (s *Server) deliverTo(home netip.Addr, now time.Time) {
	a, outcome := s.unasked(home, now)
	if a != nil {
		outcome = s.send(a)
	}
	if outcome != Answered {
		s.log.Debug("a mobile node could not be told of its prefixes", "home_address", home, "outcome", outcome)
	}
}

// unasked is an advertisement that nobody has asked for.
func (s *Server) unasked(home netip.Addr, now time.Time) (*answer, Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	binding, bound := s.cfg.Binding(home)
	if !bound {
		s.schedule.Unbound(home)
		return nil, NotBound
	}
	return s.advertise(home, binding, 0, now)
}

// preferred is for delivery.Schedule.
func (s *Server) preferred(now time.Time) func(home netip.Addr) time.Duration {
	return func(home netip.Addr) time.Duration {
		for _, l := range s.links {
			for _, p := range l.Prefixes {
				if p.Prefix.Contains(home) {
					return left(p.Preferred, now)
				}
			}
		}
		return message.Infinite
	}
}

func (l *link) serves(home netip.Addr) bool {
	return slices.ContainsFunc(l.Prefixes, func(p Prefix) bool { return p.Prefix.Contains(home) })
}
