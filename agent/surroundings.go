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

	mu     sync.Mutex
	looked time.Time
	found  []control.Warning
}

// surroundingsAge is how old a view of the box may be.
const surroundingsAge = time.Second

// look returns what is not as it should be, and tells the log of what is new.
func (s *surroundings) look(ctx context.Context) []control.Warning {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.box == nil || time.Since(s.looked) < surroundingsAge {
		return s.found
	}
	report := doctor.Examine(ctx, doctor.Subject{Config: s.cfg, System: s.box}, doctor.OfBox(), nil)
	if ctx.Err() != nil {
		return s.found // nobody waited for the truth
	}
	var found []control.Warning
	for _, f := range report.Findings {
		if f.Status != doctor.OK {
			found = append(found, control.Warning{Text: f.Text, Repair: f.Repair})
		}
	}
	s.tell(found)
	s.found, s.looked = found, time.Now()
	return found
}

// tell logs what has changed since the last look.
func (s *surroundings) tell(found []control.Warning) {
	for _, w := range found {
		if !slices.Contains(s.found, w) {
			s.events.Record(events.Event{Kind: events.BoxNotReady, Detail: withRepair(w)})
		}
	}
	for _, w := range s.found {
		if !slices.Contains(found, w) {
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
