package session_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

var elsewhere = netip.MustParseAddr("2001:db8:1::88")

// moved is a user who had the contested address and was given another one by its
// AAA server.
func moved(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, nil)
	b.must(t, asking(1))
	b.must(t, moving(elsewhere))
	return b
}

// moving is a request of the first user for an address.
func moving(home netip.Addr) session.Request {
	r := request(1)
	r.HomeAddress = home
	return r
}

func (b *bench) expectFormer(t *testing.T, want ...netip.Addr) {
	t.Helper()
	lease := storetest.Take(t, b.disk).Leases["mn1@example.com"]
	var got []netip.Addr
	for _, f := range lease.Former {
		got = append(got, f.Address)
	}
	if diff := storetest.Diff(want, got); diff != "" {
		t.Errorf("former addresses in the store, beside %s (-want +got):\n%s", lease.Address, diff)
	}
}

// The address that a user left is held down for as long as without a restart, but
// not for the user.
func TestFormerAddressIsHeldDownAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := moved(t)
		b.expectFormer(t, contested)
		time.Sleep(30 * time.Second)
		b.restart(t)
		b.refused(t, asking(2), session.AddressHeldDown)
		time.Sleep(30 * time.Second)
		b.restart(t)
		b.must(t, asking(2))
		b.restart(t)
		if s, _ := b.Owner(contested); s.UserName != "mn2@example.com" {
			t.Errorf("%s is %q's", contested, s.UserName)
		}
	})
}

func TestFormerAddressIsItsUsersAfterARestart(t *testing.T) {
	t.Parallel()
	b := moved(t)
	b.restart(t)
	if got := b.must(t, moving(contested)); got.HomeAddress != contested {
		t.Errorf("the user got %s, want %s", got.HomeAddress, contested)
	}
	b.expectFormer(t, elsewhere)
}

// The end of the session ends no hold-down.
func TestFormerAddressOutlivesTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := moved(t)
		if err := b.Release(t.Context(), "mn1@example.com"); err != nil {
			t.Fatal(err)
		}
		b.expectFormer(t, contested)
		b.restart(t)
		b.refused(t, asking(2), session.AddressHeldDown)
		time.Sleep(time.Minute)
		b.must(t, asking(2))
	})
}

// A move that is refused leaves the store as it was.
func TestRefusedMoveLeavesNoFormerAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(t, asking(1))
		before := storetest.Take(t, b.disk)
		b.charon.armErr = errors.New("charon is gone")
		b.refused(t, moving(elsewhere), session.KeyNotLoaded)
		if diff := storetest.Diff(before, storetest.Take(t, b.disk)); diff != "" {
			t.Errorf("after the refusal the store holds (-want +got):\n%s", diff)
		}
	})
}

// A store that fails in the middle of a move holds either all of it or nothing, and
// is told later what became of it.
func TestFormerAddressWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := moved(t)
		b.run(t)
		b.disk.fail(errors.New("disk full"))
		b.refused(t, moving(netip.MustParseAddr("2001:db8:1::99")), session.StoreFailed)
		b.expectFormer(t, contested)
		b.disk.fail(nil)
		time.Sleep(10 * time.Second) // Run tells the store
		b.expectFormer(t, contested)
		if s, _ := b.Owner(elsewhere); s.UserName != "mn1@example.com" {
			t.Errorf("%s is %q's", elsewhere, s.UserName)
		}
	})
}

// A session that is dormant, as its address is in no home prefix any more, leaves the
// addresses held down that its user had before.
func TestFormerAddressOfADormantSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := moved(t)
		s := storetest.Take(t, b.disk).Sessions["mn1@example.com"]
		lease := storetest.Take(t, b.disk).Leases["mn1@example.com"]
		s.HomeAddress = netip.MustParseAddr("2001:db8:9::1")
		lease.Address = s.HomeAddress
		b.put(t, store.PutSession{Session: s}, store.PutLease{Lease: lease})
		for range 2 {
			b.logged(t, prefix)
			b.refused(t, asking(2), session.AddressHeldDown)
		}
		left := storetest.Take(t, b.disk).Leases["mn1@example.com"]
		if left.Address != s.HomeAddress || !left.Released.IsZero() || len(left.Former) != 1 || left.Former[0].Address != contested {
			t.Errorf("the store holds %+v", left)
		}
	})
}

// What others took over after the hold-down is not held down again by an old record,
// nor does its user lose the protection from used keys.
func TestOldFormerAddressIsOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := moved(t)
		if err := b.Release(t.Context(), "mn1@example.com"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.must(t, asking(2))
		b.expectFormer(t, contested) // nobody has written the lease since
		b.restart(t)
		if s, _ := b.Owner(contested); s.UserName != "mn2@example.com" {
			t.Errorf("%s is %q's", contested, s.UserName)
		}
		b.refused(t, request(1), session.KeyReplayed)
	})
}
