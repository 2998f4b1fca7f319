package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/ike"
	"homeagent/xfrm"
)

// shieldRetryPause lies between two attempts to change what the kernel protects.
const shieldRetryPause = time.Second

// A shield is a Kernel that has the tunnelled packets of mobile nodes under ESP
// where they, or the operator, want it (RFC 4877 section 4.1). It is a task,
// too: it changes bindings when the wish changes.
//
// The wish is part of the session and durable. So a daemon that starts again
// finds the kernel as it should be, and what was protected stays so while
// strongSwan is not known yet, or its security associations are gone.
type shield struct {
	Kernel
	policy config.PayloadProtection
	owner  func(home netip.Addr) (store.Session, bool)
	log    *slog.Logger
	kick   chan struct{}

	// kernelTurn makes one step of reading the wish and programming it, so that
	// the kernel holds the last one.
	kernelTurn sync.Mutex

	mu       sync.Mutex
	unstored map[netip.Addr]wish // that the store may not hold yet
	changed  map[netip.Addr]bool // whose wish the store holds and the kernel may not know yet
}

// A wish is for which packets besides signalling a mobile node wants ESP.
type wish struct{ returnRoutability, payload bool }

// A wishStore is a Store that tells a shield of the wishes it holds.
type wishStore struct {
	store.Store
	shield *shield
}

// Apply is Store's.
func (w wishStore) Apply(ctx context.Context, changes ...store.Change) error {
	if err := w.Store.Apply(ctx, changes...); err != nil {
		return err
	}
	for _, change := range changes {
		if put, ok := change.(store.PutSession); ok {
			w.shield.stored(put.Session.HomeAddress, wish{put.Session.RoutabilitySA, put.Session.PayloadSA})
		}
	}
	return nil
}

func newShield(kernel Kernel, policy config.PayloadProtection, owner func(netip.Addr) (store.Session, bool), log *slog.Logger) *shield {
	return &shield{
		Kernel: kernel, policy: policy, owner: owner, log: log,
		kick: make(chan struct{}, 1), unstored: make(map[netip.Addr]wish), changed: make(map[netip.Addr]bool),
	}
}

// setNetworks takes over the mobile networks of a configuration. They are part of
// the payload of who is bootstrapped from then on.
func (a *Agent) setNetworks(cfg *config.Config) {
	networks := networksOf(cfg)
	a.networks.Store(&networks)
}

func (a *Agent) networksOfUser(userName string) []netip.Prefix { return (*a.networks.Load())[userName] }

// protection is what must be under ESP for a home address. Without an owner nobody
// can tell, so that nothing may be forwarded.
func (s *shield) protection(home netip.Addr) (p xfrm.Protection, owned bool) {
	owner, ok := s.owner(home)
	if !ok {
		return p, false
	}
	if owner.RoutabilitySA {
		p.ReturnRoutability = ike.RoutabilityReqID(owner.ReqID)
	}
	if s.policy == config.RequirePayloadProtection || owner.PayloadSA && s.policy != config.ForbidPayloadProtection {
		p.Payload = ike.PayloadReqID(owner.ReqID)
	}
	return p, true
}

// Set is Kernel's, with protection. Bindings whose session is just ending are left
// out.
func (s *shield) Set(ctx context.Context, d xfrm.Desired) (xfrm.Changes, error) {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	bindings := make([]xfrm.Binding, 0, len(d.Bindings))
	for _, b := range d.Bindings {
		if p, owned := s.protection(b.HomeAddress); owned {
			b.Protection = p
			bindings = append(bindings, b)
		}
	}
	d.Bindings = bindings
	return s.Kernel.Set(ctx, d)
}

// Bind is Kernel's, with protection.
func (s *shield) Bind(ctx context.Context, b xfrm.Binding) error {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	p, owned := s.protection(b.HomeAddress)
	if !owned {
		return fmt.Errorf("binding %s: %w", b.HomeAddress, session.ErrUnknown)
	}
	b.Protection = p
	return s.Kernel.Bind(ctx, b)
}

// Migrate is Kernel's, and takes the tunnels along that there are.
func (s *shield) Migrate(ctx context.Context, m xfrm.Migration) error {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	p, owned := s.protection(m.HomeAddress)
	if !owned {
		return fmt.Errorf("moving the tunnels of %s: %w", m.HomeAddress, session.ErrUnknown)
	}
	m.Protection = p
	return s.Kernel.Migrate(ctx, m)
}

// wished has the kernel do what a session is about to say, once that is durable: a
// daemon that starts again must not take protection away that it has forgotten.
// wished does not wait for it.
func (s *shield) wished(home netip.Addr, w wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unstored[home] = w
}

// stored takes note that a wish is durable. It may be an earlier one.
func (s *shield) stored(home netip.Addr, w wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if latest, ok := s.unstored[home]; !ok || latest != w {
		return
	}
	delete(s.unstored, home)
	s.changed[home] = true
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Ready is closed: nothing waits for this task.
func (s *shield) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (s *shield) String() string { return "payload protection" }

// Run changes bindings until ctx ends.
func (s *shield) Run(ctx context.Context) error {
	retry := time.NewTicker(shieldRetryPause)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-retry.C:
		}
		for _, home := range s.take() {
			s.change(ctx, home)
		}
	}
}

func (s *shield) take() []netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]netip.Addr, 0, len(s.changed))
	for home := range s.changed {
		list = append(list, home)
	}
	clear(s.changed)
	return list
}

// change makes the kernel protect one binding as is wished. Without a binding
// there is nothing to do: Bind and Set will. Nor is there without an owner: its
// binding is about to go.
func (s *shield) change(ctx context.Context, home netip.Addr) {
	err := s.protect(ctx, home)
	if err == nil || errors.Is(err, xfrm.ErrNotBound) || errors.Is(err, xfrm.ErrNotSet) {
		return
	}
	s.log.Error("what the kernel protects could not be changed, which is tried again", "home_address", home, "error", err)
	s.mu.Lock()
	s.changed[home] = true
	s.mu.Unlock()
}

func (s *shield) protect(ctx context.Context, home netip.Addr) error {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	p, owned := s.protection(home)
	if !owned {
		return nil
	}
	return s.Protect(ctx, home, p)
}
