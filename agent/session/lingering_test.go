package session_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
)

// Nobody gets an address, however long the hold-down is over, while strongSwan may have
// security associations of who had it before.
func TestAddressLingersUntilStrongSwanForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		former, heir := request(1), request(2)
		former.HomeAddress = node(t, 1).HomeAddress
		heir.HomeAddress = former.HomeAddress
		b.must(t, former)
		b.charon.fail(nil, errors.New("charon is away"))
		if err := b.Release(t.Context(), former.UserName); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hour)
		b.refused(t, heir, session.KeyNotLoaded)
		b.charon.fail(nil, nil)
		b.charon.order = nil
		heir.AAAKey = key(2) // the first was wiped
		b.must(t, heir)
		b.must(t, again(heir))
		want := []string{"forget mn1@example.com", "arm mn2@example.com", "arm mn2@example.com"}
		if !slices.Equal(b.charon.order, want) {
			t.Errorf("strongSwan was told %q, want %q", b.charon.order, want)
		}
		if s, ok := b.Entitled(heir.HomeAddress); !ok || s.UserName != heir.UserName {
			t.Errorf("entitled is %q", s.UserName)
		}
	})
}

// Nothing lingers longer than strongSwan is away, whoever wants the address.
func TestLingeringEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		away := errors.New("charon is away")
		b.must(t, asking(1))
		b.charon.fail(nil, away)
		if err := b.Release(t.Context(), "mn1@example.com"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.charon.fail(away, nil)
		refused := asking(2)
		refused.HomeAddress = elsewhere
		b.refused(t, refused, session.KeyNotLoaded)
		time.Sleep(5 * time.Second)
		b.charon.fail(nil, away)
		for _, home := range []netip.Addr{contested, elsewhere} {
			r := request(3)
			r.SessionID, r.UserName, r.HomeAddress, r.AAAKey = r.SessionID+home.String(), home.String()+"@example.com", home, key(3)
			b.must(t, r) // there is nothing to forget any more
		}
	})
}

func again(r session.Request) session.Request {
	r.AAAKey = key(2)
	return r
}

// The address that a mobile node leaves for another one, too.
func TestFormerAddressLingers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.must(t, asking(1))
		b.charon.fail(nil, errors.New("charon is away"))
		b.must(t, moving(elsewhere))
		heir := byHand(t, 2)
		heir.HomeAddress = contested
		b.configure(t, heir)
		if _, ok := b.Entitled(contested); ok {
			t.Error("somebody may register while strongSwan has the former owner's security associations")
		}
		b.charon.fail(nil, nil)
		time.Sleep(2 * time.Second)
		if s, _ := b.Entitled(contested); s.UserName != heir.UserName {
			t.Errorf("entitled is %q", s.UserName)
		}
	})
}
