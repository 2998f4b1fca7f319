package ike_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// payload and routability are the CHILD_SAs that mobile node i asks for.
func payload(i int) vicitest.Child {
	return vicitest.Child{Name: "payload", LocalTS: []string{"::/0"}, RemoteTS: []string{home(i).String() + "/128"}}
}

func routability(i int) vicitest.Child {
	return vicitest.Child{Name: "rr", LocalTS: []string{"::/0[135]"}, RemoteTS: []string{home(i).String() + "/128[135]"}}
}

const (
	wantsNothing = "tunnels mn1@example.com 2001:db8:1::1 {ReturnRoutability:false Payload:false}"
	wantsRR      = "tunnels mn1@example.com 2001:db8:1::1 {ReturnRoutability:true Payload:false}"
	wantsPayload = "tunnels mn1@example.com 2001:db8:1::1 {ReturnRoutability:false Payload:true}"
	wantsBoth    = "tunnels mn1@example.com 2001:db8:1::1 {ReturnRoutability:true Payload:true}"
)

// TestTunnels: what a mobile node has CHILD_SAs for is reported as it changes, not
// as CHILD_SAs and IKE_SAs are rekeyed.
func TestTunnels(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		r.takeReports()
		first := r.charon.AddChild(id, payload(1))
		r.checkReports(wantsPayload)
		first = r.charon.RekeyChild(id, first)
		id = r.charon.Rekey(id)
		second := r.charon.AddChild(id, payload(1)) // both ends rekeyed at once
		r.checkReports()
		rr := r.charon.AddChild(id, routability(1))
		r.checkReports(wantsBoth)
		r.charon.DropChild(id, r.charon.AddChild(id, vicitest.Child{Name: "ht"}), true)
		r.checkReports()
		r.charon.DropChild(id, first, true)
		r.checkReports()
		r.charon.DropChild(id, second, true)
		r.checkReports(wantsRR)
		r.charon.DropChild(id, rr, true)
		r.checkReports(wantsNothing)
		r.charon.DropChild(id, 1, true) // the one for signalling
		r.checkReports()
	})
}

// TestLostTunnelsStayWanted: an IKE_SA that is gone takes no wish with it, whoever
// ended it, nor does another that has no such CHILD_SA. Its end over an IKE_SA that
// goes on does, and that of the session.
func TestLostTunnelsStayWanted(t *testing.T) {
	t.Parallel()
	const up = "up mn1@example.com 2001:db8:1::1 2001:db8:2::1"
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		r.charon.AddChild(id, payload(1))
		rr := r.charon.AddChild(id, routability(1))
		r.takeReports()
		r.charon.DropChild(id, rr, true)
		r.checkReports(wantsPayload)
		r.charon.Drop(id, true)
		r.checkReports("down mn1@example.com 2001:db8:1::1")

		// The exchange for the payload is stopped, that for another is not.
		id = r.establish(1)
		r.checkReports(up)
		rr = r.charon.AddChild(id, routability(1))
		r.checkReports(wantsBoth)
		r.charon.DropChild(id, r.charon.AddChild(id, vicitest.Child{Name: "payload", LocalTS: []string{"::/0[udp]"}, RemoteTS: []string{"2001:db8:1::1/128"}}), true)
		time.Sleep(time.Hour)
		r.checkReports()
		r.charon.DropChild(id, rr, true)
		r.checkReports(wantsPayload)

		r.charon.DropChild(id, r.charon.AddChild(id, payload(1)), true)
		r.checkReports(wantsNothing)
		r.charon.AddChild(id, payload(1))
		r.checkReports(wantsPayload)
		if err := r.forget(1); err != nil {
			t.Error(err)
		}
		r.mustArm(cred(1, 2))
		r.charon.AddChild(r.establish(1), payload(1))
		r.checkReports(up, wantsPayload)
	})
}

// TestDoubtOutlivesTheLink: what charon could not be asked is asked when it can be.
func TestDoubtOutlivesTheLink(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		child := r.charon.AddChild(id, payload(1))
		r.takeReports()
		r.charon.Script(func(c vicitest.Call) vicitest.Action { return vicitest.Action{HangUp: c.Command == "list-sas"} })
		r.charon.DropChild(id, child, true)
		r.checkReports()
		r.charon.Script(nil)
		time.Sleep(2 * time.Minute)
		r.checkReports(wantsNothing)
	})
}

// TestEndedAtOnce: CHILD_SAs that are ended together are all taken for ended.
func TestEndedAtOnce(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		first, second := r.charon.AddChild(id, payload(1)), r.charon.AddChild(id, routability(1))
		r.takeReports()
		r.charon.DropChild(id, first, true)
		r.charon.DropChild(id, second, true)
		if got := r.takeReports(); len(got) == 0 || got[len(got)-1] != wantsNothing {
			t.Errorf("got %q, want %q in the end", got, wantsNothing)
		}
	})
}

// TestPartOfThePayload: a CHILD_SA for some packets of the payload protects not
// all of them.
func TestPartOfThePayload(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		r.takeReports()
		for _, ts := range [][2]string{
			{"::/0[udp]", "2001:db8:1::1/128[udp]"}, {"2001:db8:3::/64", "2001:db8:1::1/128"},
			{"::/0", "2001:db8:100::/56"}, {"::/0", "2001:db8:1::2/128"}, {"", ""},
		} {
			r.charon.AddChild(id, vicitest.Child{Name: "payload", LocalTS: ts[:1], RemoteTS: ts[1:]})
		}
		r.checkReports()
		r.charon.AddChild(id, vicitest.Child{Name: "payload", LocalTS: []string{"::/0"}, RemoteTS: []string{"2001:db8:100::/56", "2001:db8:1::1/128"}})
		r.checkReports(wantsPayload)
	})
}

// TestLostNews: that one CHILD_SA is gone does not mean that there is none, as far
// as is known.
func TestLostNews(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		id := r.establish(1)
		first := r.charon.AddChild(id, payload(1))
		r.charon.HangUp()
		second := r.charon.AddChild(id, payload(1))
		r.charon.RekeyChild(id, second)
		time.Sleep(5 * time.Second)
		r.takeReports()
		r.charon.DropChild(id, first, true)
		r.checkReports()
	})
}

// TestMissedTunnels: what happened while nobody listened is found by listing, and
// nothing is taken back by it.
func TestMissedTunnels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		happen func(r *rig, id, child uint32)
		want   []string
	}{
		{"another", func(r *rig, id, _ uint32) { r.charon.AddChild(id, routability(1)) }, []string{wantsBoth}},
		{"ended", func(r *rig, id, child uint32) { r.charon.DropChild(id, child, true) }, nil},
		{"rekeyed", func(r *rig, id, child uint32) { r.charon.RekeyChild(id, child) }, nil},
		{"nothing", func(*rig, uint32, uint32) {}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				r.mustArm(cred(1, 1))
				id := r.establish(1)
				child := r.charon.AddChild(id, payload(1))
				r.takeReports()
				r.charon.HangUp() // and at once, before we are back
				tt.happen(r, id, child)
				time.Sleep(2 * time.Minute)
				r.checkReports(tt.want...)
			})
		})
	}
}

// TestRestoredTunnels: a daemon that comes back knows what was wanted, and finds
// what came meanwhile.
func TestRestoredTunnels(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 1))
		r.charon.AddChild(r.establish(1), payload(1))
		r.establish(2)
		restored := func(wantsPayload, wantsRR bool) []ike.Credential {
			creds := []ike.Credential{cred(1, 1), cred(2, 1)}
			for i := range creds {
				creds[i].EstablishedAt, creds[i].PayloadSA, creds[i].RoutabilitySA = time.Now(), wantsPayload, wantsRR
			}
			return creds
		}
		for _, tt := range []struct {
			name  string
			creds []ike.Credential
			want  []string
		}{
			{"as it was", restored(true, false), nil},
			{"unknown", restored(false, false), []string{wantsPayload}},
			{"more", restored(true, true), nil},
		} {
			again := &rig{t: r.t, charon: r.charon}
			again.start(ike.Config{}, func(r *rig) { r.ike.Restore(tt.creds) }, func(r *rig) {
				<-r.ike.Ready()
				time.Sleep(time.Second)
				if diff := cmp.Diff(tt.want, r.takeReports()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.name, diff)
				}
			})
		}
	})
}

// TestAnotherUserWantsNothing: what a user wanted for a home address is forgotten
// with it.
func TestAnotherUserWantsNothing(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		r.charon.AddChild(r.establish(1), payload(1))
		r.takeReports()
		other := cred(1, 2)
		other.UserName = user(9)
		r.mustArm(other)
		if _, err := r.charon.Establish(name(1), "2001:db8:2::9"); err != nil {
			t.Fatal(err)
		}
		r.takeReports()
		time.Sleep(2 * time.Minute)
		r.checkReports()
	})
}

func TestPayloadIsRefused(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{RefusePayload: true}, func(r *rig) {
		r.mustArm(cred(1, 1))
		if payload := r.charon.Conn(name(1)).Sub("children").Sub("payload"); payload != nil {
			t.Errorf("the connection has\n%s", payload)
		}
	})
}

// TestNetworksArePayload: the networks behind a mobile router are part of its
// payload, and of nobody else's.
func TestNetworksArePayload(t *testing.T) {
	t.Parallel()
	networks := func(userName string) []netip.Prefix {
		if userName != user(1) {
			return nil
		}
		return []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/56")}
	}
	run(t, ike.Config{Networks: networks}, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 1))
		for i, want := range map[int][]string{1: {"2001:db8:1::1/128", "2001:db8:100::/56"}, 2: {"2001:db8:1::2/128"}} {
			if diff := cmp.Diff(want, r.charon.Conn(name(i)).Sub("children").Sub("payload").Items("remote_ts")); diff != "" {
				t.Errorf("mobile node %d's payload (-want +got):\n%s", i, diff)
			}
		}
	})
}

// TestReqIDsOfTunnels: no two mobile nodes, and no two CHILD_SAs of one, have the
// same reqid.
func TestReqIDsOfTunnels(t *testing.T) {
	t.Parallel()
	seen := map[uint32]bool{}
	for _, id := range []uint32{1, 2, 1_000_001, 1<<30 - 1} {
		for _, reqID := range []uint32{id, ike.RoutabilityReqID(id), ike.PayloadReqID(id), ike.PrefixReqID(id)} {
			if seen[reqID] {
				t.Errorf("reqid %d is given twice", reqID)
			}
			seen[reqID] = true
		}
	}
	run(t, ike.Config{}, func(r *rig) {
		c := cred(1, 1)
		c.ReqID = 1 << 30
		if err := r.arm(c); err == nil {
			t.Error("a reqid that leaves no room for those of tunnels was taken")
		}
	})
}
