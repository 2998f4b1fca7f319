package session_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"homeagent/agent/session"
)

// A home address that was refused after all is there for the next one: nobody got
// it.
func TestRefusedAddressGoesBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		first, second := request(1), request(2)
		first.HomeAddress = netip.MustParseAddr("2001:db8:1::77")
		second.HomeAddress = first.HomeAddress
		b.charon.armErr = errors.New("charon is gone")
		b.refused(t, first, session.KeyNotLoaded)
		b.charon.armErr = nil
		b.must(t, second)
		if u := b.AddressUse(); u[0].InUse != 1 || u[0].HeldDown != 0 {
			t.Errorf("the addresses' use: %+v", u)
		}
	})
}

// Where the store may hold what was refused, only its user gets the address.
func TestRefusedAddressIsHeldWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		home := netip.MustParseAddr("2001:db8:1::77")
		ask := func(n int) session.Request {
			r := request(n)
			r.HomeAddress = home
			return r
		}
		b.disk.fail(errors.New("disk full"))
		b.refused(t, ask(1), session.StoreFailed)
		b.disk.fail(nil)
		b.refused(t, ask(2), session.AddressHeldDown)
		if got := b.must(t, ask(1)); got.HomeAddress != home {
			t.Errorf("the user got %s, want %s", got.HomeAddress, home)
		}
	})
}
