package xfrm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

// RouteProtocol marks routes as ours, as "proto" of ip-route(8) shows it. It
// is the Mobility Header's protocol number.
const RouteProtocol = object.RouteProtocol

// platform is what this package needs of a kernel.
type platform interface {
	Policies() ([]object.Policy, error)
	State(object.StateKey) (object.State, bool, error)
	States() ([]object.State, error)
	Association(object.AssociationKey) (object.Association, bool, error)
	Associations() ([]object.Association, error)
	Tunnel(name string) (object.Tunnel, bool, error)
	OwnTunnels() ([]object.Tunnel, error)
	Gate(object.Tunnel) (object.Gate, error)
	Filters(object.Tunnel) ([]object.Filter, error)
	Routes(object.Tunnel) ([]object.Route, error)
	Apply(object.Verb, object.Object) error
	Migrate(object.Migration) error
	Statistics(object.Filter) (object.Statistics, error)
	Dropped(object.Tunnel) (uint64, error)
	IPsecCounters() (map[string]uint64, error)
	Watch(context.Context, func(object.Event)) error
	Close()
}

var (
	_ platform = (*kernel.Linux)(nil)
	_ platform = (*kernel.Fake)(nil)
)

// A Kernel changes the network namespace it was opened in. Its methods may be
// called at the same time; they wait for each other.
type Kernel struct {
	log      *slog.Logger
	platform platform

	repairing sync.Mutex // held by Repair, before mu

	mu      sync.Mutex
	desired Desired
	tunnel  tunnel
	table   *table // nil before the first Set

	manual manual
}

// Open returns the kernel of the calling thread's network namespace. It needs
// CAP_NET_ADMIN there. Nothing is changed before Set.
func Open(log *slog.Logger) (*Kernel, error) {
	linux, err := kernel.OpenLinux()
	if err != nil {
		return nil, err
	}
	return newKernel(log, linux), nil
}

func newKernel(log *slog.Logger, p platform) *Kernel {
	return &Kernel{log: log, platform: p}
}

// Close gives the sockets back and leaves the kernel's state in place, so that
// packets flow on.
func (k *Kernel) Close() error {
	k.platform.Close()
	return nil
}

// apply does one change and notes it.
func (k *Kernel) apply(done *Changes, v object.Verb, o object.Object) error {
	err := k.platform.Apply(v, o)
	if _, keyless := o.(object.State); keyless && v == object.Add && errors.Is(err, syscall.EEXIST) {
		// Where charon listens, the kernel holds the place of a state that it
		// has looked for in vain, for half a minute (net.core.xfrm_acq_expires).
		err = k.platform.Apply(object.Replace, o)
	}
	if err != nil {
		return fmt.Errorf("changing the kernel: %w", err)
	}
	c := Change{verb: v, object: o}
	k.log.Debug("kernel changed", "command", c)
	*done = append(*done, c)
	return nil
}
