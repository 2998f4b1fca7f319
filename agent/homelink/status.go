package homelink

import (
	"homeagent/agent/homelink/defence"
	"homeagent/agent/homelink/neighbor"
)

// Status is what a link does now, and did.
type Status struct {
	Up            bool // the interface is open
	Held, Probing int  // addresses
	// GroupsJoined and GroupsBeyond are the solicited-node multicast groups;
	// with any of the latter the interface receives all multicast packets.
	GroupsJoined, GroupsBeyond int
	Counters                   defence.Counters
	// Flawed counts messages that were discarded.
	Flawed [neighbor.Flaws]uint64
	Errors uint64 // of sending and of joining groups
}

// Status returns the present status.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Up: l.port != nil, Counters: l.machine.Counters(), Flawed: l.flaws, Errors: l.errors}
	s.Held, s.Probing = l.machine.Held()
	if l.port != nil {
		s.GroupsJoined, s.GroupsBeyond = l.port.Groups()
	}
	return s
}
