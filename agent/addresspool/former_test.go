package addresspool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/addresspool"
)

// claimed has a user move to an address.
func claimed(t *testing.T, p *addresspool.Pool, user, address string, now time.Time) addresspool.Claim {
	t.Helper()
	c, err := p.Claim(user, addr(address), now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func expectFormer(t *testing.T, p *addresspool.Pool, now time.Time, want ...addresspool.Lease) {
	t.Helper()
	if diff := cmp.Diff(want, p.Former("mn", now), sameLeases); diff != "" {
		t.Errorf("Former (-want +got):\n%s", diff)
	}
}

// What a user left for another address is known as long as it is held down, and
// comes back with Restore: for its user at once, for others later.
func TestFormerLeases(t *testing.T) {
	t.Parallel()
	cfg := whole()
	cfg.HoldDown = time.Hour
	p := newPool(t, cfg)
	claimed(t, p, "mn", "2001:db8:1::a", start)
	expectFormer(t, p, start)
	claimed(t, p, "mn", "2001:db8:1::b", start.Add(time.Minute))
	claimed(t, p, "mn", "2001:db8:1::c", start.Add(2*time.Minute))
	a, b := lease("mn", "2001:db8:1::a", start.Add(time.Minute)), lease("mn", "2001:db8:1::b", start.Add(2*time.Minute))
	expectFormer(t, p, start.Add(3*time.Minute), a, b)
	expectFormer(t, p, start.Add(61*time.Minute), b)
	expectFormer(t, p, start.Add(62*time.Minute))

	now := start.Add(3 * time.Minute)
	live, _ := p.Lease("mn")
	p = restored(t, cfg, append(p.Former("mn", now), live)...)
	if got, _ := p.Lease("mn"); got != live {
		t.Errorf("after Restore the user has %v, want %v", got, live)
	}
	expectFormer(t, p, now, a, b)
	if _, err := p.Claim("other", a.Address, now); !errors.Is(err, addresspool.HeldDown) {
		t.Errorf("claimed by another user: %v, want HeldDown", err)
	}
	claimed(t, p, "mn", "2001:db8:1::a", now) // its own
	expectFormer(t, p, now, b, lease("mn", "2001:db8:1::c", now))
	claimed(t, p, "other", "2001:db8:1::b", start.Add(3*time.Hour))
	expectFormer(t, p, start.Add(3*time.Hour))
}

// A move that comes to nothing leaves nothing behind.
func TestFormerLeasesAfterUndo(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	claimed(t, p, "mn", "2001:db8:1::a", start)
	p.Undo(claimed(t, p, "mn", "2001:db8:1::b", start))
	expectFormer(t, p, start)
	p.Withhold(claimed(t, p, "mn", "2001:db8:1::b", start))
	expectFormer(t, p, start)
	p.Free("mn", start)
	expectFormer(t, p, start)
	if users := p.Forgotten(); len(users) != 0 {
		t.Errorf("Forgotten = %q", users)
	}
}

// A user that moves without end does not make the caller keep without end.
func TestFormerLeasesAreBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	address := addr("2001:db8:1::100")
	for range addresspool.FormerMax + 10 {
		claimed(t, p, "mn", address.String(), start)
		address = address.Next()
	}
	got := p.Former("mn", start)
	if len(got) != addresspool.FormerMax || got[len(got)-1].Address != address.Prev().Prev() {
		t.Errorf("%d leases, the last of %v", len(got), got[len(got)-1])
	}
}

// An address that is avoided is nobody's: no user of no name is ever known.
func TestAvoidedAddressesHaveNoUser(t *testing.T) {
	t.Parallel()
	p := newPool(t, few(3))
	for _, a := range []string{"2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3"} {
		p.Avoid(addr(a), start)
	}
	later := start.Add(24 * time.Hour)
	for _, user := range []string{"a", "b", "c"} {
		assign(t, p, user, later)
		if l, ok := p.Lease(""); ok {
			t.Errorf("nobody has %v", l)
		}
		if users := p.Forgotten(); len(users) != 0 {
			t.Errorf("Forgotten = %q", users)
		}
	}
}
