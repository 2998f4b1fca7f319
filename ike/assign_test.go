package ike_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

var assigning = ike.Config{Poll: 3 * time.Second, AssignHomeAddress: true}

// havePools checks whose pools charon holds, as numbers, "5-alone" where there is
// one of the two only, and what else it holds.
func (r *rig) havePools(step, want string) {
	r.t.Helper()
	synctest.Wait()
	var pools []string
	for _, pool := range r.charon.Pools() {
		n, _, _ := strings.Cut(pool, " ")
		pools = append(pools, n)
	}
	var have []string
	for _, n := range pools {
		main, isSpare := strings.CutSuffix(n, "-spare")
		switch i := byName()[main]; {
		case n == "mn-sentinel", isSpare && slices.Contains(pools, main):
		case i == 0:
			have = append(have, n)
		case isSpare || !slices.Contains(pools, n+"-spare"):
			have = append(have, fmt.Sprint(i)+"-alone")
		default:
			have = append(have, fmt.Sprint(i))
		}
	}
	slices.Sort(have)
	if diff := cmp.Diff(want, strings.Join(have, " ")); diff != "" {
		r.t.Errorf("%s: unexpected pools (-want +got):\n%s", step, diff)
	}
}

// TestH58_PoolsAreRepaired: pools that others removed are back, theirs are left alone,
// and afterwards there is rest.
func TestH58_PoolsAreRepaired(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		happens  func(r *rig)
		want     string
		repaired uint64
	}{
		{"load-pools", func(r *rig) { r.charon.LosePools() }, "1 2", 2},
		{"load-pools while one has its address", func(r *rig) { r.establish(2); r.charon.LosePools() }, "1 2", 2},
		{"load-all", func(r *rig) { r.charon.LoadAll(nil, nil) }, "1 2", 4},
		{"restart", func(r *rig) { r.charon.Stop(); r.charon.Start() }, "1 2", 4},
		{"another's", func(r *rig) {
			r.charon.AddPool("branch", "2001:db8:77::/64")
			r.charon.AddPool("mn-1", "2001:db8:78::/64")
		}, "1 2 branch mn-1", 0},
		{"forgotten", func(r *rig) { r.mustForget(1) }, "2", 0},
		{"forgotten with its address", func(r *rig) { r.establish(1); r.mustForget(1) }, "2", 0},
		{"forgotten, twice there", func(r *rig) { r.establish(1); r.establish(1); r.mustForget(1) }, "2", 0},
		{"another user's now", func(r *rig) {
			r.establish(1)
			c := cred(1, 2)
			c.UserName = user(3)
			r.mustArm(c)
		}, "1 2", 0},
		{"moved", func(r *rig) {
			c := cred(1, 2)
			c.HomeAddress = home(4)
			r.mustArm(c)
		}, "2 4", 0},
		{"refused while one has its address", func(r *rig) {
			r.establish(1)
			r.charon.Script(func(c vicitest.Call) vicitest.Action {
				if c.Command == "unload-pool" {
					return vicitest.Action{Refuse: c.Subject + " has online leases, unable to unload"}
				}
				return vicitest.Action{}
			})
			r.mustForget(1)
			r.havePools("refused", "1 2")
			r.charon.Script(nil)
		}, "2", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, assigning, func(r *rig) {
				r.mustArm(cred(1, 1), cred(2, 1))
				tt.happens(r)
				time.Sleep(7 * time.Second)
				r.havePools("in the end", tt.want)
				before := len(r.charon.Calls())
				time.Sleep(time.Minute)
				if calls := r.calls(before, "load", "unload", "terminate"); calls != nil {
					r.t.Errorf("afterwards there is no rest: %v", calls)
				}
				if st := r.ike.Status(); st.Repaired != tt.repaired {
					r.t.Errorf("repaired %d, want %d", st.Repaired, tt.repaired)
				}
			})
		})
	}
}

func (r *rig) mustForget(i int) {
	r.t.Helper()
	if err := r.forget(i); err != nil {
		r.t.Errorf("forgetting: %v", err)
	}
}

// TestH58_PoolsGoWithEviction: an evicted session keeps its pools as long as its IKE_SA
// has the address, and has them again when it is loaded again.
func TestH58_PoolsGoWithEviction(t *testing.T) {
	t.Parallel()
	cfg := assigning
	cfg.Window = 2
	run(t, cfg, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 1))
		id := r.establish(1)
		r.mustArm(cred(3, 1))
		r.havePools("the established one is evicted", "1 2 3")
		r.charon.LosePools()
		time.Sleep(4 * time.Second)
		r.havePools("a foreign --load-pools", "1-alone 2 3")
		r.establish(2)
		r.establish(3)
		r.charon.Drop(id, true)
		time.Sleep(4 * time.Second)
		r.havePools("down, and loaded again", "1 2 3")
		if _, err := r.charon.Establish(name(1), "2001:db8:2::1"); err != nil {
			r.t.Error(err)
		}
	})
}

// TestH58_PoolsAfterRestart: pools that were left in charon when the daemon ended go when
// their session does, also when it is not loaded.
func TestH58_PoolsAfterRestart(t *testing.T) {
	t.Parallel()
	cfg := assigning
	cfg.Window = 2
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, charon: vicitest.New()}
		r.start(cfg, nil, func(r *rig) {
			r.mustArm(cred(1, 1), cred(2, 1))
			r.establish(1)
			r.mustArm(cred(3, 1))
			r.havePools("before", "1 2 3")
		})
		up := cred(1, 1)
		up.EstablishedAt = time.Now()
		restore := func(r *rig) { r.ike.Restore([]ike.Credential{up, cred(2, 1), cred(3, 1)}) }
		r.start(cfg, restore, func(r *rig) {
			time.Sleep(10 * time.Second)
			r.havePools("afterwards", "1 2 3")
			r.mustForget(1)
			time.Sleep(4 * time.Second)
			r.havePools("forgotten", "2 3")
		})
		r.charon.Stop()
	})
}

// TestH58_PoolsDoNotPileUp: pools of the evicted go also while sessions are being armed.
func TestH58_PoolsDoNotPileUp(t *testing.T) {
	t.Parallel()
	cfg := ike.Config{Window: 10, AssignHomeAddress: true}
	run(t, cfg, func(r *rig) {
		most := 0
		for i := 1; i <= 300; i++ {
			r.mustArm(cred(i, 1))
			most = max(most, len(r.charon.Pools()))
		}
		synctest.Wait()
		if now := len(r.charon.Pools()); now != 21 || most > 150 {
			r.t.Errorf("there are %d pools, and were %d once, want 21 and not many more", now, most)
		}
	})
}

// TestH58_PoolsCleanUp: ours go with their connections, keys and IKE_SAs.
func TestH58_PoolsCleanUp(t *testing.T) {
	t.Parallel()
	charon := vicitest.New()
	charon.LoadAll([]string{name(1), name(2)}, []string{name(3)})
	for _, pool := range []string{name(1), name(1) + "-spare", name(2), name(3) + "-spare", "mn-sentinel", "branch"} {
		charon.AddPool(pool, "2001:db8:77::1/128")
	}
	removed, err := ike.CleanUp(t.Context(), listen(t, charon), slog.New(slog.DiscardHandler))
	if diff := cmp.Diff([]string{"branch 2001:db8:77::1/128"}, charon.Pools()); diff != "" || err != nil || len(removed) != 8 {
		t.Errorf("CleanUp: %v, removed %q; pools left (-want +got):\n%s", err, removed, diff)
	}
}
