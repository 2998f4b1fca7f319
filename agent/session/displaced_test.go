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

func (b *bench) expectDisplaced(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, d := range b.Displaced() {
		got = append(got, d.UserName+" by "+d.By)
	}
	if !slices.Equal(got, want) {
		t.Errorf("displaced: %q, want %q", got, want)
	}
}

// Who came first stays, at a start as at a reload: a mobile node of the configuration
// has no session while an AAA server's has its user name or its home address, and gets
// one by the first reload after that.
func TestConfiguredWaitsForSessionsOfOthers(t *testing.T) {
	t.Parallel()
	one, three, four := node(t, 1), node(t, 3), byHand(t, 4)
	b := newBench(t, nil)
	b.must(t, request(1))
	second := request(2)
	second.HomeAddress = three.HomeAddress
	b.must(t, second)
	b.refusesNode(t, `"mn1@example.com" has a session already`, one, four)
	b.cfg.Nodes = []session.Node{one, three, four}
	if creds := b.restart(t); len(creds) != 2 {
		t.Errorf("credentials %+v", creds)
	}
	if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1", "mn2@example.com aaah;1;2", "mn4@example.com "}) {
		t.Errorf("the store holds %q", got)
	}
	b.expectDisplaced(t, "mn1@example.com by mn1@example.com", "mn3@example.com by mn2@example.com")
	b.configure(t, one, three) // what waits already keeps nothing else from being taken over
	b.expectDisplaced(t, "mn1@example.com by mn1@example.com", "mn3@example.com by mn2@example.com")
	if err := b.Release(t.Context(), three.HomeAddress.String()); err != nil {
		t.Fatal(err)
	}
	b.configure(t, one, three)
	b.owner(t, three)
	b.configure(t, three)
	b.expectDisplaced(t)
}

// Nobody waits for a session that is over.
func TestConfiguredTakesThePlaceOfWhatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(t, request(1))
		time.Sleep(1000 * time.Hour)
		var over []session.Cause
		b.cfg.Nodes = []session.Node{node(t, 1)}
		b.cfg.Over = overs(&over)
		b.restart(t)
		b.owner(t, node(t, 1))
		b.expectDisplaced(t)
		b.run(t)
		synctest.Wait()
		if !slices.Equal(over, []session.Cause{session.AuthExpired}) {
			t.Errorf("told %v", over)
		}
	})
}

// When the session in its way ends, a mobile node of the configuration gets its own, as
// the configuration is by then.
func TestDisplacedComesInByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, five, six := node(t, 1), byHand(t, 5), node(t, 6)
		b := newBench(t, nil)
		for i, n := range []session.Node{one, five, six} {
			r := request(i + 1)
			r.HomeAddress = n.HomeAddress
			b.must(t, r)
		}
		b.cfg.Nodes = []session.Node{one, five, six}
		b.restart(t)
		b.run(t)
		b.configure(t, one, five)
		b.expectDisplaced(t, "mn1@example.com by mn1@example.com", "mn5@example.com by mn2@example.com")
		moving := request(2)
		moving.HomeAddress = netip.MustParseAddr("2001:db8:1::99")
		b.must(t, moving)
		synctest.Wait()
		b.owner(t, five)
		b.expectDisplaced(t, "mn1@example.com by mn1@example.com")
		for _, user := range []string{"mn1@example.com", "mn3@example.com"} {
			if err := b.Release(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		b.owner(t, one)
		b.expectDisplaced(t)
		if s, _ := b.Owner(six.HomeAddress); s.Configured {
			t.Errorf("%s is served, and is in the configuration no more", s.UserName)
		}
	})
}

// A store that fails just then makes it wait no longer than until it works again.
func TestDisplacedComesInOnceTheStoreWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := node(t, 1)
		b := newBench(t, nil)
		b.must(t, request(1))
		b.cfg.Nodes = []session.Node{n}
		b.restart(t)
		b.run(t)
		if err := b.Release(t.Context(), n.UserName); err != nil {
			t.Fatal(err)
		}
		b.disk.fail(errors.New("the disk is full"))
		time.Sleep(time.Minute)
		b.expectDisplaced(t, "mn1@example.com by mn1@example.com")
		b.disk.fail(nil)
		time.Sleep(5 * time.Second)
		b.owner(t, n)
		b.expectDisplaced(t)
	})
}
