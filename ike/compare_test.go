package ike_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// TestRepairs: what was removed beside us is back within a poll, what others
// have is not touched, what is ours and not wanted goes.
func TestRepairs(t *testing.T) {
	t.Parallel()
	ours := ike.ConnectionName(home(99)) // of a former life
	tests := []struct {
		name        string
		break_      func(c *vicitest.Charon)
		foreignKeys string
		foreignConn string
		repaired    uint64
		removed     uint64
	}{
		{"load-all", func(c *vicitest.Charon) { c.LoadAll([]string{"ike-x"}, []string{"x"}) }, "ike-x", "x", 6, 0},
		{"load-creds", func(c *vicitest.Charon) { c.LoadAll([]string{"ike-x"}, c.Conns()) }, "ike-x", "", 3, 0},
		{"load-conns", func(c *vicitest.Charon) { c.LoadAll(c.Keys(), []string{"x"}) }, "", "x", 3, 0},
		{"names much like ours", func(c *vicitest.Charon) { c.LoadAll([]string{"mn-1"}, []string{"mn-test", "mn"}) }, "mn-1", "mn mn-test", 6, 0},
		{
			"unwanted", func(c *vicitest.Charon) { c.LoadAll(append(c.Keys(), ours, "ike-x"), append(c.Conns(), ours)) },
			"ike-x", "", 0, 2,
		},
		{"unwanted key", func(c *vicitest.Charon) { c.LoadAll(append(c.Keys(), ours), c.Conns()) }, "", "", 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{Poll: 3 * time.Second}, func(r *rig) {
				t := r.t
				r.mustArm(cred(1, 1), cred(2, 2), cred(3, 3))
				tt.break_(r.charon)
				time.Sleep(4 * time.Second) // one poll, and before the next
				r.holds("1:1 2:2 3:3")
				if diff := cmp.Diff(tt.foreignKeys, foreign(r.charon.Keys())); diff != "" {
					t.Errorf("unexpected foreign keys (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.foreignConn, foreign(r.charon.Conns())); diff != "" {
					t.Errorf("unexpected foreign connections (-want +got):\n%s", diff)
				}
				before := len(r.charon.Calls())
				time.Sleep(time.Minute)
				if calls := r.calls(before, "load", "unload", "terminate"); calls != nil {
					t.Errorf("afterwards there is no rest: %v", calls)
				}
				if st := r.ike.Status(); st.Repaired != tt.repaired || st.Removed != tt.removed {
					t.Errorf("repaired %d and removed %d, want %d and %d", st.Repaired, st.Removed, tt.repaired, tt.removed)
				}
			})
		})
	}
}

// foreign leaves out the names that are ours and wanted in TestRepairs.
func foreign(names []string) string {
	var others []string
	for _, n := range names {
		if n != name(1) && n != name(2) && n != name(3) {
			others = append(others, n)
		}
	}
	return strings.Join(others, " ")
}

// TestRestart: charon restarts with more live sessions than it may hold;
// newcomers are served at once, the others in turns.
func TestRestart(t *testing.T) {
	t.Parallel()
	const live, window = 100, 10
	run(t, ike.Config{Window: window}, func(r *rig) {
		t := r.t
		for i := range live {
			r.mustArm(cred(i, 1))
			r.establish(i)
		}
		if n := r.charon.MostConns(); n > 2*window+32 {
			t.Errorf("charon held %d connections at once, want about %d", n, window)
		}
		r.takeReports()
		before := r.ike.Status()
		if before.Loaded != window || before.Evicted != live-window {
			t.Errorf("unexpected status %+v", before)
		}
		r.charon.Stop()
		time.Sleep(10 * time.Second)
		r.charon.Start()
		start := time.Now()
		r.mustArm(cred(500, 1))
		if took := time.Since(start); took > 1500*time.Millisecond {
			t.Errorf("a newcomer waited %v", took)
		}
		if n := len(r.takeReports()); n != live {
			t.Errorf("%d sessions were reported down, want %d", n, live)
		}
		r.establish(500)
		for range 15 {
			time.Sleep(10 * time.Second)
			r.retryAll(live)
		}
		if st := r.ike.Status(); st.Established != live+1 || st.Waiting != 0 || st.Loaded != window {
			t.Errorf("unexpected status %+v", st)
		}
	})
}

// retryAll plays all mobile nodes without IKE_SA trying once.
func (r *rig) retryAll(n int) {
	up := strings.Join(r.charon.SAs(), "\n")
	for i := range n {
		if !strings.Contains(up, name(i)) {
			_, _ = r.charon.Establish(name(i), "2001:db8:2::9")
		}
	}
	synctest.Wait()
}

// TestRestoreAfterRestart: the daemon restarts; charon was not idle meanwhile.
func TestRestoreAfterRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, charon: vicitest.New()}
		var sas []uint32
		r.start(ike.Config{}, nil, func(r *rig) {
			r.mustArm(cred(1, 1), cred(2, 1), cred(3, 1), cred(4, 1), cred(5, 1))
			for i := 1; i <= 4; i++ {
				sas = append(sas, r.establish(i))
			}
		})
		r.takeReports()
		r.charon.Drop(sas[1], false)
		r.establish(5)
		creds := []ike.Credential{cred(1, 1), cred(2, 1), cred(3, 2), cred(5, 1), cred(1, 9), {UserName: "*"}}
		for i := range 3 {
			creds[i].EstablishedAt = time.Now().Add(-time.Hour)
		}
		creds[0].CareOf = netip.MustParseAddr("2001:db8:2::1")
		creds[2].CareOf = netip.MustParseAddr("2001:db8:7::7") // and was at another place before
		creds[4].HomeAddress, creds[4].EstablishedAt = home(77), time.Now()
		r.start(ike.Config{}, func(r *rig) { r.ike.Restore(creds) }, func(r *rig) {
			<-r.ike.Ready()
			r.holds("1:1 2:1 3:2 5:1")
			// 4 was ended while we were away: its IKE_SA is, too.
			want := []string{name(1) + " 1 2001:db8:2::1", name(3) + " 3 2001:db8:2::3", name(5) + " 5 2001:db8:2::5"}
			if diff := cmp.Diff(want, r.charon.SAs()); diff != "" {
				t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
			}
			r.checkReportsSorted("down mn2@example.com 2001:db8:1::2", "up mn3@example.com 2001:db8:1::3 2001:db8:2::3", "up mn5@example.com 2001:db8:1::5 2001:db8:2::5")
			synctest.Wait()
			if n := strings.Count(r.log.String(), "a stored session cannot be armed"); n != 2 {
				t.Errorf("%d stored sessions were refused, want 2", n)
			}
		})
		r.charon.Stop()
	})
}

// TestMisbehaviour: whatever call charon leaves unanswered, or hangs up at, all
// is well soon after.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	commands := []string{"load-shared", "load-conn", "unload-shared", "unload-conn", "get-shared", "get-conns", "list-sas", "terminate", "stats", "subscribe"}
	for _, command := range commands {
		for what, action := range map[string]vicitest.Action{
			"dropped": {Drop: true}, "muted": {Mute: true}, "hung up": {HangUp: true}, "slow": {Hang: 31 * time.Second},
		} {
			t.Run(command+" "+what, func(t *testing.T) {
				t.Parallel()
				run(t, ike.Config{}, func(r *rig) {
					t := r.t
					r.mustArm(cred(1, 1), cred(2, 1))
					r.establish(2)
					r.charon.Script(func(c vicitest.Call) vicitest.Action {
						if c.Command == command {
							return action
						}
						return vicitest.Action{}
					})
					_ = r.arm(cred(3, 1))
					_ = r.arm(cred(1, 2))
					_ = r.forget(2)
					r.charon.HangUp()
					time.Sleep(2 * time.Minute)
					r.charon.Script(nil)
					time.Sleep(2 * time.Minute)
					r.mustArm(cred(1, 2), cred(3, 1))
					r.holds("1:2 3:1")
					if sas := r.charon.SAs(); sas != nil {
						t.Errorf("IKE_SAs are left: %v", sas)
					}
					if st := r.ike.Status(); !st.Connected || st.Pending != 0 {
						t.Errorf("unexpected status %+v", st)
					}
				})
			})
		}
	}
}

// TestRefusedIsRetried: what charon refused is tried again at the next
// comparison, not at once and for ever.
func TestRefusedIsRetried(t *testing.T) {
	t.Parallel()
	refuse := func(c vicitest.Call) vicitest.Action {
		if c.Command == "load-conn" {
			return vicitest.Action{Refuse: "no"}
		}
		return vicitest.Action{}
	}
	restore := func(r *rig) {
		r.charon.Script(refuse)
		r.ike.Restore([]ike.Credential{cred(1, 1), cred(2, 1)})
	}
	runAfter(t, ike.Config{Poll: time.Second}, restore, func(r *rig) {
		t := r.t
		time.Sleep(10*time.Second - time.Millisecond)
		if n := len(r.calls(0, "load-conn")); n < 20 || n > 30 {
			t.Errorf("charon was asked %d times in ten polls, want two or three times each", n)
		}
		if st := r.ike.Status(); st.Pending != 2 || !strings.Contains(st.LastError, "charon refused load-conn") {
			t.Errorf("unexpected status %+v", st)
		}
		r.charon.Script(nil)
		time.Sleep(time.Second)
		r.holds("1:1 2:1")
	})
}

// TestPollSurvivesRefusal: a comparison that charon refuses is tried again.
func TestPollSurvivesRefusal(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{Poll: time.Second}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1))
		r.charon.Script(func(c vicitest.Call) vicitest.Action {
			return vicitest.Action{Refuse: map[string]string{"get-conns": "no"}[c.Command]}
		})
		r.charon.LoadAll(nil, nil)
		time.Sleep(5 * time.Second)
		r.charon.Script(nil)
		time.Sleep(time.Second)
		r.holds("1:1")
		synctest.Wait()
		if log := r.log.String(); !strings.Contains(log, `charon cannot be compared" error="comparing charon's connections: charon refused get-conns`) {
			t.Errorf("the log does not tell:\n%s", log)
		}
		if st := r.ike.Status(); st.Reconnects != 1 {
			t.Errorf("connected %d times, want once", st.Reconnects)
		}
	})
}

// TestLogHidesKeys lets much go wrong and looks for keys in what was said.
func TestLogHidesKeys(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		secret := cred(1, 'K')
		r.mustArm(secret)
		r.charon.Script(func(c vicitest.Call) vicitest.Action { return vicitest.Action{Refuse: "no"} })
		err := r.arm(cred(1, 'L'))
		synctest.Wait()
		said := fmt.Sprintf("%s %v %+v %#v %v", r.log.String(), err, secret, secret, r.ike.Status())
		for _, k := range []string{"KKKK", "LLLL", "4b4b4b", "4c4c4c", "75 75 75", "76 76 76", "0x4b, 0x4b"} {
			if strings.Contains(said, k) {
				r.t.Errorf("a key is shown:\n%s", said)
			}
		}
	})
}
