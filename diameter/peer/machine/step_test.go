package machine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter/peer/machine"
)

// rfc6733 is the table of RFC 6733 section 5.6, but for the rows that serve a
// message or send one in an open state. Process-CER and Process-CEA are left
// out: they come before the events. Those marked + are ours.
const rfc6733 = `
Closed              | Start          | I-Snd-Conn-Req     | Wait-Conn-Ack
Closed              | R-Conn-CER     | R-Accept R-Snd-CEA | R-Open
Wait-Conn-Ack       | I-Rcv-Conn-Ack | I-Snd-CER          | Wait-I-CEA
Wait-Conn-Ack       | I-Rcv-Conn-Nack| Error              | Closed
Wait-Conn-Ack       | R-Conn-CER     | R-Accept           | Wait-Conn-Ack/Elect
Wait-Conn-Ack       | Timeout        | Error              | Closed
Wait-Conn-Ack       | Stop           | Error              | Closed              +
Wait-I-CEA          | I-Rcv-CEA      |                    | I-Open
Wait-I-CEA          | R-Conn-CER     | R-Accept Elect     | Wait-Returns
Wait-I-CEA          | I-Peer-Disc    | I-Disc             | Closed
Wait-I-CEA          | I-Rcv-Non-CEA  | Error              | Closed
Wait-I-CEA          | Timeout        | Error              | Closed
Wait-I-CEA          | Stop           | Error              | Closed              +
Wait-Conn-Ack/Elect | I-Rcv-Conn-Ack | I-Snd-CER Elect    | Wait-Returns
Wait-Conn-Ack/Elect | I-Rcv-Conn-Nack| R-Snd-CEA          | R-Open
Wait-Conn-Ack/Elect | R-Peer-Disc    | R-Disc             | Wait-Conn-Ack
Wait-Conn-Ack/Elect | R-Conn-CER     | R-Reject           | Wait-Conn-Ack/Elect
Wait-Conn-Ack/Elect | Timeout        | Error              | Closed
Wait-Conn-Ack/Elect | Stop           | Error              | Closed              +
Wait-Returns        | Win-Election   | I-Disc R-Snd-CEA   | R-Open
Wait-Returns        | I-Peer-Disc    | I-Disc R-Snd-CEA   | R-Open
Wait-Returns        | I-Rcv-Non-CEA  | I-Disc R-Snd-CEA   | R-Open              +
Wait-Returns        | I-Rcv-CEA      | R-Disc             | I-Open
Wait-Returns        | R-Peer-Disc    | R-Disc             | Wait-I-CEA
Wait-Returns        | R-Conn-CER     | R-Reject           | Wait-Returns
Wait-Returns        | Timeout        | Error              | Closed
Wait-Returns        | Stop           | Error              | Closed              +
R-Open              | R-Conn-CER     | R-Reject           | R-Open
R-Open              | Stop           | Snd-DPR            | Closing
R-Open              | Rcv-DPR        | Snd-DPA            | Closing
R-Open              | R-Peer-Disc    | R-Disc             | Closed
I-Open              | R-Conn-CER     | R-Reject           | I-Open
I-Open              | Stop           | Snd-DPR            | Closing
I-Open              | Rcv-DPR        | Snd-DPA            | Closing
I-Open              | I-Peer-Disc    | I-Disc             | Closed
Closing             | Rcv-DPA        | Disc               | Closed
Closing             | Rcv-DPR        | Snd-DPA            | Closing             +
Closing             | R-Conn-CER     | R-Reject           | Closing             +
Closing             | Timeout        | Error              | Closed
Closing             | I-Peer-Disc    | I-Disc             | Closed
Closing             | R-Peer-Disc    | R-Disc             | Closed
`

// row is what happens at an event in a state.
type row struct{ actions, next string }

func wanted() map[[2]string]row {
	rows := map[[2]string]row{}
	for line := range strings.Lines(strings.TrimSpace(rfc6733)) {
		f := strings.Split(strings.TrimRight(line, " +\n"), "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		rows[[2]string{f[0], f[1]}] = row{f[2], f[3]}
	}
	return rows
}

// TestStep goes through all pairs of state and event, those in the table and
// those which are not and must change nothing.
func TestStep(t *testing.T) {
	t.Parallel()
	table := wanted()
	got, want := map[[2]string]row{}, map[[2]string]row{}
	for s := machine.Closed; s <= machine.Closing; s++ {
		for e := machine.Start; e <= machine.RcvDPA; e++ {
			pair := [2]string{s.String(), e.String()}
			want[pair] = row{next: s.String()}
			if r, ok := table[pair]; ok {
				want[pair] = r
			}
			actions, next := machine.Step(s, e)
			got[pair] = row{names(actions), next.String()}
			delete(table, pair)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("unexpected transitions (-want +got):\n%s", diff)
	}
	if len(table) > 0 {
		t.Errorf("rows of no state and event: %v", table)
	}
}

func names(actions []machine.Action) string {
	var n []string
	for _, a := range actions {
		n = append(n, a.String())
	}
	return strings.Join(n, " ")
}

func TestWins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, local, peer string
		want              bool
	}{
		{"later", "b.example", "a.example", true},
		{"earlier", "a.example", "b.example", false},
		{"longer", "a.example.net", "a.example", true},
		{"shorter", "a.example", "a.example.net", false},
		{"case is nothing", "B.example", "a.example", true},
		{"case is nothing, earlier", "A.example", "b.example", false},
		{"not a letter", "a_.example", "a-.example", true},
		{"equal but for case", "A.example", "a.example", false},
		{"empty", "", "a", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := machine.Wins(tt.local, tt.peer); got != tt.want {
				t.Errorf("Wins(%q, %q) = %v", tt.local, tt.peer, got)
			}
		})
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	open, waiting := "", ""
	for s := machine.Closed; s <= machine.Closing; s++ {
		if s.Open() {
			open += s.String() + " "
		}
		if s.Waiting() {
			waiting += s.String() + " "
		}
	}
	if open != "R-Open I-Open " {
		t.Errorf("open are %s", open)
	}
	if waiting != "Wait-Conn-Ack Wait-I-CEA Wait-Conn-Ack/Elect Wait-Returns " {
		t.Errorf("waiting are %s", waiting)
	}
	if got := (machine.Closing + 1).String() + (machine.RcvDPA + 1).String() + (machine.Error + 1).String(); strings.Count(got, "unknown") != 3 {
		t.Errorf("names beyond the last: %s", got)
	}
}

// FuzzStep has the machine answer any sequence of events without a panic, and
// wants a connection in every open state.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 2, 1, 8, 11, 12})
	f.Add([]byte{1, 10, 9})
	f.Fuzz(func(t *testing.T, events []byte) {
		s := machine.Closed
		initiated, responded := false, false
		for _, e := range events {
			event := machine.Event(e)
			if !possible(s, event, initiated, responded) {
				continue
			}
			var actions []machine.Action
			actions, s = machine.Step(s, event)
			switch event { // a connection that is gone is no action of ours
			case machine.IRcvConnNack, machine.IPeerDisc:
				initiated = false
			case machine.RPeerDisc:
				responded = false
			}
			for _, a := range actions {
				initiated, responded = carryOut(a, initiated, responded)
			}
			if s == machine.ROpen && (!responded || initiated) || s == machine.IOpen && (!initiated || responded) {
				t.Fatalf("%v with initiated %v, responded %v", s, initiated, responded)
			}
		}
	})
}

// possible tells whether an event can come: none comes from a connection that
// is not there, and a connection attempt ends once.
func possible(s machine.State, e machine.Event, initiated, responded bool) bool {
	connecting := s == machine.WaitConnAck || s == machine.WaitConnAckElect
	switch e {
	case machine.IRcvConnAck, machine.IRcvConnNack:
		return initiated && connecting
	case machine.IRcvCEA, machine.IRcvNonCEA, machine.IPeerDisc:
		return initiated && !connecting
	case machine.RPeerDisc:
		return responded
	default:
		return true
	}
}

// carryOut keeps the account of connections.
func carryOut(a machine.Action, initiated, responded bool) (bool, bool) {
	switch a {
	case machine.SndConnReq:
		return true, responded
	case machine.RAccept:
		return initiated, true
	case machine.IDisc:
		return false, responded
	case machine.RDisc:
		return initiated, false
	case machine.Disc, machine.Error:
		return false, false
	}
	return initiated, responded
}
