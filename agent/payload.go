package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/config"
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

	mu      sync.Mutex
	changed map[netip.Addr]bool // whose wish the kernel may not know yet
}

func newShield(kernel Kernel, policy config.PayloadProtection, owner func(netip.Addr) (store.Session, bool), log *slog.Logger) *shield {
	return &shield{
		Kernel: kernel, policy: policy, owner: owner, log: log,
		kick: make(chan struct{}, 1), changed: make(map[netip.Addr]bool),
	}
}

// setNetworks takes over the mobile networks of a configuration. They are part of
// the payload of who is bootstrapped from then on.
func (a *Agent) setNetworks(cfg *config.Config) {
	networks := networksOf(cfg)
	a.networks.Store(&networks)
}

func (a *Agent) networksOfUser(userName string) []netip.Prefix { return (*a.networks.Load())[userName] }

// protection is what must be under ESP for a home address.
func (s *shield) protection(home netip.Addr) xfrm.Protection {
	var p xfrm.Protection
	owner, ok := s.owner(home)
	if !ok {
		return p
	}
	if owner.RoutabilitySA {
		p.ReturnRoutability = ike.RoutabilityReqID(owner.ReqID)
	}
	if s.policy == config.RequirePayloadProtection || owner.PayloadSA && s.policy != config.ForbidPayloadProtection {
		p.Payload = ike.PayloadReqID(owner.ReqID)
	}
	return p
}

// Set is Kernel's, with protection.
func (s *shield) Set(ctx context.Context, d xfrm.Desired) (xfrm.Changes, error) {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	for i := range d.Bindings {
		d.Bindings[i].Protection = s.protection(d.Bindings[i].HomeAddress)
	}
	return s.Kernel.Set(ctx, d)
}

// Bind is Kernel's, with protection.
func (s *shield) Bind(ctx context.Context, b xfrm.Binding) error {
	s.kernelTurn.Lock()
	defer s.kernelTurn.Unlock()
	b.Protection = s.protection(b.HomeAddress)
	return s.Kernel.Bind(ctx, b)
}

// Migrate is Kernel's, and takes the tunnels along that there are.
func (s *shield) Migrate(ctx context.Context, m xfrm.Migration) error {
	m.Protection = s.protection(m.HomeAddress)
	return s.Kernel.Migrate(ctx, m)
}

// wished has the kernel do what a session says now. It does not wait for it.
func (s *shield) wished(home netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
// there is nothing to do: Bind and Set will.
func (s *shield) change(ctx context.Context, home netip.Addr) {
	s.kernelTurn.Lock()
	err := s.Protect(ctx, home, s.protection(home))
	s.kernelTurn.Unlock()
	if err == nil || errors.Is(err, xfrm.ErrNotBound) || errors.Is(err, xfrm.ErrNotSet) {
		return
	}
	s.log.Error("what the kernel protects could not be changed, which is tried again", "home_address", home, "error", err)
	s.mu.Lock()
	s.changed[home] = true
	s.mu.Unlock()
}
