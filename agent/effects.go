package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"homeagent/agent/bindingcache"
	"homeagent/agent/homelink"
	"homeagent/agent/mobility"
	"homeagent/agent/registrar"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/ike"
	"homeagent/xfrm"
)

// effects are the steps of a registration, done by the store, the kernel, the
// home link and strongSwan. They are registrar.Effects.
type effects struct {
	link     homelink.HomeLink
	records  store.Store
	kernel   Kernel
	charon   *ike.Charon
	sessions *session.Manager
}

var _ registrar.Effects = effects{}

// Probe does duplicate address detection, and holds what it found unique.
func (e effects) Probe(ctx context.Context, b bindingcache.Binding) error {
	err := e.link.Claim(ctx, claim(b))
	if errors.Is(err, homelink.ErrDuplicate) {
		e.sessions.Duplicate(b.HomeAddress)
		return fmt.Errorf("%w: %w", registrar.ErrDuplicate, err)
	}
	return err
}

// Defend holds the addresses of a binding on the home link.
func (e effects) Defend(ctx context.Context, b bindingcache.Binding) error {
	return e.link.Claim(ctx, claim(b))
}

// Relinquish gives them up.
func (e effects) Relinquish(_ context.Context, b bindingcache.Binding) error {
	e.link.Release(b.HomeAddress)
	return nil
}

func claim(b bindingcache.Binding) homelink.Claim {
	return homelink.Claim{
		HomeAddress: b.HomeAddress,
		LinkLocal:   b.Flags&mobility.FlagLinkLocal != 0,
		Router:      b.Flags&mobility.FlagMobileRouter != 0,
	}
}

// Save makes bindings durable, or their absence.
func (e effects) Save(ctx context.Context, records []registrar.Record) error {
	changes := make([]store.Change, len(records))
	for i, r := range records {
		if !r.Binding.HomeAddress.IsValid() {
			changes[i] = store.DeleteBinding{HomeAddress: r.HomeAddress}
			continue
		}
		changes[i] = store.PutBinding{Binding: toStore(r.Binding)}
	}
	return e.records.Apply(ctx, changes...)
}

// Program makes the kernel forward a binding.
func (e effects) Program(ctx context.Context, b bindingcache.Binding) error {
	err := e.kernel.Bind(ctx, toKernel(b))
	if errors.Is(err, xfrm.ErrNetwork) {
		return fmt.Errorf("%w: %w", registrar.ErrNetwork, err)
	}
	return err
}

// Unprogram makes the kernel forward nothing for a home address.
func (e effects) Unprogram(ctx context.Context, home netip.Addr) error {
	return e.kernel.Unbind(ctx, home)
}

func toKernel(b bindingcache.Binding) xfrm.Binding {
	return xfrm.Binding{HomeAddress: b.HomeAddress, CareOf: b.CareOf, HomeAgent: b.HomeAgent, Prefixes: b.Prefixes}
}

func toStore(b bindingcache.Binding) store.Binding {
	return store.Binding{
		HomeAddress: b.HomeAddress, CareOf: b.CareOf, HomeAgent: b.HomeAgent,
		Sequence: b.Sequence, Flags: uint16(b.Flags), Lifetime: uint16(b.Lifetime),
		Registered: b.Registered, Expires: b.Expires, Prefixes: b.Prefixes,
	}
}

func fromStore(b store.Binding) bindingcache.Binding {
	return bindingcache.Binding{
		HomeAddress: b.HomeAddress, CareOf: b.CareOf, HomeAgent: b.HomeAgent,
		Sequence: b.Sequence, Flags: mobility.UpdateFlags(b.Flags), Lifetime: mobility.Lifetime(b.Lifetime),
		Registered: b.Registered, Expires: b.Expires, Prefixes: b.Prefixes,
	}
}

// MoveIKE tells strongSwan that its peer is elsewhere now (RFC 6275 section 10.3.1,
// K=1).
func (e effects) MoveIKE(ctx context.Context, from, to netip.Addr, b bindingcache.Binding) error {
	owner, ok := e.sessions.Owner(b.HomeAddress)
	if !ok {
		return fmt.Errorf("moving the IKE peer of %s: %w", b.HomeAddress, session.ErrUnknown)
	}
	err := e.kernel.Migrate(ctx, xfrm.Migration{
		HomeAddress: b.HomeAddress, HomeAgent: b.HomeAgent, CareOf: to, ReqID: owner.ReqID, From: from,
	})
	if err == nil {
		e.sessions.Moved(b.HomeAddress, to)
	}
	return err
}

// DropIKE ends the IKE_SA to a former care-of address. The mobile node, which
// did not set K either, makes a new one from where it is.
func (e effects) DropIKE(home, peer netip.Addr) { e.charon.Disconnect(home, peer) }
