package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
)

// well is the status of a home agent that lacks nothing.
func well() *control.Status {
	return &control.Status{
		IKE: control.IKEStatus{Connected: true}, Kernel: control.KernelStatus{InSync: true},
		Peers: []control.Peer{{Host: "a"}, {Host: "b", Open: true}},
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	at := time.Now()
	tests := []struct {
		name  string
		spoil func(*control.Status)
		want  []control.Cause
	}{
		{"well", func(*control.Status) {}, nil},
		{"no peer is configured", func(s *control.Status) { s.Peers = nil }, nil},
		{"advice", func(s *control.Status) { s.Warnings = []control.Warning{{Text: "x"}} }, nil},
		{"options wait for a restart", func(s *control.Status) { s.Configuration.Restart = []string{"ike.window"} }, nil},
		{"the store", func(s *control.Status) { s.Store.Error = "disk full" }, []control.Cause{control.StoreFails}},
		{"the kernel", func(s *control.Status) { s.Kernel = control.KernelStatus{Error: "no"} }, []control.Cause{control.KernelFails}},
		{"strongSwan", func(s *control.Status) { s.IKE = control.IKEStatus{Error: "no"} }, []control.Cause{control.StrongSwanAway}},
		{"keyed by hand", func(s *control.Status) { s.Kernel.ManualError = "no" }, []control.Cause{control.ManualKeyingFails}},
		{"strongSwan, which some nodes need", func(s *control.Status) {
			s.IKE.Connected, s.Peers, s.Sessions = false, nil, control.SessionCounts{Total: 2, Manual: 1, Armed: 1}
		}, []control.Cause{control.StrongSwanAway}},
		{"strongSwan, which AAA servers need", func(s *control.Status) {
			s.IKE.Connected, s.Sessions = false, control.SessionCounts{Total: 1, Manual: 1}
		}, []control.Cause{control.StrongSwanAway}},
		{"strongSwan, which nobody needs", func(s *control.Status) {
			s.IKE.Connected, s.Peers, s.Sessions = false, nil, control.SessionCounts{Total: 1, Manual: 1}
		}, nil},
		{"no peer is connected", func(s *control.Status) { s.Peers[1].Open = false }, []control.Cause{control.NoPeer}},
		{"a reload", func(s *control.Status) { s.Configuration.Refused = &at }, []control.Cause{control.ReloadRefused}},
		{"the box and a certificate", func(s *control.Status) {
			s.Warnings = []control.Warning{{Cause: control.BoxNotReady, Text: "x"}, {Text: "y"}, {Cause: control.CertificateExpires, Text: "z"}}
		}, []control.Cause{control.BoxNotReady, control.CertificateExpires}},
		{"all at once", func(s *control.Status) {
			*s = control.Status{Peers: []control.Peer{{}}, Store: control.StoreStatus{Error: "x"}, Configuration: control.ConfigurationStatus{Refused: &at}}
		}, []control.Cause{control.StoreFails, control.KernelFails, control.StrongSwanAway, control.NoPeer, control.ReloadRefused}},
	}
	begun := make(chan struct{})
	close(begun)
	for _, tt := range tests {
		s := well()
		tt.spoil(s)
		(&Agent{ready: begun}).judge(s)
		var got []control.Cause
		for _, r := range s.Reasons {
			got = append(got, r.Cause)
			if r.Text == "" || r.Cause.Brief() == "" {
				t.Errorf("%s: %+v says nothing", tt.name, r)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if want := map[bool]string{true: control.Ready, false: control.Degraded}[len(tt.want) == 0]; s.State != want {
			t.Errorf("%s: it is %s, want %s", tt.name, s.State, want)
		}
	}
}

// What is wrong in the file is found by a check; what is in its way says itself what
// to do.
func TestReloadRefusedTellsWhatToDo(t *testing.T) {
	t.Parallel()
	at := time.Now()
	for invalid, want := range map[bool]string{
		true:  "the changed configuration is not in force: x (homeagentd --check, then systemctl reload homeagent)",
		false: "the changed configuration is not in force: x",
	} {
		s := well()
		s.Configuration = control.ConfigurationStatus{Refused: &at, Error: "x", Invalid: invalid}
		if got := reloadRefused(s); len(got) != 1 || got[0].Text != want {
			t.Errorf("invalid %t: %+v, want %q", invalid, got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	close(begun)
	s := well()
	s.Sessions, s.Bindings = control.SessionCounts{Total: 3, Established: 2}, 1
	(&Agent{ready: begun}).judge(s)
	if got, want := summary(s), "ready: 3 sessions (2 established), 1 bindings"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.Reasons, s.IKE.Connected = nil, false
	s.Warnings = []control.Warning{{Cause: control.BoxNotReady, Text: "x"}, {Cause: control.BoxNotReady, Text: "y"}}
	s.Configuration.Restart = []string{"ike.window", "diameter.realm"}
	(&Agent{ready: make(chan struct{})}).judge(s)
	want := "starting (strongSwan is away; the box is not ready): 3 sessions (2 established), 1 bindings; 2 changed options wait for a restart"
	if got := summary(s); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFirstOfSeveralProblems(t *testing.T) {
	t.Parallel()
	for problems, want := range map[string]string{"": "", "a": "a", "a\nb": "a, and 1 more", "a\nb\nc": "a, and 2 more"} {
		if got := first(problems); got != want {
			t.Errorf("first of %q: %q, want %q", problems, got, want)
		}
	}
}
