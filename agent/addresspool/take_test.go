package addresspool_test

import (
	"testing"
	"time"

	"homeagent/agent/addresspool"
)

// An operator's word ends a hold-down, and nobody's use.
func TestTake(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	pool := newPool(t, addresspool.Config{Prefixes: []addresspool.Prefix{{Prefix: prefix("2001:db8::/64")}}, HoldDown: time.Hour})
	home := addr("2001:db8::100")
	if _, err := pool.Take("mn1", home, now); err != nil {
		t.Fatal(err)
	}
	if user, inUse := pool.Holder(home); user != "mn1" || !inUse {
		t.Errorf("held by %q, %t", user, inUse)
	}
	if _, err := pool.Take("mn2", home, now); err != addresspool.OtherUser {
		t.Errorf("another user: %v", err)
	}
	pool.Release("mn1", now)
	if _, inUse := pool.Holder(home); inUse {
		t.Error("in use after its release")
	}
	if _, err := pool.Claim("mn2", home, now); err != addresspool.HeldDown {
		t.Errorf("it is not held down: %v", err)
	}
	claim, err := pool.Take("mn2", home, now)
	if err != nil {
		t.Fatal(err)
	}
	pool.Undo(claim)
	if _, inUse := pool.Holder(home); inUse {
		t.Error("in use after it was taken back")
	}
	for address, want := range map[string]addresspool.Refusal{"2001:db8:1::1": addresspool.NotServed, "2001:db8::": addresspool.Reserved} {
		if _, err := pool.Take("mn3", addr(address), now); err != want {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
		if r, refused := pool.Refuses(addr(address)); !refused || r != want {
			t.Errorf("%s is refused: %v, %t", address, r, refused)
		}
	}
}
