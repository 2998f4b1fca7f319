package vici

import (
	govici "github.com/strongswan/govici/vici"
)

// eventNames are the events a Link subscribes to. Never "log": charon raises
// one for every line at every level.
var eventNames = []string{"ike-updown", "ike-rekey", "ike-update"}

// A Kind says what an Event is about.
type Kind int

// The kinds of events.
const (
	Up      Kind = iota + 1 // an IKE_SA is established
	Down                    // an IKE_SA is gone
	Rekeyed                 // an IKE_SA replaced another
	Moved                   // an IKE_SA's remote address changed
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
	}
	return "unknown"
}

// An Event tells of an IKE_SA, of ours or not.
type Event struct {
	Kind Kind
	SA   IKESA
	Old  uint32 // Rekeyed: the UniqueID of the IKE_SA that was replaced
}

// Events delivers what happens to IKE_SAs, in order and completely while the
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
		kind := Down
		if text(e.Message, "up") == "yes" {
			kind = Up
		}
		return each(kind, e.Message)
	case "ike-update":
		return each(Moved, e.Message)
	case "ike-rekey":
		return readRekey(e.Message)
	}
	return nil
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
