// Package delivery schedules the Mobile Prefix Advertisements that no mobile node has
// asked for (RFC 6275 section 10.6.2): whenever prefix information has changed, and
// when a mobile node has not been told for long. Each is repeated until the mobile
// node acknowledges it by a solicitation.
//
// A [Schedule] is told of bindings, changes and solicitations, and tells who is to be
// sent to. Time and chance are parameters. It must not know sockets, nor what is in an
// advertisement: that is made when it is sent.
package delivery

import (
	"net/netip"
	"time"
)

// Waits between repetitions, and how many there are (RFC 6275 section 12).
const (
	firstWait = 3 * time.Second // PREFIX_ADV_TIMEOUT
	retries   = 3               // PREFIX_ADV_RETRIES
)

// A Config has the intervals of RFC 6275 section 13.
type Config struct {
	// Min is MinMobPfxAdvInterval and Max is MaxMobPfxAdvInterval. Max is 0 if
	// nobody is to be told who has not asked.
	Min, Max time.Duration
	// Random returns a duration from 0 to less than n, which is above 0.
	Random func(n time.Duration) time.Duration
}

// A phase is what an entry waits for.
type phase uint8

const (
	idle        phase = iota // until Max is over
	scheduled                // to be sent
	outstanding              // to be repeated
	abandoned                // like idle, or until a Binding Update comes
)

// An entry is a mobile node that has a binding.
type entry struct {
	home    netip.Addr
	phase   phase
	at      time.Time // of what comes next
	repeats int       // so far
	index   int       // in the heap
}

// A Schedule is not safe for concurrent use.
type Schedule struct {
	cfg     Config
	entries map[netip.Addr]*entry
	queue   queue
}

// New returns a Schedule of nobody.
func New(cfg Config) *Schedule {
	return &Schedule{cfg: cfg, entries: map[netip.Addr]*entry{}}
}

// Len is how many mobile nodes there are.
func (s *Schedule) Len() int { return len(s.entries) }

// Preferred tells what is left of the preferred lifetime of a home address's prefix,
// which bounds how long an advertisement waits.
type Preferred func(home netip.Addr) time.Duration

// Bound takes note that a mobile node has registered, or has done it again: the first
// time it has never been told, and whoever did not acknowledge is told again.
func (s *Schedule) Bound(home netip.Addr, preferred Preferred, now time.Time) {
	if s.cfg.Max == 0 {
		return
	}
	e, known := s.entries[home]
	switch {
	case !known:
		e = &entry{home: home, phase: scheduled, at: now.Add(s.delay(preferred(home)))}
		s.entries[home] = e
		s.queue.add(e)
	case e.phase == abandoned:
		s.set(e, scheduled, now)
	}
}

// Unbound cancels what is scheduled for a mobile node.
func (s *Schedule) Unbound(home netip.Addr) {
	if e, known := s.entries[home]; known {
		s.queue.remove(e)
		delete(s.entries, home)
	}
}

// Changed schedules advertisements to the mobile nodes whose prefix information is not
// what it was. One that is scheduled already will tell of that, too; one that was sent
// is not repeated.
func (s *Schedule) Changed(concerned func(home netip.Addr) bool, preferred Preferred, now time.Time) {
	for home, e := range s.entries {
		if e.phase != scheduled && concerned(home) {
			s.set(e, scheduled, now.Add(s.delay(preferred(home))))
		}
	}
}

// Told takes note that a mobile node has asked and was answered, which acknowledges
// what was sent before and makes what is scheduled needless.
func (s *Schedule) Told(home netip.Addr, now time.Time) {
	if e, known := s.entries[home]; known {
		s.set(e, idle, now.Add(s.cfg.Max))
	}
}

// Next is when Due has somebody to tell of; false for never.
func (s *Schedule) Next() (time.Time, bool) {
	if len(s.queue) == 0 {
		return time.Time{}, false
	}
	return s.queue[0].at, true
}

// Due returns up to limit mobile nodes that are to be sent an advertisement now, and
// takes them for sent.
func (s *Schedule) Due(now time.Time, limit int, preferred Preferred) []netip.Addr {
	var due []netip.Addr
	for len(due) < limit && len(s.queue) > 0 && !s.queue[0].at.After(now) {
		e := s.queue[0]
		if e.phase == idle || e.phase == abandoned {
			s.set(e, scheduled, now.Add(s.delay(preferred(e.home))))
			continue
		}
		due = append(due, e.home)
		s.repeat(e, now)
	}
	return due
}

// repeat settles when an advertisement that is sent now is sent again.
func (s *Schedule) repeat(e *entry, now time.Time) {
	if e.phase == scheduled {
		e.repeats = 0
	} else {
		e.repeats++
	}
	if e.repeats == retries {
		s.set(e, abandoned, now.Add(s.cfg.Max))
		return
	}
	s.set(e, outstanding, now.Add(firstWait<<e.repeats))
}

func (s *Schedule) set(e *entry, p phase, at time.Time) {
	e.phase, e.at = p, at
	s.queue.moved(e)
}

// delay is RAND_ADV_DELAY.
func (s *Schedule) delay(preferred time.Duration) time.Duration {
	most := min(s.cfg.Max, preferred)
	if spread := (most - s.cfg.Min).Abs(); spread > 0 {
		return s.cfg.Min + s.cfg.Random(spread)
	}
	return s.cfg.Min
}
