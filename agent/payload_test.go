package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/ike"
	"homeagent/xfrm"
)

var shieldHome = netip.MustParseAddr("2001:db8:1::5")

// A protectedKernel notes what it is to protect.
type protectedKernel struct {
	Kernel
	mu   sync.Mutex
	seen []string
	err  error
	turn *sync.Mutex // of the shield
}

func (k *protectedKernel) note(format string, args ...any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = append(k.seen, fmt.Sprintf(format, args...))
	if k.turn.TryLock() {
		k.turn.Unlock()
		k.seen = append(k.seen, "out of turn")
	}
	return k.err
}

func (k *protectedKernel) take() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.seen
	k.seen = nil
	return seen
}

func (k *protectedKernel) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *protectedKernel) Set(_ context.Context, d xfrm.Desired) (xfrm.Changes, error) {
	for _, b := range d.Bindings {
		if err := k.note("set %v", b.Protection); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (k *protectedKernel) Bind(_ context.Context, b xfrm.Binding) error {
	return k.note("bind %v", b.Protection)
}

func (k *protectedKernel) Protect(_ context.Context, home netip.Addr, p xfrm.Protection) error {
	return k.note("protect %v %v", home, p)
}

func (k *protectedKernel) Migrate(_ context.Context, m xfrm.Migration) error {
	return k.note("migrate %v", m.Protection)
}

// A wishHolder is a store that takes everything, or nothing.
type wishHolder struct {
	store.Store
	err error
}

func (h *wishHolder) Apply(context.Context, ...store.Change) error { return h.err }

// owned makes a shield for one session.
func owned(policy config.PayloadProtection, s store.Session) (*shield, *protectedKernel, func(func(*store.Session))) {
	kernel := new(protectedKernel)
	s.HomeAddress, s.ReqID = shieldHome, 1_000_001
	var mu sync.Mutex
	owner := func(home netip.Addr) (store.Session, bool) {
		mu.Lock()
		defer mu.Unlock()
		return s, home == shieldHome
	}
	change := func(f func(*store.Session)) {
		mu.Lock()
		defer mu.Unlock()
		f(&s)
	}
	shield := newShield(kernel, policy, owner, slog.New(slog.DiscardHandler))
	kernel.turn = &shield.kernelTurn
	return shield, kernel, change
}

func TestShieldProtection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		policy      config.PayloadProtection
		session     store.Session
		rr, payload bool
	}{
		{config.PermitPayloadProtection, store.Session{}, false, false},
		{config.PermitPayloadProtection, store.Session{RoutabilitySA: true}, true, false},
		{config.PermitPayloadProtection, store.Session{PayloadSA: true}, false, true},
		{config.PermitPayloadProtection, store.Session{RoutabilitySA: true, PayloadSA: true}, true, true},
		{config.RequirePayloadProtection, store.Session{}, false, true},
		{config.RequirePayloadProtection, store.Session{RoutabilitySA: true}, true, true},
		{config.ForbidPayloadProtection, store.Session{RoutabilitySA: true, PayloadSA: true}, true, false},
	}
	for _, tt := range tests {
		s, _, _ := owned(tt.policy, tt.session)
		var want xfrm.Protection
		if tt.rr {
			want.ReturnRoutability = ike.RoutabilityReqID(1_000_001)
		}
		if tt.payload {
			want.Payload = ike.PayloadReqID(1_000_001)
		}
		if got, owned := s.protection(shieldHome); got != want || !owned {
			t.Errorf("%s, %+v: got %+v, owned: %t, want %+v", tt.policy, tt.session, got, owned, want)
		}
	}
}

func TestShieldIsInAllThatIsProgrammed(t *testing.T) {
	t.Parallel()
	s, kernel, change := owned(config.PermitPayloadProtection, store.Session{})
	program := func() {
		b := xfrm.Binding{HomeAddress: shieldHome}
		if _, err := s.Set(t.Context(), xfrm.Desired{Bindings: []xfrm.Binding{b}}); err != nil {
			t.Error(err)
		}
		if err := errors.Join(s.Bind(t.Context(), b), s.Migrate(t.Context(), xfrm.Migration{HomeAddress: shieldHome})); err != nil {
			t.Error(err)
		}
	}
	program()
	change(func(s *store.Session) { s.PayloadSA = true })
	program()
	want := []string{"set none", "bind none", "migrate none", "set payload", "bind payload", "migrate payload"}
	if got := kernel.take(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whose session has ended meanwhile is not forwarded for, least of all in the clear.
func TestShieldWithoutAnOwner(t *testing.T) {
	t.Parallel()
	for _, policy := range []config.PayloadProtection{config.PermitPayloadProtection, config.RequirePayloadProtection, config.ForbidPayloadProtection} {
		s, kernel, _ := owned(policy, store.Session{PayloadSA: true})
		strangers := xfrm.Binding{HomeAddress: shieldHome.Next()}
		d := xfrm.Desired{Bindings: []xfrm.Binding{strangers}}
		if _, err := s.Set(t.Context(), d); err != nil || len(d.Bindings) != 1 {
			t.Errorf("%s: %v, and the caller's bindings are %v", policy, err, d.Bindings)
		}
		if err := s.Bind(t.Context(), strangers); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("%s: binding: %v, want an error", policy, err)
		}
		if err := s.Migrate(t.Context(), xfrm.Migration{HomeAddress: strangers.HomeAddress}); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("%s: migrating: %v, want an error", policy, err)
		}
		s.change(t.Context(), strangers.HomeAddress)
		if got := kernel.take(); len(got) != 0 {
			t.Errorf("%s: the kernel was told to %q", policy, got)
		}
	}
}

// A change of the wish changes the binding, again and again if that fails; without
// a binding there is nothing to change.
func TestShieldFollowsTheWish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kernel, change := owned(config.PermitPayloadProtection, store.Session{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		check := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := kernel.take(); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		held := new(wishHolder)
		durable := wishStore{held, s}
		put := func(payload bool) error {
			return durable.Apply(ctx, store.PutLease{}, store.PutSession{Session: store.Session{HomeAddress: shieldHome, PayloadSA: payload}})
		}
		wants := func(payload bool) {
			s.wished(shieldHome, wish{payload: payload})
			change(func(s *store.Session) { s.PayloadSA = payload })
			if err := put(payload); err != nil {
				t.Error(err)
			}
		}

		// Not before it is durable.
		s.wished(shieldHome, wish{payload: true})
		if err := put(false); err != nil { // under way before
			t.Error(err)
		}
		change(func(s *store.Session) { s.PayloadSA = true })
		held.err = errors.New("disk full")
		if err := put(true); !errors.Is(err, held.err) {
			t.Errorf("a failing store: got %v, want %v", err, held.err)
		}
		time.Sleep(time.Minute)
		check()
		held.err = nil

		wants(true)
		check("protect 2001:db8:1::5 payload")
		for _, nothing := range []error{xfrm.ErrNotBound, xfrm.ErrNotSet} {
			kernel.fail(fmt.Errorf("protecting: %w", nothing))
			wants(false)
			check("protect 2001:db8:1::5 none")
			time.Sleep(time.Minute)
			check()
		}
		kernel.fail(errors.New("out of memory"))
		wants(true)
		check("protect 2001:db8:1::5 payload")
		time.Sleep(shieldRetryPause + time.Millisecond)
		kernel.fail(nil)
		check("protect 2001:db8:1::5 payload")
		time.Sleep(shieldRetryPause + time.Millisecond)
		check("protect 2001:db8:1::5 payload")
		time.Sleep(time.Minute)
		check()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Networks that the configuration adds are part of the payload of who comes then.
func TestNetworksOfUsers(t *testing.T) {
	t.Parallel()
	network := netip.MustParsePrefix("2001:db8:100::/56")
	var a Agent
	a.setNetworks(new(config.Config))
	if got := a.networksOfUser("router@example.com"); got != nil {
		t.Errorf("got %v, want none", got)
	}
	cfg := new(config.Config)
	cfg.Mobility.Networks = []config.MobileNetwork{{UserName: "router@example.com", Prefix: network}}
	a.setNetworks(cfg)
	if got := a.networksOfUser("router@example.com"); !slices.Equal(got, []netip.Prefix{network}) {
		t.Errorf("got %v, want %v", got, network)
	}
}
