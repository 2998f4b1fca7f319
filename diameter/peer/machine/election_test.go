package machine_test

import (
	"testing"

	"homeagent/diameter/peer/machine"
)

// A world is two nodes that may both dial each other. Connection i is the one
// that node i initiates.
type world struct {
	nodes [2]node
	links [2]link
}

type node struct {
	state              machine.State
	started            bool
	initiated, respond bool // connections held
}

// A link holds what is under way on a connection: c is a CER, a a CEA with
// success, n one without, x the end.
type link struct {
	dialled          bool
	toResponder, toI string
}

// names of the nodes; the second wins elections.
var identities = [2]string{"a.example", "b.example"}

// happen lets an event happen at node i and carries out the actions.
func (w *world) happen(i int, e machine.Event) {
	n := &w.nodes[i]
	actions, next := machine.Step(n.state, e)
	n.state = next
	for _, a := range actions {
		w.act(i, a)
	}
}

func (w *world) act(i int, a machine.Action) {
	n, own, others := &w.nodes[i], &w.links[i], &w.links[1-i]
	switch a {
	case machine.SndConnReq:
		own.dialled = true
	case machine.SndCER:
		n.initiated = true
		own.toResponder += "c"
	case machine.RAccept:
		n.respond = true
	case machine.RSndCEA:
		others.toI += "a"
	case machine.RReject:
		others.toI += "nx"
	case machine.IDisc:
		n.initiated = false
		own.toResponder += "x"
	case machine.RDisc:
		n.respond = false
		others.toI += "nx"
	case machine.Elect:
		if machine.Wins(identities[i], identities[1-i]) {
			w.happen(i, machine.WinElection)
		}
	default:
		panic("no action of this world: " + a.String())
	}
}

// futures are the worlds that can come next.
func (w world) futures() []world {
	var next []world
	for i := range w.nodes {
		if !w.nodes[i].started {
			f := w
			f.nodes[i].started = true
			f.happen(i, machine.Start)
			next = append(next, f)
		}
		if w.links[i].dialled {
			f := w
			f.links[i].dialled = false
			f.happen(i, machine.IRcvConnAck)
			next = append(next, f)
		}
		if m := w.links[i].toResponder; m != "" {
			f := w
			f.links[i].toResponder = m[1:]
			f.atResponder(1-i, m[0])
			next = append(next, f)
		}
		if m := w.links[i].toI; m != "" {
			f := w
			f.links[i].toI = m[1:]
			f.atInitiator(i, m[0])
			next = append(next, f)
		}
	}
	return next
}

func (w *world) atResponder(i int, m byte) {
	switch {
	case m == 'c':
		w.happen(i, machine.RConnCER)
	case w.nodes[i].respond:
		w.happen(i, machine.RPeerDisc)
	}
}

func (w *world) atInitiator(i int, m byte) {
	if !w.nodes[i].initiated {
		return
	}
	w.happen(i, map[byte]machine.Event{'a': machine.IRcvCEA, 'n': machine.IRcvNonCEA, 'x': machine.IPeerDisc}[m])
}

// TestSimultaneousConnect follows two nodes that dial each other through every
// order of events, and wants both to end with the same single connection, never
// waiting for a timer.
func TestSimultaneousConnect(t *testing.T) {
	t.Parallel()
	seen, ends := map[world]bool{}, 0
	var visit func(world)
	visit = func(w world) {
		if seen[w] || t.Failed() {
			return
		}
		seen[w] = true
		futures := w.futures()
		for _, f := range futures {
			visit(f)
		}
		if len(futures) > 0 {
			return
		}
		ends++
		a, b := w.nodes[0], w.nodes[1]
		if !(a.state == machine.IOpen && b.state == machine.ROpen || a.state == machine.ROpen && b.state == machine.IOpen) {
			t.Errorf("ends with %v and %v: %+v", a.state, b.state, w)
		}
		if a.initiated == a.respond || b.initiated == b.respond || a.initiated == b.initiated {
			t.Errorf("ends with other than one connection: %+v", w)
		}
	}
	visit(world{})
	if len(seen) < 20 || ends < 2 {
		t.Errorf("only %d worlds and %d ends: the test does not play what it should", len(seen), ends)
	}
	t.Logf("%d worlds, %d ends", len(seen), ends)
}
