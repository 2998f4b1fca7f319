package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/ike/psk"
)

var (
	homeAgent  = netip.MustParseAddr("2001:db8:1::1")
	homeAgent2 = netip.MustParseAddr("2001:db8:1::2")
	prefix     = netip.MustParsePrefix("2001:db8:1::/64")
	hour       = time.Hour
)

// charon is a Keyer that remembers what it holds, and fails when told to.
type charon struct {
	mu     sync.Mutex
	held   map[netip.Addr]session.Credential
	armErr error
	away   error         // Forget fails with it
	block  chan struct{} // Arm waits for it when set
	order  []string
}

// Identify takes names that differ in case for one, as strongSwan does.
func (c *charon) Identify(userName string) (string, error) {
	if strings.Contains(userName, "*") {
		return "", errors.New("a wildcard")
	}
	return strings.ToLower(userName), nil
}

func (c *charon) Arm(ctx context.Context, cred session.Credential) error {
	c.mu.Lock()
	block := c.block
	c.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = append(c.order, "arm "+cred.UserName)
	if c.armErr != nil {
		return c.armErr
	}
	c.held[cred.HomeAddress] = cred
	return nil
}

// fail makes Arm and Forget fail, or not any more.
func (c *charon) fail(arm, forget error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armErr, c.away = arm, forget
}

func (c *charon) Forget(_ context.Context, home netip.Addr) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = append(c.order, "forget "+c.held[home].UserName)
	if c.away != nil {
		return c.away
	}
	delete(c.held, home)
	return nil
}

// disk is a store that fails when told to.
type disk struct {
	store.Store
	mu  sync.Mutex
	err error
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *disk) Apply(ctx context.Context, changes ...store.Change) error {
	d.mu.Lock()
	err := d.err
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Store.Apply(ctx, changes...)
}

func (d *disk) sessions(t *testing.T) []string {
	t.Helper()
	var names []string
	if err := d.Sessions(func(s store.Session) error {
		names = append(names, s.UserName+" "+s.SessionID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// A bench is a Manager with its surroundings.
type bench struct {
	*session.Manager
	charon *charon
	disk   *disk
	cfg    session.Config
}

func newBench(t *testing.T, change func(*session.Config)) *bench {
	t.Helper()
	b := &bench{charon: &charon{held: map[netip.Addr]session.Credential{}}, disk: &disk{Store: store.NewMemory()}}
	b.cfg = session.Config{HomeAgents: []netip.Addr{homeAgent}, EffectTimeout: 10 * time.Second, Identity: "ha.example.com"}
	if change != nil {
		change(&b.cfg)
	}
	b.restart(t)
	return b
}

func (b *bench) pool(t *testing.T) *addresspool.Pool {
	t.Helper()
	pool, err := addresspool.New(addresspool.Config{
		Prefixes: []addresspool.Prefix{{Prefix: prefix}},
		Reserved: b.cfg.HomeAgents,
		HoldDown: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// restart makes a new Manager from what the disk holds.
func (b *bench) restart(t *testing.T) []session.Credential {
	t.Helper()
	b.Manager = session.New(b.cfg, b.disk, b.pool(t), b.charon, slog.New(slog.DiscardHandler))
	creds, err := b.Restore()
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// run runs the Manager for the rest of the test, inside a synctest bubble.
func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func key(n byte) psk.AAAKey { return psk.NewAAAKey(append(make([]byte, 63), n)) }

func request(n int) session.Request {
	return session.Request{
		UserName: fmt.Sprintf("mn%d@example.com", n), SessionID: fmt.Sprintf("aaah;1;%d", n),
		OriginHost: "aaah.example.com", OriginRealm: "example.com", PeerHost: "aaah.example.com",
		AAAKey: key(byte(n)), KeyID: 1, Lifetime: hour, Stateful: true,
	}
}

func (b *bench) must(t *testing.T, req session.Request) session.Grant {
	t.Helper()
	grant, err := b.Bootstrap(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

func (b *bench) refused(t *testing.T, req session.Request, want session.Reason) {
	t.Helper()
	_, err := b.Bootstrap(t.Context(), req)
	var refusal *session.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != want {
		t.Errorf("Bootstrap of %s: %v, want refusal: %v", req.UserName, err, want)
	}
}

func TestBootstrapGivesAddressAndKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	req := request(1)
	grant := b.must(t, req)
	if !prefix.Contains(grant.HomeAddress) || grant.HomeAgent != homeAgent || grant.AcctMultiSessionID == "" {
		t.Errorf("grant = %+v", grant)
	}
	want, err := psk.Derive(key(1), 1, grant.HomeAddress, homeAgent)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.charon.held[grant.HomeAddress]; !got.PSK.Equal(want) || got.UserName != req.UserName || !got.EstablishedAt.IsZero() {
		t.Errorf("charon holds %+v", got)
	}
	if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1"}) {
		t.Errorf("the store holds %v", got)
	}
	if !slices.Equal(req.AAAKey.Bytes(), make([]byte, 64)) {
		t.Error("the MIPv6-AAA-Key was not wiped")
	}
}

func TestBootstrapAgainKeepsWhatItCan(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	first := b.must(t, request(1))
	b.Established(first.HomeAddress, netip.MustParseAddr("2001:db8:2::5"), time.Now())
	b.Tunnelled(first.HomeAddress, false, true)
	again := request(1)
	again.SessionID, again.KeyID, again.AAAKey = "aaah;2;1", 2, key(9)
	second := b.must(t, again)
	if second != first {
		t.Errorf("second grant %+v, first %+v", second, first)
	}
	if b.charon.held[first.HomeAddress].EstablishedAt.IsZero() {
		t.Error("the new key made the session unproven, although its IKE_SA lives on")
	}
	if s, _ := b.Owner(first.HomeAddress); !s.PayloadSA {
		t.Error("the new key made the payload travel in the clear, although its CHILD_SA lives on")
	}
	if _, err := b.Find("aaah;1;1"); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("the former Session-Id is still known: %v", err)
	}
	if s, err := b.Find("aaah;2;1"); err != nil || s.KeyID != 2 {
		t.Errorf("the new Session-Id: %+v, %v", s, err)
	}
}

func TestBootstrapMovesToTheAddressTheServerNames(t *testing.T) {
	t.Parallel()
	var ended []netip.Addr
	b := newBench(t, func(c *session.Config) {
		c.Ended = func(s store.Session) { ended = append(ended, s.HomeAddress) }
	})
	first := b.must(t, request(1))
	move := request(1)
	move.HomeAddress = netip.MustParseAddr("2001:db8:1::abcd")
	second := b.must(t, move)
	if second.HomeAddress != move.HomeAddress {
		t.Errorf("moved to %s", second.HomeAddress)
	}
	if _, held := b.charon.held[first.HomeAddress]; held {
		t.Error("the former home address is still armed")
	}
	if !slices.Equal(ended, []netip.Addr{first.HomeAddress}) {
		t.Errorf("ended: %v", ended)
	}
	other := request(2)
	other.HomeAddress = first.HomeAddress
	b.refused(t, other, session.AddressHeldDown)
}

func TestBootstrapRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*session.Request)
		want   session.Reason
	}{
		{"another home agent", func(r *session.Request) { r.HomeAgent = homeAgent2 }, session.HomeAgentNotOurs},
		{"address off the prefix", func(r *session.Request) { r.HomeAddress = netip.MustParseAddr("2001:db8:9::1") }, session.AddressNotServed},
		{"subnet-router anycast", func(r *session.Request) { r.HomeAddress = netip.MustParseAddr("2001:db8:1::") }, session.AddressReserved},
		{"our own address", func(r *session.Request) { r.HomeAddress = homeAgent }, session.AddressReserved},
		{"another's address", func(r *session.Request) { r.HomeAddress = netip.MustParseAddr("2001:db8:1::abcd") }, session.AddressOfOtherUser},
		{"another's Session-Id", func(r *session.Request) { r.SessionID = "aaah;1;1" }, session.SessionOfOtherUser},
		{"another key of the same id", func(r *session.Request) {
			r.UserName, r.SessionID = "mn1@example.com", "aaah;9;9"
		}, session.KeyReused},
		{"a name that differs in case", func(r *session.Request) { r.UserName = "MN1@example.com" }, session.UserNameOfOther},
		{"a name without an identity", func(r *session.Request) { r.UserName = "m*@example.com" }, session.UserNameUnusable},
		{"one session too many", func(*session.Request) {}, session.SessionsExhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(c *session.Config) { c.MaxSessions = 1 })
			there := request(1)
			there.HomeAddress = netip.MustParseAddr("2001:db8:1::abcd")
			b.must(t, there)
			req := request(2)
			tt.change(&req)
			b.refused(t, req, tt.want)
			if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1"}) || len(b.charon.held) != 1 {
				t.Errorf("a refusal left %v in the store and %v in charon", got, b.charon.held)
			}
		})
	}
}

func TestFailureOfCharonKeepsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.charon.armErr = errors.New("charon is gone")
		b.refused(t, request(1), session.KeyNotLoaded)
		synctest.Wait()
		if got := b.disk.sessions(t); len(got) != 0 {
			t.Errorf("the store holds %v", got)
		}
		if _, err := b.Find("mn1@example.com"); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("Find: %v", err)
		}
	})
}

func TestFailureOfCharonLeavesTheFormerSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		first := b.must(t, request(1))
		b.charon.armErr = errors.New("charon is gone")
		again := request(1)
		again.SessionID, again.KeyID, again.AAAKey = "aaah;2;1", 2, key(9)
		b.refused(t, again, session.KeyNotLoaded)
		synctest.Wait()
		if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1"}) {
			t.Errorf("the store holds %v", got)
		}
		if s, err := b.Find("mn1@example.com"); err != nil || s.KeyID != 1 || s.HomeAddress != first.HomeAddress {
			t.Errorf("Find: %+v, %v", s, err)
		}
	})
}

func TestFailureOfTheStoreKeepsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		b.disk.fail(errors.New("disk full"))
		b.refused(t, request(1), session.StoreFailed)
		if len(b.charon.held) != 0 {
			t.Errorf("charon holds %v", b.charon.held)
		}
		b.disk.fail(nil)
		b.must(t, request(1))
		time.Sleep(time.Minute) // what was left to settle is settled
		if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1"}) {
			t.Errorf("the store holds %v", got)
		}
	})
}

func TestExpiryTakesEverythingBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended int
		b := newBench(t, func(c *session.Config) { c.Ended = func(store.Session) { ended++ } })
		b.run(t)
		long, short := request(1), request(2)
		short.Lifetime, short.Grace = time.Minute, 10*time.Second
		b.must(t, long)
		home := b.must(t, short).HomeAddress
		time.Sleep(69 * time.Second)
		if _, err := b.Find(short.UserName); err != nil {
			t.Errorf("within the grace period: %v", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, err := b.Find(short.UserName); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("after the grace period: %v", err)
		}
		if got := b.disk.sessions(t); !slices.Equal(got, []string{"mn1@example.com aaah;1;1"}) || len(b.charon.held) != 1 || ended != 1 {
			t.Errorf("left: store %v, charon %v, ended %d", got, b.charon.held, ended)
		}
		taker := request(3)
		taker.HomeAddress = home
		b.refused(t, taker, session.AddressHeldDown)
		time.Sleep(time.Minute)
		taker.AAAKey = key(3)
		b.must(t, taker)
	})
}

func TestUnlimitedAndCappedLifetimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *session.Config) { c.MaxLifetime = 2 * hour })
		b.run(t)
		forever := request(1)
		forever.Lifetime = session.Unlimited
		b.must(t, forever)
		if s, err := b.Find(forever.UserName); err != nil || !s.ExpiresAt.Equal(time.Now().Add(2*hour)) {
			t.Errorf("capped at %v, %v", s.ExpiresAt, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		forever := request(1)
		forever.Lifetime = session.Unlimited
		b.must(t, forever)
		time.Sleep(10 * 365 * 24 * hour)
		if s, err := b.Find(forever.UserName); err != nil || !s.ExpiresAt.IsZero() {
			t.Errorf("after ten years: %v, %v", s.ExpiresAt, err)
		}
	})
}

func TestReleaseAndReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.must(t, request(1))
	if err := b.Release(t.Context(), "aaah;1;1"); err != nil {
		t.Fatal(err)
	}
	if err := b.Release(t.Context(), "aaah;1;1"); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("second Release: %v", err)
	}
	b.refused(t, request(1), session.KeyReplayed)
	b.restart(t)
	b.refused(t, request(1), session.KeyReplayed)
	fresh := request(1)
	fresh.AAAKey = key(99)
	b.must(t, fresh)
}

func TestRestartBringsBackSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(t)
		first := b.must(t, request(1))
		second := b.must(t, request(2))
		at, careOf := time.Now(), netip.MustParseAddr("2001:db8:2::5")
		b.Established(second.HomeAddress, careOf, at)
		b.Tunnelled(second.HomeAddress, true, true)
		b.Tunnelled(second.HomeAddress, false, true)
		synctest.Wait()
		creds := b.restart(t)
		slices.SortFunc(creds, func(a, b session.Credential) int { return a.EstablishedAt.Compare(b.EstablishedAt) })
		if len(creds) != 2 || creds[0].HomeAddress != first.HomeAddress || !creds[1].EstablishedAt.Equal(at) ||
			creds[0].PayloadSA || !creds[1].PayloadSA || creds[1].RoutabilitySA {
			t.Errorf("restored %+v", creds)
		}
		if s, ok := b.Owner(second.HomeAddress); !ok || s.UserName != "mn2@example.com" || s.CareOf != careOf {
			t.Errorf("Owner = %+v, %v", s, ok)
		}
		taker := request(3)
		taker.HomeAddress = first.HomeAddress
		b.refused(t, taker, session.AddressOfOtherUser)
	})
}

func TestStickyAcrossRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		first := b.must(t, request(1))
		if err := b.Release(t.Context(), "mn1@example.com"); err != nil {
			t.Fatal(err)
		}
		b.restart(t)
		again := request(1)
		again.AAAKey = key(7)
		if second := b.must(t, again); second.HomeAddress != first.HomeAddress {
			t.Errorf("came back to %s, was at %s", second.HomeAddress, first.HomeAddress)
		}
	})
}

func TestSpreadsOverHomeAgents(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *session.Config) { c.HomeAgents = []netip.Addr{homeAgent, homeAgent2} })
	count := map[netip.Addr]int{}
	for n := range 10 {
		count[b.must(t, request(n)).HomeAgent]++
	}
	if count[homeAgent] != 5 || count[homeAgent2] != 5 {
		t.Errorf("spread %v", count)
	}
}

// Requests for one user follow one another; those of others pass them by.
func TestOneUserDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		block := make(chan struct{})
		b.charon.block = block
		results := make(chan session.Grant, 2)
		for id := range 2 {
			go func() {
				req := request(1)
				req.SessionID = fmt.Sprint("aaah;5;", id)
				grant, err := b.Bootstrap(t.Context(), req)
				if err != nil {
					t.Errorf("Bootstrap: %v", err)
				}
				results <- grant
			}()
		}
		synctest.Wait()
		b.charon.mu.Lock()
		b.charon.block = nil
		b.charon.mu.Unlock()
		b.must(t, request(2))
		close(block)
		if one, two := <-results, <-results; one != two {
			t.Errorf("two requests for one user got %+v and %+v", one, two)
		}
		if n := b.Counts().Total; n != 2 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestManyAtOnceGetDifferentAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			if _, err := b.Bootstrap(t.Context(), request(n)); err != nil {
				t.Errorf("Bootstrap: %v", err)
			}
		})
	}
	wg.Wait()
	seen := map[netip.Addr]bool{}
	for _, s := range b.Sessions() {
		if seen[s.HomeAddress] {
			t.Errorf("%s was given twice", s.HomeAddress)
		}
		seen[s.HomeAddress] = true
	}
	if len(seen) != 200 || b.Counts().Total != 200 {
		t.Errorf("%d addresses, %d sessions", len(seen), b.Counts().Total)
	}
}

// A refusal is in the store before it is answered: the daemon may end next.
func TestRefusalIsDurableAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil) // and Run does not run
	b.charon.armErr = errors.New("charon is gone")
	b.refused(t, request(1), session.KeyNotLoaded)
	if got := b.disk.sessions(t); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

func TestTimeoutAndLimitCapLifetimeWithGrace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                     string
		lifetime, grace, timeout time.Duration
		limit, want              time.Duration
	}{
		{"neither", hour, time.Minute, 0, 0, hour + time.Minute},
		{"session timeout", session.Unlimited, 0, time.Minute, 0, time.Minute},
		{"session timeout within grace", hour, hour, hour + time.Minute, 0, hour + time.Minute},
		{"limit", session.Unlimited, 0, 0, hour, hour},
		{"limit within grace", hour, 1000 * hour, 0, 2 * hour, 2 * hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(c *session.Config) { c.MaxLifetime = tt.limit })
			req := request(1)
			req.Lifetime, req.Grace, req.Timeout = tt.lifetime, tt.grace, tt.timeout
			b.must(t, req)
			s, err := b.Find(req.UserName)
			if err != nil || !s.EndsAt().Equal(time.Now().Add(tt.want)) {
				t.Errorf("%s: ends after %v, %v, want %v", tt.name, time.Until(s.EndsAt()), err, tt.want)
			}
		})
	}
}

// What happens to the IKE_SA while the node is bootstrapped again is not lost.
func TestMovementDuringBootstrapIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		home := b.must(t, request(1)).HomeAddress
		block := make(chan struct{})
		b.charon.block = block
		again := request(1)
		again.SessionID, again.KeyID, again.AAAKey = "aaah;2;1", 2, key(9)
		done := make(chan error, 1)
		go func() {
			_, err := b.Bootstrap(t.Context(), again)
			done <- err
		}()
		synctest.Wait()
		careOf := netip.MustParseAddr("2001:db8:2::7")
		b.Established(home, careOf, time.Now())
		b.Tunnelled(home, true, false)
		close(block)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if s, _ := b.Owner(home); s.CareOf != careOf || s.EstablishedAt.IsZero() || !s.RoutabilitySA {
			t.Errorf("after it: care-of address %v, established %v", s.CareOf, s.EstablishedAt)
		}
	})
}

// The operator is told of each session's beginning, renewal and end, with the
// cause.
func TestOperatorIsTold(t *testing.T) {
	t.Parallel()
	var told []string
	b := newBench(t, func(c *session.Config) {
		c.Began = func(s store.Session, renewed bool) {
			told = append(told, fmt.Sprintf("began %s %v", s.HomeAddress, renewed))
		}
		c.Over = func(s store.Session, why session.Cause) {
			told = append(told, fmt.Sprintf("over %s %v", s.HomeAddress, why))
		}
	})
	first := b.must(t, request(1))
	again := request(1)
	again.KeyID = 2
	again.AAAKey = key(77)
	b.must(t, again)
	if err := b.Release(t.Context(), first.HomeAddress.String()); err != nil {
		t.Fatal(err)
	}
	home := first.HomeAddress.String()
	want := []string{"began " + home + " false", "began " + home + " true", "over " + home + " administrative"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
