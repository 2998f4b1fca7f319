package bindingcache_test

import (
	"testing"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobility"
)

// H18 and row 16: the shortest of four lifetimes is granted, in units of 4 s, and
// the status tells of a prefix that needs attention.
func TestH18_GrantedLifetime(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) lifetime.Lifetime { return lifetime.Until(start.Add(d)) }
	at := func(d time.Duration) time.Time { return start.Add(d) }
	tests := []struct {
		name             string
		asked            mobility.Lifetime
		max              time.Duration
		valid, preferred lifetime.Lifetime
		until            time.Time
		want             mobility.Lifetime
		status           mobility.Status
	}{
		{name: "as asked", asked: 150, want: 150},
		{name: "the longest there is", asked: 65535, want: 65535},
		{name: "longest, prefix longer", asked: 65535, valid: in(1e6 * time.Second), want: 65535},
		{name: "local maximum", asked: 150, max: 100 * time.Second, want: 25},
		{name: "local maximum cut to units", asked: 150, max: 103 * time.Second, want: 25},
		{name: "authorization", asked: 150, until: at(403 * time.Second), want: 100},
		{name: "one unit of authorization", asked: 150, until: at(4 * time.Second), want: 1},
		{name: "prefix valid", asked: 150, valid: in(403 * time.Second), want: 100, status: 1},
		{name: "prefix ends exactly then", asked: 100, valid: in(400 * time.Second), want: 100, status: 1},
		{name: "prefix ends in the same unit", asked: 100, valid: in(403 * time.Second), want: 100, status: 1},
		{name: "prefix ends a unit later", asked: 100, valid: in(404 * time.Second), want: 100},
		{name: "prefix that never ends but is short", asked: 150, valid: lifetime.For(403 * time.Second), want: 100, status: 1},
		{name: "prefix that never ends", asked: 150, valid: lifetime.For(time.Hour), preferred: lifetime.For(time.Hour), want: 150},
		{name: "deprecated for good", asked: 150, preferred: lifetime.For(0), want: 150, status: 1},
		{name: "deprecated", asked: 150, preferred: in(-time.Second), want: 150, status: 1},
		{name: "deprecated meanwhile", asked: 150, preferred: in(599 * time.Second), want: 150, status: 1},
		{name: "deprecated afterwards", asked: 150, preferred: in(600 * time.Second), want: 150},
		{
			name: "the shortest", asked: 150, max: 500 * time.Second, valid: in(400 * time.Second),
			until: at(300 * time.Second), want: 75,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *bindingcache.Config) {
				c.MaxLifetime = tt.max
				c.Prefixes = []bindingcache.HomePrefix{{Prefix: homePrefix.Prefix, Valid: tt.valid, Preferred: tt.preferred}}
			})
			w.grants[home] = bindingcache.Grant{Standing: bindingcache.Authorized, Until: tt.until}
			w.apply(away(10, tt.asked, careOfA))
			w.expectAcks(mobility.BindingAcknowledgement{
				Status: tt.status, Flags: mobility.AckKeyManagement, Sequence: 10, Lifetime: tt.want,
			})
			if v := w.expectPhase(bindingcache.PhaseBound); !v.Expires.Equal(start.Add(tt.want.Duration())) {
				t.Errorf("expires %s (want after %s)", v.Expires, tt.want)
			}
		})
	}
}

// H15: advice only while bindings would not survive a restart, and always less
// than the lifetime.
func TestH15_RefreshAdvice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		volatile      bool
		granted, want mobility.Lifetime
	}{
		{false, 150, 0}, {true, 150, 75}, {true, 2, 1}, {true, 1, 0},
	}
	for _, tt := range tests {
		w := newWorld(t, func(c *bindingcache.Config) { c.VolatileStore = tt.volatile })
		w.apply(away(10, tt.granted, careOfA))
		w.expectAcks(mobility.BindingAcknowledgement{
			Flags: mobility.AckKeyManagement, Sequence: 10, Lifetime: tt.granted,
			Options: mobility.Options{RefreshAdvice: tt.want},
		})
	}
}

func TestH19_Expiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(11, 100, careOfA)) // shorter than what the timer was set to
	w.log = nil
	if next, ok := w.cache.Next(); !ok || !next.Equal(start.Add(400*time.Second)) {
		t.Errorf("next expiry at %s, %t", next, ok)
	}
	w.expectReasons(w.wait(400*time.Second - 1))
	w.consistent()
	w.expectReasons(w.wait(1), bindingcache.Pending, bindingcache.Expired)
	w.expectLog("unprogram", "relinquish", "delete")
	if _, ok := w.cache.Next(); ok || w.cache.Len() != 0 {
		t.Error("something is left")
	}
	w.consistent()
}

// A refresh postpones expiry; the timer's old time comes to nothing.
func TestH19_RefreshPostponesExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.now = w.now.Add(300 * time.Second)
	w.apply(away(11, 150, careOfA))
	w.expectReasons(w.wait(300 * time.Second))
	if next, ok := w.cache.Next(); !ok || !next.Equal(start.Add(900*time.Second)) {
		t.Errorf("next expiry at %s, %t (want %s)", next, ok, start.Add(900*time.Second))
	}
	w.expectReasons(w.wait(300*time.Second), bindingcache.Pending, bindingcache.Expired)
	w.consistent()
}

// H19: a prefix that becomes invalid takes its bindings along, at the time that was
// known beforehand or when it is taken out of the configuration.
func TestH19_PrefixBecomesInvalid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		prefixes []bindingcache.HomePrefix
		after    time.Duration
	}{
		{"shortened", []bindingcache.HomePrefix{{Prefix: homePrefix.Prefix, Valid: lifetime.Until(start.Add(time.Minute))}}, time.Minute},
		{"removed", nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register()
			w.cfg.Prefixes = tt.prefixes
			if err := w.cache.Reconfigure(w.cfg); err != nil {
				t.Fatal(err)
			}
			if tt.after > 0 {
				w.expectReasons(w.wait(tt.after - 1))
				w.now = w.now.Add(1)
			}
			w.expectReasons(w.expire(), bindingcache.Pending, bindingcache.PrefixInvalid)
			w.consistent()
		})
	}
}

// Expiry while a work is under way waits for it, and is off if the work was a
// refresh.
func TestH19_ExpiryDuringWork(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		w := newWorld(t)
		w.register()
		w.now = w.now.Add(600*time.Second - 1)
		refresh := w.cache.Apply(away(11, 150, careOfA), w.now)
		w.expectReasons(w.wait(time.Second))
		if !fails {
			w.do(refresh)
			w.expectReasons(w.expire())
			w.expectPhase(bindingcache.PhaseBound)
		} else {
			undo := w.cache.Abort(refresh.Work, bindingcache.Store, bindingcache.StoreFailed, w.now)
			w.expectReasons(w.do(undo), bindingcache.Undoing, bindingcache.StoreFailed)
			w.expectReasons(w.expire(), bindingcache.Pending, bindingcache.Expired)
		}
		w.consistent()
	}
}

// H45: requests before expiry, each after half of what remains, until an update
// comes.
func TestH45_RefreshRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *bindingcache.Config) { c.RefreshRequest = 64 * time.Second })
	w.register()
	var at []time.Duration
	for range 3 {
		next, _ := w.cache.Next()
		w.now = next
		w.expectReasons(w.expire(), bindingcache.RefreshRequested)
		at = append(at, w.now.Sub(start))
	}
	if at[0] != 536*time.Second || at[1] != 568*time.Second || at[2] != 584*time.Second {
		t.Errorf("asked after %v", at)
	}
	r := w.sent[0]
	if _, ok := r.Message.(*mobility.BindingRefreshRequest); !ok || r.Destination != home || r.HomeAddress.IsValid() || r.Source != agent {
		t.Errorf("unexpected request %+v", r)
	}
	w.apply(away(11, 150, careOfA))
	w.expectReasons(w.wait(20 * time.Second)) // 592 s and the rest are off
	w.consistent()
}

// A prefix that is to end before the first request takes the binding along all the
// same.
func TestH45_PrefixEndsBeforeRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *bindingcache.Config) { c.RefreshRequest = 64 * time.Second })
	w.register()
	w.cfg.Prefixes = []bindingcache.HomePrefix{{Prefix: homePrefix.Prefix, Valid: lifetime.Until(start.Add(time.Minute))}}
	must(w.cache.Reconfigure(w.cfg))
	w.expectReasons(w.wait(time.Minute), bindingcache.Pending, bindingcache.PrefixInvalid)
	w.consistent()
}

// The requests end when they would come too often, and the binding after them.
func TestH45_RefreshRequestsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *bindingcache.Config) { c.RefreshRequest = 64 * time.Second })
	w.register()
	for asked := 0; ; asked++ {
		next, _ := w.cache.Next()
		w.now = next
		if outs := w.expire(); last(outs).Reason == bindingcache.Expired {
			if asked != 5 {
				t.Errorf("asked %d times (want 5: 64, 32, 16, 8 and 4 s before)", asked)
			}
			break
		}
	}
	short := newWorld(t, func(c *bindingcache.Config) { c.RefreshRequest = 64 * time.Second })
	short.apply(away(1, 16, careOfA)) // no longer than the time to ask ahead
	short.expectReasons(short.wait(64*time.Second), bindingcache.Pending, bindingcache.Expired)
}

// H26: what was stored comes back after a restart, with its sequence number.
func TestH26_Restore(t *testing.T) {
	t.Parallel()
	before := newWorld(t)
	before.register()
	after := newWorld(t)
	after.store, after.kernel, after.defended = before.store, before.kernel, before.defended
	for _, b := range before.store {
		if err := after.cache.Restore(b); err != nil {
			t.Fatal(err)
		}
	}
	after.consistent()
	after.expectReasons(after.apply(away(10, 150, careOfB)), bindingcache.OldSequence)
	after.expectReasons(after.apply(away(11, 150, careOfA)), bindingcache.Pending, bindingcache.Refreshed) // no detection
	after.expectReasons(after.wait(600*time.Second), bindingcache.Pending, bindingcache.Expired)
	after.consistent()
}

// What ran out while nobody looked ends at once; a lingering binding goes on.
func TestH26_RestoreLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	stored := w.store[home]
	late := newWorld(t)
	late.store, late.kernel, late.defended = w.store, w.kernel, w.defended
	if err := late.cache.Restore(stored); err != nil {
		t.Fatal(err)
	}
	late.expectReasons(late.wait(time.Hour), bindingcache.Pending, bindingcache.Expired)
	late.consistent()

	w = newWorld(t)
	w.register()
	w.apply(away(12, 0, careOfA))
	lingering := newWorld(t)
	if err := lingering.cache.Restore(w.store[home]); err != nil {
		t.Fatal(err)
	}
	lingering.expectPhase(bindingcache.PhaseLingering)
	lingering.expectReasons(lingering.apply(away(11, 150, careOfA)), bindingcache.OldSequence)
}

func TestRestoreErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := bindingcache.Binding{HomeAddress: home, CareOf: careOfA, Lifetime: 1, Expires: start, Prefixes: networks}
	other := good
	other.HomeAddress = neighbour
	if err := w.cache.Restore(good); err != nil {
		t.Fatal(err)
	}
	for _, b := range []bindingcache.Binding{{}, good, other} {
		if err := w.cache.Restore(b); err == nil {
			t.Errorf("restored %v", b)
		}
	}
}

// Expire stops where it is told to, so that other calls get their turn.
func TestExpire_Limit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(1, 150, careOfB, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
	}))
	w.now = w.now.Add(time.Hour)
	for i := range 3 {
		outs := w.cache.Expire(w.now, 1)
		if want := min(1, 2-i); len(outs) != want {
			t.Fatalf("call %d: %d outcomes (want %d)", i, len(outs), want)
		}
		for _, o := range outs {
			w.do(o)
		}
	}
	w.consistent()
}
