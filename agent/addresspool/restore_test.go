package addresspool_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeagent/agent/addresspool"
)

func lease(user, address string, released time.Time) addresspool.Lease {
	return addresspool.Lease{UserName: user, Address: addr(address), Released: released}
}

func restored(t *testing.T, cfg addresspool.Config, leases ...addresspool.Lease) *addresspool.Pool {
	t.Helper()
	p := newPool(t, cfg)
	if err := p.Restore(leases); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRestoreKeepsHoldDownAndMemory(t *testing.T) {
	t.Parallel()
	p := restored(t, few(3),
		lease("held", "2001:db8:1::1", start.Add(-time.Second)),
		lease("live", "2001:db8:1::2", time.Time{}),
		lease("gone", "2001:db8:1::3", start.Add(-time.Hour)))
	if got := assign(t, p, "live", start); got != addr("2001:db8:1::2") {
		t.Errorf("live has %s", got)
	}
	if got := assign(t, p, "new", start); got != addr("2001:db8:1::3") {
		t.Errorf("a new user was given %s, want the one released long ago", got)
	}
	if _, err := p.Claim("newer", addr("2001:db8:1::1"), start); !errors.Is(err, addresspool.HeldDown) {
		t.Errorf("claiming what is held down: %v", err)
	}
	if got := assign(t, p, "held", start); got != addr("2001:db8:1::1") {
		t.Errorf("held came back to %s", got)
	}
}

// The caller may have kept more than the pool did: of several leases for one
// address one is right.
func TestRestoreResolvesWhatIsStale(t *testing.T) {
	t.Parallel()
	p := restored(t, whole(),
		lease("live", "2001:db8:1::2", time.Time{}),
		lease("former", "2001:db8:1::2", start.Add(-time.Hour)),
		lease("older", "2001:db8:1::3", start.Add(-2*time.Hour)),
		lease("newer", "2001:db8:1::3", start.Add(-time.Hour)))
	for user, want := range map[string]bool{"live": true, "former": false, "older": false, "newer": true} {
		if _, ok := p.Lease(user); ok != want {
			t.Errorf("%s has a lease: %v, want %v", user, ok, want)
		}
	}
	got := p.Forgotten()
	slices.Sort(got)
	if !slices.Equal(got, []string{"former", "older"}) {
		t.Errorf("Forgotten = %v", got)
	}
}

func TestRestoreRefusesDoubleUse(t *testing.T) {
	t.Parallel()
	for name, leases := range map[string][]addresspool.Lease{
		`leased to both "a" and "b"`: {lease("a", "2001:db8:1::2", time.Time{}), lease("b", "2001:db8:1::2", time.Time{})},
		`"a" has both`:               {lease("a", "2001:db8:1::2", time.Time{}), lease("a", "2001:db8:1::3", time.Time{})},
	} {
		err := newPool(t, whole()).Restore(leases)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Restore = %v, want an error naming %q", err, name)
		}
	}
}

// After the configuration changed, a lease in use stands until it is released;
// its user is then given another address.
func TestRestoreAfterRenumbering(t *testing.T) {
	t.Parallel()
	cfg := whole()
	cfg.Reserved = []netip.Addr{addr("2001:db8:1::5")}
	p := restored(t, cfg,
		lease("elsewhere", "2001:db8:9::5", time.Time{}),
		lease("reserved", "2001:db8:1::5", time.Time{}),
		lease("gone", "2001:db8:9::6", start.Add(-time.Hour)))
	if got := p.Forgotten(); !slices.Equal(got, []string{"gone"}) {
		t.Errorf("Forgotten = %v", got)
	}
	for user, want := range map[string]addresspool.Refusal{"elsewhere": addresspool.NotServed, "reserved": addresspool.Reserved} {
		l, ok := p.Lease(user)
		if !ok || !l.Released.IsZero() {
			t.Fatalf("%s: %v, %v", user, l, ok)
		}
		if _, err := p.Claim(user, l.Address, start); !errors.Is(err, want) {
			t.Errorf("%s claiming its own %s: %v, want %v", user, l.Address, err, want)
		}
		c, err := p.Assign(user, start)
		if err != nil || c.Address == l.Address || !home.Contains(c.Address) {
			t.Errorf("%s was given %s, %v", user, c.Address, err)
		}
		p.Undo(c)
		if back, _ := p.Lease(user); back != l {
			t.Errorf("%s after Undo: %v, want %v", user, back, l)
		}
		if got, ok := p.Release(user, start); !ok || got.Address != l.Address {
			t.Errorf("%s released %v", user, got)
		}
		if _, ok := p.Lease(user); ok {
			t.Errorf("%s: a lease that nobody can have is remembered", user)
		}
	}
}

func TestRestoreMany(t *testing.T) {
	t.Parallel()
	cfg := few(0xffff)
	p := newPool(t, cfg)
	var leases []addresspool.Lease
	for n := range 20_000 {
		user := fmt.Sprint("mn", n)
		assign(t, p, user, start)
		if n%3 == 0 {
			p.Release(user, start.Add(time.Duration(n)*time.Second))
		}
		l, _ := p.Lease(user)
		leases = append(leases, l)
	}
	again := restored(t, cfg, leases...)
	for _, want := range leases {
		if got, ok := again.Lease(want.UserName); !ok || got != want {
			t.Fatalf("restored %v, %v, want %v", got, ok, want)
		}
	}
	if got, want := again.Usage(start), p.Usage(start); got[0] != want[0] {
		t.Errorf("Usage = %+v, want %+v", got, want)
	}
}
