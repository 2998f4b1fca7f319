package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/events"
)

// surroundings watches what the home agent needs of the box and does not make
// itself: forwarding, its addresses, the home link's interface.
type surroundings struct {
	cfg    *config.Config
	box    doctor.System // nil: not watched
	events *events.Recorder

	mu      sync.Mutex
	looking bool // somebody is
	looked  time.Time
	found   []control.Warning
}

// surroundingsAge is how old a view of the box may be.
const surroundingsAge = time.Second

// look returns what is not as it should be, and tells the log of what is new. Those
// who come while somebody looks get what was found before: nobody waits for a box
// that is slow to answer.
func (s *surroundings) look(ctx context.Context) []control.Warning {
	before, due := s.begin()
	if !due {
		return before
	}
	report := doctor.Examine(ctx, doctor.Subject{Config: s.cfg, System: s.box}, doctor.OfBox(), nil)
	found := before
	if ctx.Err() == nil { // else nobody waited for the truth
		found = warnings(report)
		s.tell(before, found)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking, s.looked, s.found = false, time.Now(), found
	return found
}

// begin returns what is known, and whether the caller is to look.
func (s *surroundings) begin() (known []control.Warning, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due = s.box != nil && !s.looking && time.Since(s.looked) >= surroundingsAge
	s.looking = s.looking || due
	return s.found, due
}

func warnings(r doctor.Report) []control.Warning {
	var found []control.Warning
	for _, f := range r.Findings {
		if f.Status != doctor.OK {
			found = append(found, boxWarning(f))
		}
	}
	return found
}

// boxWarning is a finding of the doctor's; a failure makes the home agent degraded.
func boxWarning(f doctor.Finding) control.Warning {
	w := control.Warning{Text: f.Text, Repair: f.Repair}
	if f.Status == doctor.Failure {
		w.Cause = control.BoxNotReady
	}
	return w
}

// tell logs what has changed since the last look.
func (s *surroundings) tell(before, now []control.Warning) {
	for _, w := range now {
		if !slices.Contains(before, w) {
			s.events.Record(events.Event{Kind: events.BoxNotReady, Detail: withRepair(w)})
		}
	}
	for _, w := range before {
		if !slices.Contains(now, w) {
			s.events.Record(events.Event{Kind: events.BoxMended, Detail: w.Text})
		}
	}
}

func withRepair(w control.Warning) string {
	if w.Repair == "" {
		return w.Text
	}
	return w.Text + "; repair: " + w.Repair
}
