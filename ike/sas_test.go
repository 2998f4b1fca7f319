package ike_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

func (r *rig) checkReportsSorted(want ...string) {
	r.t.Helper()
	got := r.takeReports()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("unexpected reports (-want +got):\n%s", diff)
	}
}

func TestUpAndDown(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 1))
		r.charon.LoadAll(append(r.charon.Keys(), "x"), append(r.charon.Conns(), "x"))
		first := r.establish(1)
		r.checkReports("up mn1@example.com 2001:db8:1::1 2001:db8:2::1")
		first = r.charon.Rekey(first)
		r.charon.Move(first, "2001:db8:3::1")
		r.checkReports()
		// A mobile node that restarted: the new IKE_SA is there before
		// the old one goes.
		second := r.establish(1)
		r.charon.Drop(first, true)
		r.checkReports("up mn1@example.com 2001:db8:1::1 2001:db8:2::1")
		r.charon.Drop(r.charon.Rekey(second), true)
		r.checkReports("down mn1@example.com 2001:db8:1::1")
		if _, err := r.charon.Establish("x", "2001:db8:2::9"); err != nil {
			r.t.Fatal(err)
		}
		r.checkReports() // not ours
		if st := r.ike.Status(); st.Established != 0 || st.Armed != 2 {
			r.t.Errorf("unexpected status %+v", st)
		}
	})
}

// TestMissedEvents: what happened while nobody listened is found by listing.
func TestMissedEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		happen func(r *rig, id uint32)
		want   []string
	}{
		{"up", func(r *rig, _ uint32) { r.establish(2) }, []string{"up mn2@example.com 2001:db8:1::2 2001:db8:2::2"}},
		{"down", func(r *rig, id uint32) { r.charon.Drop(id, false) }, []string{"down mn1@example.com 2001:db8:1::1"}},
		{"rekeyed", func(r *rig, id uint32) { r.charon.Rekey(id) }, []string{"up mn1@example.com 2001:db8:1::1 2001:db8:2::1"}},
		{"nothing", func(*rig, uint32) {}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				r.mustArm(cred(1, 1), cred(2, 1))
				id := r.establish(1)
				r.takeReports()
				r.charon.HangUp() // and at once, before we are back
				tt.happen(r, id)
				time.Sleep(2 * time.Minute)
				r.checkReports(tt.want...)
			})
		})
	}
}

// TestSilentLoss: charon lost an IKE_SA and no event told, with the connection
// alive all the time.
func TestSilentLoss(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{SAPoll: 20 * time.Second}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		r.takeReports()
		r.charon.Drop(id, false)
		time.Sleep(21 * time.Second)
		r.checkReports("down mn1@example.com 2001:db8:1::1")
	})
}

// TestEvictedComesBack: evicted when the window is full, loaded again at once
// when its IKE_SA goes down.
func TestEvictedComesBack(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{Window: 2}, func(r *rig) {
		var sas []uint32
		for i := 1; i <= 4; i++ {
			r.mustArm(cred(i, i))
			sas = append(sas, r.establish(i))
		}
		r.holds("3:3 4:4")
		sas[0] = r.charon.Rekey(sas[0]) // works without key and connection
		r.holds("3:3 4:4")
		r.takeReports()
		r.charon.Drop(sas[0], true)
		r.holds("1:1 4:4")
		r.checkReports("down mn1@example.com 2001:db8:1::1")
		r.establish(1)
		r.mustArm(cred(5, 5))
		r.holds("1:1 5:5")
	})
}

// TestUpWhileForgotten: a mobile node that authenticates between its session's
// unloading and ending is ended, too.
func TestUpWhileForgotten(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		r.charon.Script(func(c vicitest.Call) vicitest.Action {
			if c.Command == "unload-conn" {
				return vicitest.Action{Hang: 2 * time.Second}
			}
			return vicitest.Action{}
		})
		r.charon.LoadAll(append(r.charon.Keys(), name(2)), append(r.charon.Conns(), name(2)))
		time.AfterFunc(time.Second, func() {
			_, _ = r.charon.Establish(name(2), "2001:db8:2::2")
		})
		if err := r.forget(1); err != nil {
			r.t.Fatal(err)
		}
		synctest.Wait()
		if sas := r.charon.SAs(); sas != nil {
			r.t.Errorf("IKE_SAs are left: %v", sas)
		}
	})
}

// TestSlowReceiver: who takes long over a report holds up nobody.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, charon: vicitest.New()}
		r.start(ike.Config{}, nil, func(r *rig) {
			for i := range 5 {
				r.mustArm(cred(i, 1))
				r.establish(i)
			}
			r.mu.Lock() // the receiver waits for this
			for i := 5; i < 10; i++ {
				r.mustArm(cred(i, 1))
			}
			r.mu.Unlock()
			if n := len(r.takeReports()); n != 5 {
				t.Errorf("%d reports, want 5", n)
			}
		})
		r.charon.Stop()
	})
}
