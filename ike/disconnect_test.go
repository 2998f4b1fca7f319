package ike_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
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
