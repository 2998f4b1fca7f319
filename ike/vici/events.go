package vici

import (
	govici "github.com/strongswan/govici/vici"
)

// eventNames are the events a Link subscribes to. Never "log": charon raises
// one for every line at every level.
var eventNames = []string{"ike-updown", "ike-rekey", "ike-update", "child-updown", "child-rekey"}

// A Kind says what an Event is about.
type Kind int

// The kinds of events.
const (
	Up      Kind = iota + 1 // an IKE_SA is established
	Down                    // an IKE_SA is gone
	Rekeyed                 // an IKE_SA replaced another
	Moved                   // an IKE_SA's remote address changed

	ChildUp      // a CHILD_SA is established
	ChildDown    // a CHILD_SA is gone, alone or after its IKE_SA
	ChildRekeyed // a CHILD_SA replaced another
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Up:
		return "up"
	case Down:
		return "down"
	case Rekeyed:
		return "rekeyed"
	case Moved:
		return "moved"
	case ChildUp:
		return "child up"
	case ChildDown:
		return "child down"
	case ChildRekeyed:
		return "child rekeyed"
	}
	return "unknown"
}

// An Event tells of an IKE_SA, of ours or not, or of one of its CHILD_SAs.
type Event struct {
	Kind Kind
	SA   IKESA  // of CHILD_SAs, if it is about one, with that one alone
	Old  uint32 // Rekeyed, ChildRekeyed: the UniqueID of what was replaced
}

// Events delivers what happens to IKE_SAs and CHILD_SAs, in order and completely while the
// Link lives; what happens between two Links is told by nobody. The channel is
// never closed.
func (l *Link) Events() <-chan Event { return l.events }

// pump reads events until the session ends, which is how the end of charon is
// noticed first.
func (l *Link) pump(received <-chan govici.Event) {
	for e := range received {
		l.sessions[eventLane].gate.release()
		for _, event := range readEvent(e) {
			select {
			case l.events <- event:
			case <-l.ctx.Done():
				return
			}
		}
	}
	l.kill(errGone)
}

func readEvent(e govici.Event) []Event {
	switch e.Name {
	case "ike-updown":
		return each(upOrDown(e.Message, Up, Down), e.Message)
	case "child-updown":
		return each(upOrDown(e.Message, ChildUp, ChildDown), e.Message)
	case "ike-update":
		return each(Moved, e.Message)
	case "ike-rekey":
		return readRekey(e.Message)
	case "child-rekey":
		return readChildRekey(e.Message)
	}
	return nil
}

func upOrDown(m *govici.Message, up, down Kind) Kind {
	if text(m, "up") == "yes" {
		return up
	}
	return down
}

func each(kind Kind, m *govici.Message) []Event {
	var events []Event
	for _, sa := range ikeSAs(m) {
		events = append(events, Event{Kind: kind, SA: sa})
	}
	return events
}

func readRekey(m *govici.Message) []Event {
	var events []Event
	for _, name := range m.Keys() {
		if s, ok := m.Get(name).(*govici.Message); ok {
			events = append(events, Event{
				Kind: Rekeyed, SA: ikeSA(name, sub(s, "new")), Old: unsigned(sub(s, "old"), "uniqueid"),
			})
		}
	}
	return events
}

// readChildRekey reads an event that has the IKE_SA once, and the CHILD_SA of
// before and after under its name.
func readChildRekey(m *govici.Message) []Event {
	var events []Event
	for _, name := range m.Keys() {
		s, ok := m.Get(name).(*govici.Message)
		if !ok {
			continue
		}
		children := sub(s, "child-sas")
		for _, key := range children.Keys() {
			event := Event{Kind: ChildRekeyed, SA: ikeSA(name, s), Old: unsigned(sub(sub(children, key), "old"), "uniqueid")}
			event.SA.Children = []ChildSA{childSA(sub(sub(children, key), "new"))}
			events = append(events, event)
		}
	}
	return events
}
