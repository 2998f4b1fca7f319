package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
	"homeagent/ike/psk"
)

func written(t *testing.T, text string) psk.Key {
	t.Helper()
	key, err := psk.NewKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// node is a mobile node of the configuration: mn1 at ...:a1 and so on.
func node(t *testing.T, n int) session.Node {
	t.Helper()
	return session.Node{
		UserName: fmt.Sprintf("mn%d@example.com", n), HomeAddress: netip.MustParseAddr(fmt.Sprintf("2001:db8:1::a%d", n)), HomeAgent: homeAgent,
		PSK: written(t, fmt.Sprintf("a key for number %d", n)),
	}
}

func byHand(t *testing.T, n int) session.Node {
	t.Helper()
	m := node(t, n)
	m.PSK = psk.Key{}
	return m
}

func (b *bench) configure(t *testing.T, nodes ...session.Node) session.NodeChanges {
	t.Helper()
	changes, err := b.Configure(t.Context(), nodes)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (b *bench) refusesNode(t *testing.T, want string, nodes ...session.Node) {
	t.Helper()
	_, err := b.Configure(t.Context(), nodes)
	var refused *session.NodeError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a NodeError with %q", err, want)
	}
}

func (b *bench) owner(t *testing.T, n session.Node) store.Session {
	t.Helper()
	s, ok := b.Owner(n.HomeAddress)
	if !ok || s.UserName != n.UserName {
		t.Fatalf("%s is owned by %q, want %s", n.HomeAddress, s.UserName, n.UserName)
	}
	return s
}

// stored finds a user's session in the store.
func (d *disk) stored(t *testing.T, user string) (found store.Session, ok bool) {
	t.Helper()
	err := d.Sessions(func(s store.Session) error {
		if s.UserName == user {
			found, ok = s, true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}

// A mobile node of the configuration has its session from the start on. strongSwan
// has its key, the store has not, and AAA servers get neither its name nor its
// address.
func TestConfiguredFromTheStart(t *testing.T) {
	t.Parallel()
	n, m := node(t, 1), byHand(t, 2)
	b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{n, m} })
	creds := b.restart(t)
	if len(creds) != 1 || creds[0].UserName != n.UserName || !creds[0].PSK.Equal(n.PSK) || creds[0].ReqID < 1_000_001 || creds[0].ReqID >= 1<<29 {
		t.Errorf("credentials %+v", creds)
	}
	s := b.owner(t, n)
	if !s.Configured || s.Manual || !s.EndsAt().IsZero() || s.SessionID != "" || s.ReqID != creds[0].ReqID {
		t.Errorf("session %+v", s)
	}
	if s := b.owner(t, m); !s.Configured || !s.Manual || s.ReqID != 1<<29 || !s.PSK.IsZero() {
		t.Errorf("session keyed by hand %+v", s)
	}
	if got := b.Counts(); got != (session.Counts{Total: 2, Manual: 1}) || got.Armed() != 1 {
		t.Errorf("counts %+v, %d armed", got, got.Armed())
	}
	if s, ok := b.disk.stored(t, n.UserName); !ok || !s.PSK.IsZero() {
		t.Errorf("the store holds %+v", s)
	}
	b.refused(t, request(1), session.UserConfigured)
	shouted := request(1)
	shouted.UserName = strings.ToUpper(shouted.UserName)
	b.refused(t, shouted, session.UserConfigured)
	thief := request(3)
	thief.HomeAddress = m.HomeAddress
	b.refused(t, thief, session.AddressConfigured)
	if err := b.Release(t.Context(), n.UserName); !errors.Is(err, session.ErrConfigured) {
		t.Errorf("released: %v", err)
	}
	if _, err := b.Find(""); !errors.Is(err, session.ErrUnknown) {
		t.Error("an empty Session-Id finds a session")
	}
}

// What became of it survives the daemon: the reqid, which security associations have,
// and what was proven.
func TestConfiguredSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nodes := []session.Node{byHand(t, 1), byHand(t, 2), node(t, 3)}
		b := newBench(t, func(c *session.Config) { c.Nodes = nodes })
		b.run(t)
		b.Established(nodes[2].HomeAddress, netip.MustParseAddr("2001:db8:2::5"), time.Now())
		b.Tunnelled(nodes[2].HomeAddress, true, true)
		synctest.Wait()
		want := b.owner(t, nodes[1]).ReqID
		b.cfg.Nodes = nodes[1:]
		b.cfg.Nodes[1].PSK = written(t, "another key of mine")
		creds := b.restart(t)
		if got := b.owner(t, nodes[1]).ReqID; got != want {
			t.Errorf("the reqid is %d after a restart, was %d", got, want)
		}
		if s := b.owner(t, nodes[2]); s.EstablishedAt.IsZero() || !s.PayloadSA || !s.RoutabilitySA || len(creds) != 1 || !creds[0].PSK.Equal(b.cfg.Nodes[1].PSK) {
			t.Errorf("session %+v, credentials %+v", s, creds)
		}
	})
}

// One that left the configuration while the daemon was down has no session and no
// binding afterwards, and its reqid is not given again.
func TestConfiguredVanishedMeanwhile(t *testing.T) {
	t.Parallel()
	gone := byHand(t, 1)
	b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{gone} })
	bound := storetest.Binding(1)
	bound.HomeAddress = gone.HomeAddress
	b.put(t, store.PutBinding{Binding: bound})
	b.cfg.Nodes = []session.Node{byHand(t, 2)}
	b.restart(t)
	if _, ok := b.Owner(gone.HomeAddress); ok {
		t.Error("it has a session")
	}
	if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn2@example.com "}) {
		t.Errorf("the store holds %q", got)
	}
	if err := b.disk.Bindings(func(s store.Binding) error { return fmt.Errorf("binding of %s", s.HomeAddress) }); err != nil {
		t.Error(err)
	}
	if got := b.owner(t, byHand(t, 2)).ReqID; got != 1<<29+1 {
		t.Errorf("the reqid is %d", got)
	}
}

// A reload adds, changes and removes mobile nodes, with what is to be told of each.
func TestConfigureLive(t *testing.T) {
	t.Parallel()
	var told []string
	b := newBench(t, func(c *session.Config) {
		c.Ended = func(s store.Session) { told = append(told, "ended "+s.HomeAddress.String()) }
		c.Began = func(s store.Session, renewed bool) {
			told = append(told, fmt.Sprintf("began %s %t", s.UserName, renewed))
		}
		c.Over = func(s store.Session, why session.Cause) {
			told = append(told, fmt.Sprintf("over %s %v", s.UserName, why))
		}
	})
	expect := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("%s told %q, want %q", what, told, want)
		}
		told = nil
	}
	b.configure(t, node(t, 1), byHand(t, 2))
	expect("adding", "began mn1@example.com false", "began mn2@example.com false")
	if held := b.charon.held; len(held) != 1 || !held[node(t, 1).HomeAddress].PSK.Equal(node(t, 1).PSK) {
		t.Errorf("charon holds %v", held)
	}
	b.configure(t, node(t, 1), byHand(t, 2))
	expect("nothing new")
	rekeyed, was := node(t, 1), b.owner(t, node(t, 1)).ReqID
	rekeyed.PSK = written(t, "another key of mine")
	b.configure(t, rekeyed, byHand(t, 2))
	expect("a new key", "began mn1@example.com true")
	if got := b.owner(t, rekeyed); got.ReqID != was || !b.charon.held[rekeyed.HomeAddress].PSK.Equal(rekeyed.PSK) {
		t.Errorf("after a new key: %+v", got)
	}
	moved := byHand(t, 2)
	moved.HomeAddress = netip.MustParseAddr("2001:db8:1::beef")
	b.configure(t, rekeyed, moved)
	expect("another address", "ended 2001:db8:1::a2", "over mn2@example.com changed in the configuration", "began mn2@example.com false")
	b.configure(t, rekeyed, byHand(t, 2))
	told = nil
	b.configure(t, rekeyed)
	expect("removing", "ended 2001:db8:1::a2", "over mn2@example.com left the configuration")
	b.configure(t)
	if len(b.charon.held) != 0 || len(b.disk.sessions(t)) != 0 {
		t.Errorf("left: charon %v, store %v", b.charon.held, b.disk.sessions(t))
	}
	b.must(t, request(1)) // it is an AAA server's again
}

// Two that exchange their addresses, and one that gets the address of one that
// leaves, get them at once, whatever the hold-down.
func TestConfigureExchangesAddresses(t *testing.T) {
	t.Parallel()
	one, two, three := node(t, 1), byHand(t, 2), node(t, 3)
	b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{one, two, three} })
	one.HomeAddress, two.HomeAddress = two.HomeAddress, one.HomeAddress
	four := node(t, 4)
	four.HomeAddress = three.HomeAddress
	b.configure(t, one, two, four)
	for _, n := range []session.Node{one, two, four} {
		b.owner(t, n)
	}
	b.cfg.Nodes = []session.Node{one, two, four}
	b.restart(t)
	for _, n := range []session.Node{one, two, four} {
		b.owner(t, n)
	}
	three.HomeAddress = netip.MustParseAddr("2001:db8:1::beef")
	one.HomeAddress = netip.MustParseAddr("2001:db8:1::cafe")
	b.configure(t, one, two, three)
	b.owner(t, one)
	b.owner(t, three)
}

// What somebody else has, or what is not in force, is refused while the daemon runs,
// and then nothing has changed.
func TestConfigureRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{byHand(t, 9)} })
	grant := b.must(t, request(1))
	used := node(t, 2)
	used.HomeAddress = grant.HomeAddress
	b.refusesNode(t, `"mn1@example.com" has a session already`, node(t, 3), node(t, 1))
	b.refusesNode(t, `is in use by "mn1@example.com"`, node(t, 3), used)
	elsewhere, reserved, stranger, odd := node(t, 2), node(t, 2), node(t, 2), node(t, 2)
	elsewhere.HomeAddress = netip.MustParseAddr("2001:db8:9::1")
	reserved.HomeAddress = homeAgent
	stranger.HomeAgent = homeAgent2
	odd.UserName = "*@example.com"
	b.refusesNode(t, "on no home prefix", node(t, 3), elsewhere)
	b.refusesNode(t, "is reserved", node(t, 3), reserved)
	b.refusesNode(t, "is not in force yet", node(t, 3), stranger)
	b.refusesNode(t, "cannot be an IKE identity", node(t, 3), odd)
	b.owner(t, byHand(t, 9))
	if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1", "mn9@example.com "}) {
		t.Errorf("the store holds %q", got)
	}
	free := request(3)
	free.HomeAddress = node(t, 3).HomeAddress
	b.must(t, free) // nothing is left of the attempts
}

// A store that fails refuses all of it, and the state is what it was.
func TestConfigureWithoutAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{byHand(t, 1)} })
		b.run(t)
		b.disk.fail(errors.New("disk full"))
		if _, err := b.Configure(t.Context(), []session.Node{node(t, 2)}); err == nil {
			t.Fatal("taken over without a store")
		}
		b.owner(t, byHand(t, 1))
		if _, ok := b.Owner(node(t, 2).HomeAddress); ok {
			t.Error("the new one has a session")
		}
		b.disk.fail(nil)
		time.Sleep(time.Minute)
		if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com "}) {
			t.Errorf("the store holds %q", got)
		}
		b.configure(t, node(t, 2))
		b.owner(t, node(t, 2))
	})
}

// strongSwan that is away does not keep a reload from being taken over: it has the
// key when it is back.
func TestConfigureArmsLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.charon.armErr = errors.New("away")
		b.configure(t, node(t, 1))
		b.owner(t, node(t, 1))
		time.Sleep(10 * time.Second)
		b.charon.mu.Lock()
		b.charon.armErr = nil
		b.charon.mu.Unlock()
		time.Sleep(10 * time.Second)
		b.charon.mu.Lock()
		defer b.charon.mu.Unlock()
		if len(b.charon.held) != 1 {
			t.Errorf("charon holds %v", b.charon.held)
		}
	})
}

// An operator is told which mobile nodes came, changed and left.
func TestConfigureTellsWhatItDid(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	expect := func(want session.NodeChanges, nodes ...session.Node) {
		t.Helper()
		if diff := cmp.Diff(want, b.configure(t, nodes...)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	}
	one, two, three := node(t, 1), node(t, 2), byHand(t, 3)
	expect(session.NodeChanges{Added: []string{one.UserName, two.UserName, three.UserName}}, three, two, one)
	expect(session.NodeChanges{}, one, two, three)
	one.PSK, two.HomeAddress = written(t, "another key of mine"), netip.MustParseAddr("2001:db8:1::beef")
	four := node(t, 4)
	expect(session.NodeChanges{
		Added: []string{four.UserName}, Rekeyed: []string{one.UserName}, Changed: []string{two.UserName}, Ended: []string{three.UserName},
	}, one, two, four)
}

// A mobile node that leaves the configuration takes nobody's place along, and no AAA
// server gets what the configuration gives to somebody.
func TestConfiguredAreToldApart(t *testing.T) {
	t.Parallel()
	n, twin := node(t, 1), byHand(t, 2)
	twin.UserName = strings.ToUpper(n.UserName)
	b := newBench(t, nil)
	b.refusesNode(t, `cannot tell it from "mn1@example.com"`, n, twin)
	b.configure(t, n)
	b.refusesNode(t, `cannot tell it from "mn1@example.com"`, n, twin)
	b.owner(t, n)
	// A configuration that nobody has checked: the one that leaves is not the other.
	b = newBench(t, func(c *session.Config) { c.Nodes = []session.Node{n, twin} })
	for _, left := range [][]session.Node{{n}, {twin}} {
		b.configure(t, left...)
		b.owner(t, left[0])
		b.refused(t, request(1), session.UserConfigured)
	}
}

// An address that a mobile node of the configuration gives up is held down for AAA
// servers' users, by a reload as by a restart.
func TestConfiguredLeavesItsAddressHeldDown(t *testing.T) {
	t.Parallel()
	n := node(t, 1)
	elsewhere := n
	elsewhere.HomeAddress = node(t, 5).HomeAddress
	for name, after := range map[string][]session.Node{"it leaves": nil, "it moves": {elsewhere}} {
		for how, change := range map[string]func(*testing.T, *bench){
			"reload": func(t *testing.T, b *bench) { b.configure(t, after...) },
			"start":  func(t *testing.T, b *bench) { b.cfg.Nodes = after; b.restart(t) },
		} {
			t.Run(name+" by a "+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, func(c *session.Config) { c.Nodes = []session.Node{n} })
					change(t, b)
					b.cfg.Nodes = after
					other := request(7)
					other.HomeAddress = n.HomeAddress
					for range 2 {
						b.refused(t, other, session.AddressHeldDown)
						time.Sleep(20 * time.Second)
						b.restart(t)
					}
					time.Sleep(time.Minute)
					b.must(t, other)
				})
			})
		}
	}
}

// Nobody registers an address while strongSwan may have security associations of who
// had it before.
func TestConfiguredWaitsForTheEndOfTheFormerOwner(t *testing.T) {
	t.Parallel()
	away := errors.New("charon is away")
	for name, heir := range map[string]session.Node{"by IKE": node(t, 1), "by hand": byHand(t, 1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.run(t)
				former := request(7)
				former.HomeAddress = heir.HomeAddress
				b.must(t, former)
				b.charon.fail(away, away)
				if err := b.Release(t.Context(), former.UserName); err != nil {
					t.Fatal(err)
				}
				b.configure(t, heir)
				b.owner(t, heir)
				time.Sleep(10 * time.Second)
				if s, ok := b.Entitled(heir.HomeAddress); ok {
					t.Errorf("%s may register, and strongSwan holds what was %s's", s.UserName, b.charon.held[heir.HomeAddress].UserName)
				}
				b.charon.fail(nil, nil)
				time.Sleep(2 * time.Second)
				if s, ok := b.Entitled(heir.HomeAddress); !ok || b.charon.held[heir.HomeAddress].UserName == former.UserName {
					t.Errorf("%q may register: %t; strongSwan holds %+v", s.UserName, ok, b.charon.held)
				}
			})
		})
	}
}

// Two mobile nodes exchange their addresses: what strongSwan has of one is ended before
// it learns the other's key.
func TestConfiguredExchangeForgetsFirst(t *testing.T) {
	t.Parallel()
	one, two := node(t, 1), node(t, 2)
	b := newBench(t, nil)
	b.configure(t, one, two)
	b.charon.order = nil
	one.HomeAddress, two.HomeAddress = two.HomeAddress, one.HomeAddress
	b.configure(t, one, two)
	want := []string{"forget mn2@example.com", "arm mn1@example.com", "forget mn1@example.com", "arm mn2@example.com"}
	if !slices.Equal(b.charon.order, want) {
		t.Errorf("got %q, want %q", b.charon.order, want)
	}
	for _, n := range []session.Node{one, two} {
		if s, ok := b.Entitled(n.HomeAddress); !ok || s.UserName != n.UserName {
			t.Errorf("%s: entitled is %q", n.HomeAddress, s.UserName)
		}
	}
}

// Nobody else gets an address that the store may show as a mobile node's.
func TestConfiguredWithholdsWhatTheStoreMayHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		n := node(t, 1)
		b.disk.fail(errors.New("the disk is full"))
		if _, err := b.Configure(t.Context(), []session.Node{n}); err == nil {
			t.Fatal("no error")
		}
		b.disk.fail(nil)
		other := request(7)
		other.HomeAddress = n.HomeAddress
		b.refused(t, other, session.AddressHeldDown)
		b.run(t)
		synctest.Wait() // Run settles it
		b.must(t, other)
	})
}

// While strongSwan is away, the log is not filled.
func TestConfiguredArmsInSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		var log bytes.Buffer
		b.Manager = session.New(b.cfg, b.disk, b.pool(t), b.charon, slog.New(slog.NewTextHandler(&log, nil)))
		b.run(t)
		b.charon.fail(errors.New("charon is away"), nil)
		b.configure(t, node(t, 1), node(t, 2), node(t, 3))
		time.Sleep(time.Minute)
		b.charon.fail(nil, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "mobile_nodes=3") || len(b.charon.held) != 3 {
			t.Errorf("strongSwan holds %d keys, and the log says:\n%s", len(b.charon.held), &log)
		}
	})
}
