package machine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter/peer/machine"
)

// events are what a watchdog can be told.
var events = map[string]func(w *machine.Watchdog) machine.Effects{
	"up":      (*machine.Watchdog).Up,
	"dwa":     (*machine.Watchdog).ReceivedDWA,
	"message": (*machine.Watchdog).Received,
	"expired": (*machine.Watchdog).Expired,
	"lost":    (*machine.Watchdog).Lost,
	"probe":   (*machine.Watchdog).Probe,
	"ended":   func(w *machine.Watchdog) machine.Effects { w.Ended(); return 0 },
}

// play lets events happen and returns one line for each.
func play(t *testing.T, w *machine.Watchdog, script string) []string {
	t.Helper()
	var lines []string
	for _, name := range strings.Fields(script) {
		event, ok := events[name]
		if !ok {
			t.Fatalf("no event %q", name)
		}
		effects := event(w)
		line := name + ": " + w.Health().String()
		if w.Pending() {
			line += " pending"
		}
		if effects != 0 {
			line += ", " + effects.String()
		}
		lines = append(lines, line)
	}
	return lines
}

// TestWatchdog holds the rows of RFC 3539 appendix A, in the order in which they
// can happen.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before string // not compared
		script string
		want   []string
	}{
		{
			name: "first connection is put into service", script: "up",
			want: []string{"up: OKAY, SetTimer"},
		},
		{
			name: "traffic", before: "up", script: "message message",
			want: []string{"message: OKAY, SetTimer", "message: OKAY, SetTimer"},
		},
		{
			name: "silence, then an answer", before: "up", script: "expired dwa expired",
			want: []string{"expired: OKAY pending, SendDWR+SetTimer", "dwa: OKAY, SetTimer", "expired: OKAY pending, SendDWR+SetTimer"},
		},
		{
			name: "mute", before: "up", script: "expired expired expired",
			want: []string{"expired: OKAY pending, SendDWR+SetTimer", "expired: SUSPECT pending, SetTimer+Failover", "expired: DOWN, Close"},
		},
		{
			name: "messages do not settle a pending DWR", before: "up expired", script: "message expired",
			want: []string{"message: OKAY pending, SetTimer", "expired: SUSPECT pending, SetTimer+Failover"},
		},
		{
			name: "a suspect that answers", before: "up expired expired", script: "dwa",
			want: []string{"dwa: OKAY, SetTimer+Failback"},
		},
		{
			name: "a suspect that says something", before: "up expired expired", script: "message expired",
			want: []string{"message: OKAY pending, SetTimer+Failback", "expired: SUSPECT pending, SetTimer+Failover"},
		},
		{
			name: "after a failure three DWAs are due", before: "up lost", script: "up dwa message expired dwa expired dwa",
			want: []string{
				"up: REOPEN pending, SendDWR+SetTimer", "dwa: REOPEN", "message: REOPEN", "expired: REOPEN pending, SendDWR+SetTimer",
				"dwa: REOPEN", "expired: REOPEN pending, SendDWR+SetTimer", "dwa: OKAY, Failback",
			},
		},
		{
			name: "mute after a failure", before: "up lost", script: "up expired expired",
			want: []string{"up: REOPEN pending, SendDWR+SetTimer", "expired: REOPEN pending, SetTimer", "expired: DOWN, Close"},
		},
		{
			name: "slow after a failure: the count begins anew", before: "up lost up dwa expired expired", script: "dwa expired dwa expired dwa expired dwa",
			want: []string{
				"dwa: REOPEN", "expired: REOPEN pending, SendDWR+SetTimer", "dwa: REOPEN", "expired: REOPEN pending, SendDWR+SetTimer",
				"dwa: REOPEN", "expired: REOPEN pending, SendDWR+SetTimer", "dwa: OKAY, Failback",
			},
		},
		{
			name: "lost while in service", before: "up", script: "lost",
			want: []string{"lost: DOWN, Failover"},
		},
		{
			name: "lost while suspect", before: "up expired expired", script: "lost",
			want: []string{"lost: DOWN"},
		},
		{
			name: "lost again", before: "up lost up", script: "lost up",
			want: []string{"lost: DOWN", "up: REOPEN pending, SendDWR+SetTimer"},
		},
		{
			name: "a farewell is no failure", before: "up ", script: "ended up",
			want: []string{"ended: INITIAL", "up: OKAY, SetTimer"},
		},
		{
			name: "a farewell does not mend a failure", before: "up lost", script: "ended up",
			want: []string{"ended: DOWN", "up: REOPEN pending, SendDWR+SetTimer"},
		},
		{
			name: "a probe is a DWR before its time, and not a second one", before: "up", script: "probe probe expired",
			want: []string{"probe: OKAY pending, SendDWR+SetTimer", "probe: OKAY pending", "expired: SUSPECT pending, SetTimer+Failover"},
		},
		{
			name: "without a connection nothing happens", script: "expired message dwa probe",
			want: []string{"expired: INITIAL", "message: INITIAL", "dwa: INITIAL", "probe: INITIAL"},
		},
		{
			name: "down nothing happens", before: "up lost", script: "expired message dwa probe",
			want: []string{"expired: DOWN", "message: DOWN", "dwa: DOWN", "probe: DOWN"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w machine.Watchdog
			play(t, &w, tt.before)
			if diff := cmp.Diff(tt.want, play(t, &w, tt.script)); diff != "" {
				t.Errorf("unexpected course (-want +got):\n%s", diff)
			}
		})
	}
}
