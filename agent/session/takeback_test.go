package session_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
	"homeagent/agent/store"
)

var contested = netip.MustParseAddr("2001:db8:1::77")

// asking is a request of the n-th user for the contested address.
func asking(n int) session.Request {
	r := request(n)
	r.HomeAddress = contested
	return r
}

// A home address that was refused after all is there for the next one: nobody got
// it.
func TestRefusedAddressGoesBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.charon.armErr = errors.New("charon is gone")
		b.refused(t, asking(1), session.KeyNotLoaded)
		b.charon.armErr = nil
		b.must(t, asking(2))
		if u := b.AddressUse(); u[0].InUse != 1 || u[0].HeldDown != 0 {
			t.Errorf("the addresses' use: %+v", u)
		}
	})
}

// Where the store may hold what was refused, only its user gets the address, for
// as long as that lasts.
func TestRefusedAddressIsHeldWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.disk.fail(errors.New("disk full"))
		b.refused(t, asking(1), session.StoreFailed)
		time.Sleep(hour) // far longer than the hold-down
		b.refused(t, asking(2), session.AddressHeldDown)
		b.refused(t, asking(1), session.StoreFailed)
		b.refused(t, asking(2), session.AddressHeldDown)
		b.disk.fail(nil)
		time.Sleep(time.Minute) // Run tells the store
		b.must(t, asking(2))
	})
}

// Its user may try again before the store is told.
func TestRefusedAddressIsItsUsersWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil) // and Run does not run
	b.disk.fail(errors.New("disk full"))
	b.refused(t, asking(1), session.StoreFailed)
	b.disk.fail(nil)
	b.refused(t, asking(2), session.AddressHeldDown)
	if got := b.must(t, asking(1)); got.HomeAddress != contested {
		t.Errorf("the user got %s, want %s", got.HomeAddress, contested)
	}
}

// gate is a store whose Apply waits.
type gate struct {
	store.Store
	open chan struct{}
}

func (g *gate) Apply(ctx context.Context, changes ...store.Change) error {
	<-g.open
	return g.Store.Apply(ctx, changes...)
}

// While the refusal is on its way to the disk nobody else gets the address: of two
// records of it only one may become durable.
func TestRefusedAddressIsHeldUntilItsRecordIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		g := &gate{Store: b.disk.Store, open: make(chan struct{}, 1)}
		b.disk.Store = g
		g.open <- struct{}{} // the session, not its removal
		b.charon.armErr = errors.New("charon is gone")
		refused := make(chan struct{})
		go func() {
			defer close(refused)
			b.refused(t, asking(1), session.KeyNotLoaded)
		}()
		synctest.Wait()
		b.refused(t, asking(2), session.AddressHeldDown)
		close(g.open)
		<-refused
		b.charon.armErr = nil
		b.must(t, asking(2))
		b.restart(t)
	})
}
