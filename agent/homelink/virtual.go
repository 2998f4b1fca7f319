package homelink

import (
	"context"
	"net/netip"
)

// Virtual is a home link without any nodes: the home prefixes are routed to the
// home agent, so that every claim holds at once and there is nothing to defend. Its
// zero value is ready for use.
type Virtual struct{}

// A HomeLink is what users of a home link need of it, whatever its kind.
type HomeLink interface {
	Claim(ctx context.Context, c Claim) error
	Release(home netip.Addr)
	Restore(claims []Claim)
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	String() string
	Status() Status
}

var (
	_ HomeLink = (*Link)(nil)
	_ HomeLink = Virtual{}
)

// Claim returns nil.
func (Virtual) Claim(context.Context, Claim) error { return nil }

// Release does nothing.
func (Virtual) Release(netip.Addr) {}

// Restore does nothing.
func (Virtual) Restore([]Claim) {}

// Run waits until ctx ends.
func (Virtual) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready is closed.
func (Virtual) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (Virtual) String() string { return "virtual home link" }

// Status says that the link is up.
func (Virtual) Status() Status { return Status{Up: true} }
