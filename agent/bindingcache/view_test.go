package bindingcache_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

func TestNew_Errors(t *testing.T) {
	t.Parallel()
	good := bindingcache.Config{
		Authority: grants{}, HomeAgents: []netip.Addr{agent}, Prefixes: []bindingcache.HomePrefix{homePrefix},
	}
	tests := []struct {
		want   string
		change func(*bindingcache.Config)
	}{
		{"an Authority is needed", func(c *bindingcache.Config) { c.Authority = nil }},
		{"at least one home agent address", func(c *bindingcache.Config) { c.HomeAgents = nil }},
		{"home agent address fe80::1 is not", func(c *bindingcache.Config) {
			c.HomeAgents = []netip.Addr{netip.MustParseAddr("fe80::1")}
		}},
		{"home prefix 2001:db8:1::1/64 is not", func(c *bindingcache.Config) {
			c.Prefixes = []bindingcache.HomePrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::1/64")}}
		}},
		{"home prefix 10.0.0.0/8 is not", func(c *bindingcache.Config) {
			c.Prefixes = []bindingcache.HomePrefix{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
		}},
		{"maximum lifetime of 3s (must be at least 4s", func(c *bindingcache.Config) { c.MaxLifetime = 3 * time.Second }},
		{"at most -1 bindings", func(c *bindingcache.Config) { c.MaxBindings = -1 }},
		{"refresh request 1s before expiry (must be at least 4s", func(c *bindingcache.Config) { c.RefreshRequest = time.Second }},
	}
	for _, tt := range tests {
		cfg := good
		tt.change(&cfg)
		if _, err := bindingcache.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("unexpected error %v (want one with %q)", err, tt.want)
		}
	}
	cache, err := bindingcache.New(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := cache.Reconfigure(bindingcache.Config{}); err == nil {
		t.Error("reconfigured with nothing")
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.cache.Apply(away(1, 150, careOfB, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
	}), w.now)
	got := map[netip.Addr]bindingcache.Phase{}
	for v := range w.cache.All() {
		got[v.HomeAddress] = v.Phase
	}
	want := map[netip.Addr]bindingcache.Phase{home: bindingcache.PhaseBound, neighbour: bindingcache.PhaseProbing}
	if diff := cmp.Diff(want, got, addrs); diff != "" {
		t.Errorf("unexpected phases (-want +got):\n%s", diff)
	}
	for range w.cache.All() {
		break // may stop early
	}
}

// Every reason, step and phase has a name of its own, as logs and metrics need.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{"": true}
	check := func(name string) {
		if seen[name] || strings.ContainsAny(name, " -") {
			t.Errorf("name %q is empty, taken or not one word", name)
		}
		seen[name] = true
	}
	for r := bindingcache.Reason(1); int(r) < bindingcache.Reasons; r++ {
		check(r.String())
		status, refuses := r.Refusal()
		if refuses && (status.Accepted() || r.Silent()) {
			t.Errorf("%s refuses with status %d, silent %t", r, status, r.Silent())
		}
	}
	clear(seen)
	seen[""] = true
	for s := bindingcache.Probe; s <= bindingcache.MoveIKE; s++ {
		check(s.String())
	}
	for p := bindingcache.PhaseBound; p <= bindingcache.PhaseLingering; p++ {
		check(p.String())
	}
}

// many are n home addresses with their grants.
type many int

func (m many) address(i int) netip.Addr {
	a := homePrefix.Prefix.Addr().As16()
	binary.BigEndian.PutUint64(a[8:], 0x10000+uint64(i))
	return netip.AddrFrom16(a)
}

func (m many) Grant(netip.Addr, time.Time) bindingcache.Grant {
	return bindingcache.Grant{Standing: bindingcache.Authorized, Identity: "mn@example.com"}
}

func (m many) update(i int, sequence uint16, lifetime mobility.Lifetime, careOf netip.Addr) bindingcache.Update {
	return away(sequence, lifetime, careOf, func(u *bindingcache.Update) {
		u.HomeAddressOption = m.address(i)
		u.Protection.HomeAddress = u.HomeAddressOption
	})
}

func (m many) cache(tb testing.TB, lifetime func() mobility.Lifetime) *bindingcache.Cache {
	tb.Helper()
	cache, err := bindingcache.New(bindingcache.Config{
		Authority: m, HomeAgents: []netip.Addr{agent}, Prefixes: []bindingcache.HomePrefix{homePrefix}, FollowIKE: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range int(m) {
		out := cache.Apply(m.update(i, 0, lifetime(), careOfA), start)
		if done := cache.Commit(out.Work, start); done.Reason != bindingcache.Registered {
			tb.Fatalf("binding %d: %s", i, done.Reason)
		}
	}
	return cache
}

// H19: each of many bindings ends when it is due and not before, whatever the
// order in which they came, are refreshed and are removed.
func TestH19_ManyExpireInOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	lifetime := func() mobility.Lifetime { return mobility.Lifetime(1 + random.IntN(500)) }
	m := many(2000)
	cache := m.cache(t, lifetime)
	for i := range int(m) {
		switch random.IntN(4) {
		case 0:
			cache.Commit(cache.Apply(m.update(i, 1, lifetime(), careOfA), start).Work, start)
		case 1:
			cache.Commit(cache.Remove(m.address(i)).Work, start)
		}
	}
	left := cache.Len()
	for now, ok := cache.Next(); ok; now, ok = cache.Next() {
		for _, out := range cache.Expire(now, int(m)) {
			if !out.Work.Old.Expires.Equal(now) {
				t.Fatalf("%s expires %s, but ended %s", out.HomeAddress, out.Work.Old.Expires, now)
			}
			cache.Commit(out.Work, now)
			left--
		}
	}
	if left != 0 || cache.Len() != 0 {
		t.Errorf("%d did not expire, %d are counted", left, cache.Len())
	}
}
