package ike_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// poolOf is a mobile node's pool as a played charon lists it.
func poolOf(i int) string { return name(i) + " " + home(i).String() + "/128" }

func (r *rig) expectPools(step string, want ...string) {
	r.t.Helper()
	synctest.Wait()
	for _, pool := range want {
		if name, address, _ := strings.Cut(pool, " "); strings.HasPrefix(name, "mn-") {
			want = append(want, name+"-spare "+address)
		}
	}
	want = append(want, "mn-sentinel 100::/128")
	slices.Sort(want)
	if diff := cmp.Diff(want, r.charon.Pools()); diff != "" {
		r.t.Errorf("%s: unexpected pools (-want +got):\n%s", step, diff)
	}
}

// The pool is there before the connection, and after it only as long as it is leased.
func TestH58_PoolsFollowConnections(t *testing.T) {
	run(t, ike.Config{AssignHomeAddress: true, Poll: 10 * time.Second}, func(r *rig) {
		r.mustArm(cred(1, 1), cred(2, 2))
		calls := strings.Join(r.charon.Calls(), "\n")
		if at := strings.Index(calls, "load-pool "+name(1)); at < 0 || at > strings.Index(calls, "load-conn "+name(1)) {
			t.Errorf("the pool does not come before its connection:\n%s", calls)
		}
		if got := r.charon.Conn(name(1)).Items("pools"); !slices.Equal(got, []string{name(1), name(1) + "-spare"}) {
			t.Errorf("the connection assigns from %q", got)
		}
		r.expectPools("armed", poolOf(1), poolOf(2))
		r.charon.LosePools()
		time.Sleep(20 * time.Second)
		r.expectPools("lost and repaired", poolOf(1), poolOf(2))

		r.establish(1)
		r.charon.Lease(name(1), true)
		if err := r.forget(1); err != nil {
			t.Fatalf("forgetting: %v", err)
		}
		time.Sleep(20 * time.Second)
		if pools := r.charon.Pools(); !slices.Contains(pools, poolOf(1)) || !slices.Contains(pools, poolOf(2)) {
			t.Errorf("leased: pools are %q", pools)
		}
		r.charon.Lease(name(1), false)
		time.Sleep(20 * time.Second)
		r.expectPools("leased no more", poolOf(2))

		r.charon.Stop()
		r.charon.Start()
		time.Sleep(20 * time.Second)
		r.expectPools("charon restarted", poolOf(2))
	})
}

// Pools of others are left alone, and without the wish for it nothing is assigned.
func TestH58_NotWanted(t *testing.T) {
	run(t, ike.Config{}, func(r *rig) {
		r.mustArm(cred(1, 1))
		if got := r.charon.Conn(name(1)).Items("pools"); got != nil {
			t.Errorf("the connection assigns from %q", got)
		}
		for _, call := range r.charon.Calls() {
			if strings.Contains(call, "pool") {
				t.Errorf("called %s", call)
			}
		}
	})
}

func TestH58_PoolsOfOthers(t *testing.T) {
	run(t, ike.Config{AssignHomeAddress: true, Poll: 10 * time.Second}, func(r *rig) {
		r.charon.AddPool("office", "2001:db8:77::/64")
		r.mustArm(cred(1, 1))
		time.Sleep(20 * time.Second)
		r.expectPools("compared", "office 2001:db8:77::/64", poolOf(1))
		r.charon.Script(func(c vicitest.Call) vicitest.Action {
			if c.Command == "load-pool" {
				return vicitest.Action{Refuse: "no"}
			}
			return vicitest.Action{}
		})
		if err := r.arm(cred(2, 2)); err == nil {
			t.Error("armed without a pool")
		}
	})
}
