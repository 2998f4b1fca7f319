package ike_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici"
	"homeagent/ike/vici/vicitest"
)

const connection = `version = 2
local_addrs = 2001:db8:1::a:1
remote_addrs = %any
proposals = aes128-sha256-x25519
mobike = no
reauth_time = 0
rekey_time = 14400s
dpd_delay = 120s
unique = replace
send_certreq = no
local {
  auth = psk
  id = fqdn:ha.example.com
}
remote {
  auth = psk
  id = email:mn7@example.com
}
children {
  mh {
    mode = transport_proxy
    policies = no
    reqid = 1001
    local_ts = 2001:db8:1::a:1/128[135]
    remote_ts = 2001:db8:1::7/128[135]
    esp_proposals = aes128-sha256
    rekey_time = 3600s
  }
  rr {
    mode = tunnel
    policies = no
    reqid = 1073742825
    local_ts = ::/0[135]
    remote_ts = 2001:db8:1::7/128[135]
    esp_proposals = aes128-sha256
    rekey_time = 3600s
  }
  ht {
    mode = tunnel
    policies = no
    reqid = 1073742825
    local_ts = ::/0[135/768]
    remote_ts = 2001:db8:1::7/128[135/256]
    esp_proposals = aes128-sha256
    rekey_time = 3600s
  }
  mpd {
    mode = transport_proxy
    policies = no
    reqid = 3221226473
    local_ts = 2001:db8:1::a:1/128[58]
    remote_ts = 2001:db8:1::7/128[58]
    esp_proposals = aes128-sha256
    rekey_time = 3600s
  }
  payload {
    mode = tunnel
    policies = no
    reqid = 2147484649
    set_mark_in = 2147484649
    local_ts = ::/0
    remote_ts = 2001:db8:1::7/128
    esp_proposals = aes128-sha256
    rekey_time = 3600s
  }
}
`

func TestArmLoadsKeyAndConnection(t *testing.T) {
	t.Parallel()
	cfg := ike.Config{IKEProposals: []string{"aes128-sha256-x25519"}, ESPProposals: []string{"aes128-sha256"}}
	run(t, cfg, func(r *rig) {
		t := r.t
		r.mustArm(cred(7, 1))
		if diff := cmp.Diff(connection, r.charon.Conn(name(7)).String()); diff != "" {
			t.Errorf("unexpected connection (-want +got):\n%s", diff)
		}
		want := fmt.Sprintf("id = %s\ntype = IKE\ndata = %s\nowners = email:mn7@example.com, 2001:db8:1::7\n", name(7), strings.Repeat("\x01", 20))
		if diff := cmp.Diff(want, r.charon.Key(name(7)).String()); diff != "" {
			t.Errorf("unexpected key (-want +got):\n%s", diff)
		}
		before := len(r.charon.Calls())
		r.mustArm(cred(7, 1)) // it holds that already
		if calls := r.calls(before, "load", "unload"); calls != nil {
			t.Errorf("arming the same again calls %v", calls)
		}
		st := r.ike.Status()
		st.Since = time.Time{}
		wantStatus := ike.Status{Connected: true, Sessions: 1, Loaded: 1, Armed: 1, Reconciled: 1, Reconnects: 1}
		if diff := cmp.Diff(wantStatus, st); diff != "" {
			t.Errorf("unexpected status (-want +got):\n%s", diff)
		}
	})
}

func TestArmReplaces(t *testing.T) {
	t.Parallel()
	other := cred(1, 3)
	other.HomeAddress = home(2)
	stranger := cred(1, 4)
	stranger.UserName = user(9)
	elsewhere := cred(1, 5)
	elsewhere.HomeAgent = netip.MustParseAddr("2001:db8:1::a")
	tests := []struct {
		name  string
		cred  ike.Credential
		holds string
		calls []string // that changed charon, in order per lane
		sas   []string // that are left of mobile node 1's
	}{
		{
			name: "new key", cred: cred(1, 2), holds: "1:2",
			calls: []string{"load-conn " + name(1), "load-shared " + name(1)},
			sas:   []string{name(1) + " 1 2001:db8:2::1"},
		},
		{
			name: "new home address", cred: other, holds: "2:3",
			calls: []string{
				"unload-conn " + name(1), "load-conn " + name(2),
				"unload-shared " + name(1), "load-shared " + name(2), "terminate " + name(1),
			},
		},
		{
			name: "another user", cred: stranger, holds: "1:4",
			calls: []string{"load-conn " + name(1), "load-shared " + name(1), "terminate " + name(1)},
		},
		{
			name: "another home agent address", cred: elsewhere, holds: "1:5",
			calls: []string{"load-conn " + name(1), "load-shared " + name(1)},
			sas:   []string{name(1) + " 1 2001:db8:2::1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				t := r.t
				r.mustArm(cred(1, 1))
				r.establish(1)
				before := len(r.charon.Calls())
				r.mustArm(tt.cred)
				r.holds(tt.holds)
				var calls []string
				for _, command := range []string{"load-conn", "load-shared", "terminate"} {
					calls = append(calls, r.calls(before, command, "un"+command)...)
				}
				if diff := cmp.Diff(tt.calls, calls); diff != "" {
					t.Errorf("unexpected calls (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.sas, r.charon.SAs()); diff != "" {
					t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
				}
				if st := r.ike.Status(); st.Sessions != 1 {
					t.Errorf("there are %d sessions, want 1", st.Sessions)
				}
			})
		})
	}
}

// TestArmFails: charon refuses, is away, or does not answer in time; what was
// before is again.
func TestArmFails(t *testing.T) {
	t.Parallel()
	moved := cred(1, 3)
	moved.HomeAddress = home(2)
	refuse := func(command string) func(*rig) {
		return func(r *rig) {
			r.charon.Script(func(c vicitest.Call) vicitest.Action {
				if c.Command == command && len(r.charonCalls(c)) == 0 {
					return vicitest.Action{Refuse: "invalid value"}
				}
				return vicitest.Action{}
			})
		}
	}
	tests := []struct {
		name  string
		fail  func(r *rig)
		cred  ike.Credential
		is    error
		says  string
		holds string
	}{
		{"key refused, new", refuse("load-shared"), cred(2, 1), nil, `arming "mn2@example.com" for 2001:db8:1::2: charon refused load-shared`, "1:1"},
		{"connection refused, new", refuse("load-conn"), cred(2, 1), nil, `charon refused load-conn`, "1:1"},
		{"key refused, replaced", refuse("load-shared"), cred(1, 2), nil, `charon refused load-shared`, "1:1"},
		{"connection refused, moved", refuse("load-conn"), moved, nil, `charon refused load-conn`, "1:1"},
		{"away, new", (*rig).away, cred(2, 1), ike.ErrUnavailable, "charon is not reachable: context deadline exceeded", "1:1"},
		{"away, moved", (*rig).away, moved, ike.ErrUnavailable, "charon is not reachable", "1:1"},
		{"away, replaced", (*rig).away, cred(1, 2), ike.ErrUnavailable, "charon is not reachable", "1:1"},
		{"slow, new", (*rig).slow, cred(2, 1), context.DeadlineExceeded, "charon has not answered yet", "1:1"},
		{"slow, replaced", (*rig).slow, cred(1, 2), context.DeadlineExceeded, "charon has not answered yet", "1:1"},
		{"slow, moved", (*rig).slow, moved, context.DeadlineExceeded, "charon has not answered yet", "1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				t := r.t
				r.mustArm(cred(1, 1))
				tt.fail(r)
				err := r.arm(tt.cred)
				if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got error %v, want %v: ...%s", err, tt.is, tt.says)
				}
				time.Sleep(time.Minute)
				r.holds(tt.holds)
				if st := r.ike.Status(); st.Sessions != 1 || st.Loaded != 1 {
					t.Errorf("unexpected status %+v", st)
				}
			})
		})
	}
}

// charonCalls is for scripts, which run under the played charon's lock: a
// refusal is given once.
func (r *rig) charonCalls(c vicitest.Call) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var same []string
	for _, call := range r.reports {
		if call == "refused "+c.Command {
			same = append(same, call)
		}
	}
	if same == nil {
		r.reports = append(r.reports, "refused "+c.Command)
	}
	return same
}

// away stops charon and starts it again half a minute later.
func (r *rig) away() {
	r.charon.Stop()
	time.AfterFunc(30*time.Second, r.charon.Start)
	synctest.Wait()
}

// slow has charon take 15 s for everything, for a while.
func (r *rig) slow() {
	r.charon.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Hang: 15 * time.Second} })
	time.AfterFunc(20*time.Second, func() { r.charon.Script(nil) })
}

// TestArmWaits: a restart of charon is invisible to those with patience.
func TestArmWaits(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1))
		r.charon.Stop()
		time.AfterFunc(5*time.Second, r.charon.Start)
		start := time.Now()
		r.mustArm(cred(2, 1))
		if took := time.Since(start); took > 6*time.Second+500*time.Millisecond {
			t.Errorf("arming took %v, want a second more than charon was away", took)
		}
		r.holds("1:1 2:1")
	})
}

// TestArmManyCallers: many at once share requests for connections, and one who
// gives up leaves the others alone.
func TestArmManyCallers(t *testing.T) {
	t.Parallel()
	const callers = 64
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		<-r.ike.Ready()
		r.charon.Script(func(c vicitest.Call) vicitest.Action { return vicitest.Action{Hang: time.Second} })
		var want []string
		var wait sync.WaitGroup
		for i := range callers {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			if i%8 == 0 {
				ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i+1)*10*time.Millisecond)
			} else {
				want = append(want, fmt.Sprintf("%d:1", i))
			}
			wait.Go(func() {
				defer cancel()
				if err := r.ike.Arm(ctx, cred(i, 1)); (err != nil) != (i%8 == 0) {
					t.Errorf("arming %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		time.Sleep(time.Hour)
		r.holds(strings.Join(want, " "))
		if n := len(r.calls(0, "load-conn")); n > callers/4 {
			t.Errorf("%d requests for %d connections", n, callers)
		}
	})
}

// TestOneConnectionRefused: the others of the same request are loaded.
func TestOneConnectionRefused(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		<-r.ike.Ready()
		r.charon.Script(func(c vicitest.Call) vicitest.Action {
			if c.Command == "load-conn" && strings.Contains(c.Subject, name(3)) {
				return vicitest.Action{Refuse: "invalid value for: proposals"}
			}
			return vicitest.Action{Hang: time.Millisecond}
		})
		errs := make([]error, 10)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() { errs[i] = r.arm(cred(i, 1)) })
		}
		wait.Wait()
		for i, err := range errs {
			var refused *vici.CommandError
			if errors.As(err, &refused) != (i == 3) {
				t.Errorf("arming %d: %v", i, err)
			}
		}
		time.Sleep(time.Minute)
		r.holds("0:1 1:1 2:1 4:1 5:1 6:1 7:1 8:1 9:1")
	})
}

func TestArmRefuses(t *testing.T) {
	t.Parallel()
	change := func(f func(c *ike.Credential)) ike.Credential {
		c := cred(2, 1)
		f(&c)
		return c
	}
	tests := []struct {
		name string
		cred ike.Credential
		want string
	}{
		{"wildcard", change(func(c *ike.Credential) { c.UserName = "*@example.com" }), "has an asterisk, which charon reads as a wildcard"},
		{"no key", ike.Credential{UserName: "a", HomeAddress: home(1), HomeAgent: homeAgent}, "there is no pre-shared key"},
		{"no home address", change(func(c *ike.Credential) { c.HomeAddress = netip.Addr{} }), `the home address "invalid IP" is no unicast IPv6 address`},
		{"IPv4 home address", change(func(c *ike.Credential) { c.HomeAddress = netip.MustParseAddr("192.0.2.1") }), "is no unicast IPv6 address"},
		{"mapped home address", change(func(c *ike.Credential) { c.HomeAddress = netip.MustParseAddr("::ffff:192.0.2.1") }), "is no unicast IPv6 address"},
		{"multicast home address", change(func(c *ike.Credential) { c.HomeAddress = netip.MustParseAddr("ff02::1") }), "is no unicast IPv6 address"},
		{"zoned home agent", change(func(c *ike.Credential) { c.HomeAgent = netip.MustParseAddr("fe80::1%eth0") }), "the home agent address"},
		{"the agent's own name", change(func(c *ike.Credential) { c.UserName = "HA.example.com" }), "its key would authenticate everybody"},
		{"the agent's own address", change(func(c *ike.Credential) { c.HomeAddress = homeAgent }), "its key would authenticate everybody"},
		{"differs in case only", change(func(c *ike.Credential) { c.UserName = "MN1@example.com" }), `charon cannot tell "MN1@example.com" from "mn1@example.com", which is armed for 2001:db8:1::1`},
	}
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1))
		for _, tt := range tests {
			if err := r.arm(tt.cred); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got error %v, want ...%s", tt.name, err, tt.want)
			}
		}
		r.holds("1:1")
	})
}

// TestArmSuperseded: of two calls for one home address the later one counts.
func TestArmSuperseded(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		<-r.ike.Ready()
		r.slow()
		first := make(chan error, 1)
		go func() { first <- r.arm(cred(1, 1)) }()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := r.ike.Arm(ctx, cred(1, 2)); err != nil {
			t.Errorf("the second: %v", err)
		}
		if err := <-first; err == nil || !strings.Contains(err.Error(), "another call changed the same session meanwhile") {
			t.Errorf("the first: %v", err)
		}
		time.Sleep(time.Minute)
		r.holds("1:2")
	})
}

// TestMovesThreeTimes: a user armed with one home address after another, the
// ones between never finished, ends up with the last; or the first, if that
// fails.
func TestMovesThreeTimes(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint("fails ", fails), func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				t := r.t
				r.mustArm(cred(1, 1))
				r.slow()
				var wait sync.WaitGroup
				for i := 2; i <= 4; i++ {
					c := cred(1, i)
					c.HomeAddress = home(i)
					wait.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
						if fails {
							ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
						}
						defer cancel()
						if err := r.ike.Arm(ctx, c); (err == nil) != (i == 4 && !fails) {
							t.Errorf("arming for the %d. home address: %v", i, err)
						}
					})
					time.Sleep(time.Second)
				}
				wait.Wait()
				time.Sleep(time.Minute)
				if fails {
					r.holds("1:1")
				} else {
					r.holds("4:4")
				}
			})
		})
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1), cred(2, 1))
		r.establish(1)
		r.takeReports()
		before := len(r.charon.Calls())
		for range 2 {
			if err := r.forget(1); err != nil {
				t.Errorf("forgetting: %v", err)
			}
		}
		r.holds("2:1")
		calls := r.calls(before, "unload", "terminate")
		slices.Sort(calls[:2])
		want := []string{"unload-conn " + name(1), "unload-shared " + name(1), "terminate " + name(1)}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("unexpected calls (-want +got):\n%s", diff)
		}
		if sas := r.charon.SAs(); sas != nil {
			t.Errorf("IKE_SAs are left: %v", sas)
		}
		r.checkReports() // who forgets knows
		r.mustArm(cred(1, 2))
		r.holds("1:2 2:1")
	})
}

// TestArmInPlaceOfWhoIsBeingForgotten: the IKE_SAs of who had the home address end, also
// when charon had no time for that before the next one is armed.
func TestArmInPlaceOfWhoIsBeingForgotten(t *testing.T) {
	t.Parallel()
	stranger := cred(1, 4)
	stranger.UserName = user(9)
	for name, next := range map[string]ike.Credential{"another user": stranger, "the same user": cred(1, 2)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{}, func(r *rig) {
				r.mustArm(cred(1, 1))
				r.establish(1)
				r.slow()
				if err := r.forget(1); err == nil {
					r.t.Error("forgotten by a charon without time")
				}
				if err := r.ike.Arm(r.t.Context(), next); err != nil {
					r.t.Fatalf("arming: %v", err)
				}
				time.Sleep(time.Minute)
				if sas := r.charon.SAs(); (sas == nil) != (next.UserName == stranger.UserName) {
					r.t.Errorf("IKE_SAs are left: %v", sas)
				}
			})
		})
	}
}

// TestForgetWhileAway: it is not wanted any more at once, and done when charon
// is back, even if charon itself remembers all.
func TestForgetWhileAway(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1), cred(2, 1))
		r.establish(1)
		r.charon.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Drop: true} })
		r.charon.HangUp()
		if err := r.forget(1); !errors.Is(err, ike.ErrUnavailable) {
			t.Errorf("got error %v, want %v", err, ike.ErrUnavailable)
		}
		r.charon.Script(nil)
		time.Sleep(time.Minute)
		r.holds("2:1")
		if sas := r.charon.SAs(); sas != nil {
			t.Errorf("IKE_SAs are left: %v", sas)
		}
	})
}

// TestForgetAndArm: armed again before it was gone.
func TestForgetAndArm(t *testing.T) {
	t.Parallel()
	run(t, ike.Config{}, func(r *rig) {
		t := r.t
		r.mustArm(cred(1, 1))
		r.charon.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Hang: time.Second} })
		forgotten := make(chan error, 1)
		go func() { forgotten <- r.forget(1) }()
		time.Sleep(100 * time.Millisecond)
		r.mustArm(cred(1, 2))
		if err := <-forgotten; err == nil {
			t.Error("forgetting what is armed again succeeded")
		}
		time.Sleep(time.Minute)
		r.holds("1:2")
	})
}

func TestStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, charon: vicitest.New()}
		waiting := make(chan error, 1)
		r.charon.Stop()
		r.start(ike.Config{}, nil, func(r *rig) {
			t := r.t
			go func() { waiting <- r.ike.Arm(t.Context(), cred(1, 1)) }()
			synctest.Wait()
		})
		if err := <-waiting; !errors.Is(err, ike.ErrUnavailable) {
			t.Errorf("who waits gets %v, want %v", err, ike.ErrUnavailable)
		}
		if err := r.ike.Arm(t.Context(), cred(1, 1)); !errors.Is(err, ike.ErrUnavailable) {
			t.Errorf("who comes late gets %v, want %v", err, ike.ErrUnavailable)
		}
	})
}
