package ike_test

import (
	"testing"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// TestHasPrefixSA: a CHILD_SA for prefix discovery is known while it is there, and as
// nobody else's.
func TestHasPrefixSA(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 1))
		id := r.establish(1)
		r.establish(2)
		want := func(step string, first bool) {
			r.takeReports()
			if a, b := r.ike.HasPrefixSA(home(1)), r.ike.HasPrefixSA(home(2)); a != first || b {
				r.t.Errorf("%s: mobile node 1 has one: %t, 2: %t, want %t and false", step, a, b, first)
			}
		}
		want("at first", false)
		child := r.charon.AddChild(id, vicitest.Child{Name: "mpd"})
		want("with a CHILD_SA", true)
		child = r.charon.RekeyChild(id, child)
		want("rekeyed", true)
		r.charon.DropChild(id, child, true)
		want("without it", false)
		r.charon.AddChild(id, vicitest.Child{Name: "mpd", State: "DELETING"})
		want("with one that is being ended", false)
	})
}
