package session_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
)

// The counts are those of the list, whatever happens to a session.
func TestCountsAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		expect := func(after string, want session.Counts) {
			t.Helper()
			listed := session.Counts{}
			for _, s := range b.Sessions() {
				listed.Total++
				if !s.EstablishedAt.IsZero() {
					listed.Established++
				}
			}
			if got := b.Counts(); got != want || got != listed {
				t.Errorf("after %s: counted %+v, listed %+v, want %+v", after, got, listed, want)
			}
		}
		first, second := b.must(t, request(1)), b.must(t, request(2))
		expect("bootstrapping", session.Counts{Total: 2})
		careOf := netip.MustParseAddr("2001:db8:2::5")
		b.Established(first.HomeAddress, careOf, time.Now())
		b.Established(first.HomeAddress, careOf, time.Now())
		b.Established(second.HomeAddress, careOf, time.Now())
		expect("authenticating", session.Counts{Total: 2, Established: 2})
		again := request(1)
		again.SessionID, again.KeyID, again.AAAKey = "aaah;2;1", 2, key(9)
		b.must(t, again)
		expect("bootstrapping again", session.Counts{Total: 2, Established: 2})
		if err := b.Release(t.Context(), "mn2@example.com"); err != nil {
			t.Fatal(err)
		}
		expect("a release", session.Counts{Total: 1, Established: 1})
		b.restart(t)
		expect("a restart", session.Counts{Total: 1, Established: 1})
	})
}

// Every reason has a word of its own for metrics, and words for people.
func TestReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range session.Reasons() {
		if key := r.Key(); key == "" || seen[key] || key[:6] == "reason" || r.String()[:6] == "reason" {
			t.Errorf("reason %d is %q, %q", int(r), key, r)
		}
		seen[r.Key()] = true
	}
	if got := session.Reason(99).Key(); got != "reason_99" {
		t.Errorf("an unknown reason is %q", got)
	}
}
