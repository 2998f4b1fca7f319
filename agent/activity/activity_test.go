package activity_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/activity"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	var a activity.Answers
	if r := a.Read(); len(r.Results) != 0 || len(r.Times) != 0 {
		t.Errorf("before anything: %+v", r)
	}
	a.Add("ok", 0)
	a.Add("ok", 3*time.Microsecond)
	a.Add("refused", 5*time.Microsecond)
	want := activity.Reading{
		Results: map[string]uint64{"ok": 2, "refused": 1}, Sum: 8 * time.Microsecond, Times: []uint64{1, 0, 1, 1},
	}
	if diff := cmp.Diff(want, a.Read()); diff != "" {
		t.Errorf("reading (-want +got):\n%s", diff)
	}
	a.Add("late", 24*time.Hour)
	a.Add("back in time", -time.Hour)
	if r := a.Read(); r.Times[len(r.Times)-1] != 1 || r.Times[0] != 2 || activity.Bound(len(r.Times)-1) < time.Minute {
		t.Errorf("with extremes: %+v", r)
	}
}

// Each time is below the bound of its bucket, and not below that of the one before.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, time.Microsecond, 2 * time.Microsecond, 1023 * time.Microsecond, 1024 * time.Microsecond, time.Second} {
		var a activity.Answers
		a.Add("", d)
		i := len(a.Read().Times) - 1
		if d >= activity.Bound(i) || i > 0 && d < activity.Bound(i-1) {
			t.Errorf("%v is under %d, which ends at %v", d, i, activity.Bound(i))
		}
	}
}

func TestStopwatch(t *testing.T) {
	t.Parallel()
	var s activity.Stopwatch
	a, at := netip.MustParseAddr("2001:db8::1"), time.Unix(100, 0)
	if _, ok := s.End(a, at); ok {
		t.Error("something ended that had not begun")
	}
	s.Begin(a, at)
	s.Begin(a, at.Add(time.Second)) // a copy
	if d, ok := s.End(a, at.Add(3*time.Second)); !ok || d != 3*time.Second {
		t.Errorf("took %v, %v", d, ok)
	}
	if _, ok := s.End(a, at); ok {
		t.Error("it ended twice")
	}
	first := netip.MustParseAddr("2001:db8:1::")
	next := first
	for range 20000 {
		s.Begin(next, at)
		next = next.Next()
	}
	if _, ok := s.End(first, at); ok {
		t.Error("what never ends is remembered for ever")
	}
}
