package ike_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// A mobile node that moved without key management mobility (K=0) has
// authenticated from where it is before it tells us: only what ends at its former
// care-of address goes.
func TestDisconnectLeavesWhatIsNew(t *testing.T) {
	t.Parallel()
	former, present := netip.MustParseAddr("2001:db8:2::1"), netip.MustParseAddr("2001:db8:3::1")
	tests := []struct {
		name string
		from netip.Addr
		want []string
	}{
		{"the former one", former, []string{name(1) + " 2 2001:db8:3::1", name(2) + " 3 2001:db8:2::2"}},
		{"the present one", present, []string{name(1) + " 1 2001:db8:2::1", name(2) + " 3 2001:db8:2::2"}},
		{
			"somewhere else", netip.MustParseAddr("2001:db8:4::1"),
			[]string{name(1) + " 1 2001:db8:2::1", name(1) + " 2 2001:db8:3::1", name(2) + " 3 2001:db8:2::2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				r.mustArm(cred(1, 1), cred(2, 1))
				for _, at := range []netip.Addr{former, present} {
					if _, err := r.charon.Establish(name(1), at.String()); err != nil {
						r.t.Fatal(err)
					}
				}
				r.establish(2)
				synctest.Wait()
				r.ike.Disconnect(home(1), tt.from)
				r.ike.Disconnect(home(3), tt.from) // nobody's
				synctest.Wait()
				if diff := cmp.Diff(tt.want, r.charon.SAs()); diff != "" {
					r.t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
				}
				r.holds("1:1 2:1")
			})
		})
	}
}

// A mobile node that moved is disconnected from where it was whatever comes between:
// a restart of ours or of the link, a rekeying, a charon that does not answer.
func TestDisconnectIsNotLost(t *testing.T) {
	t.Parallel()
	former := netip.MustParseAddr("2001:db8:2::1")
	on := func(command string, a vicitest.Action) func(vicitest.Call) vicitest.Action {
		return func(c vicitest.Call) vicitest.Action {
			if c.Command == command {
				return a
			}
			return vicitest.Action{}
		}
	}
	tests := []struct {
		name   string
		script func(vicitest.Call) vicitest.Action
		then   func(r *rig, id uint32)
	}{
		{"link lost", on("terminate", vicitest.Action{Drop: true}), func(r *rig, _ uint32) { r.charon.HangUp() }},
		{"rekeyed meanwhile", on("terminate", vicitest.Action{Drop: true}), func(r *rig, id uint32) {
			r.charon.Rekey(id)
			r.charon.HangUp()
		}},
		{"refused", on("terminate", vicitest.Action{Refuse: "no"}), func(*rig, uint32) {}},
		{"not listed", on("list-sas", vicitest.Action{Refuse: "no"}), func(*rig, uint32) {}},
		{"charon away", nil, func(*rig, uint32) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				r.mustArm(cred(1, 1))
				id := r.establish(1)
				if _, err := r.charon.Establish(name(1), "2001:db8:3::1"); err != nil {
					t.Fatal(err)
				}
				r.takeReports()
				r.charon.Script(tt.script)
				if tt.script == nil {
					r.charon.HangUp()
				}
				r.ike.Disconnect(home(1), former)
				synctest.Wait()
				tt.then(r, id)
				r.charon.Script(nil)
				time.Sleep(2 * time.Minute)
				if diff := cmp.Diff([]string{name(1) + " 2 2001:db8:3::1"}, r.charon.SAs()); diff != "" {
					t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A daemon that has just started knows of no IKE_SA yet, and disconnects those there
// are.
func TestDisconnectAtTheStart(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		r.establish(1)
		again := &rig{t: r.t, charon: r.charon}
		again.start(ike.Config{}, func(r *rig) {
			c := cred(1, 1)
			c.EstablishedAt = time.Now()
			r.ike.Restore([]ike.Credential{c})
			r.ike.Disconnect(home(1), netip.MustParseAddr("2001:db8:2::1"))
		}, func(r *rig) {
			time.Sleep(2 * time.Minute)
			if got := r.charon.SAs(); len(got) != 0 {
				t.Errorf("there is still %q", got)
			}
		})
	})
}
