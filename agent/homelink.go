package agent

import (
	"context"

	"homeagent/agent/bindingcache"
)

// A HomeLink defends home addresses on the link they are on.
type HomeLink interface {
	Task
	// Index is the interface index of a physical home link, 0 for a virtual one.
	Index() int
	// Probe finds out whether the home address of a binding is unique; the error
	// wraps registrar.ErrDuplicate if it is not.
	Probe(ctx context.Context, b bindingcache.Binding) error
	// Defend answers for it, Relinquish stops.
	Defend(ctx context.Context, b bindingcache.Binding) error
	Relinquish(ctx context.Context, b bindingcache.Binding) error
}

// VirtualLink is the home link of prefixes that are routed to the home agent:
// no other node is on it, so there is nothing to do.
type VirtualLink struct{ ready chan struct{} }

// NewVirtualLink makes a VirtualLink.
func NewVirtualLink() VirtualLink {
	ready := make(chan struct{})
	close(ready)
	return VirtualLink{ready}
}

// Run waits for the end.
func (VirtualLink) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready is closed.
func (l VirtualLink) Ready() <-chan struct{} { return l.ready }

// String names the task.
func (VirtualLink) String() string { return "virtual home link" }

// Index is 0.
func (VirtualLink) Index() int { return 0 }

// Probe finds every address unique.
func (VirtualLink) Probe(context.Context, bindingcache.Binding) error { return nil }

// Defend does nothing.
func (VirtualLink) Defend(context.Context, bindingcache.Binding) error { return nil }

// Relinquish does nothing.
func (VirtualLink) Relinquish(context.Context, bindingcache.Binding) error { return nil }
