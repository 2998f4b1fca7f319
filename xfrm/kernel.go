package xfrm

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
)

// RouteProtocol marks routes as ours, as "proto" of ip-route(8) shows it. It
// is the Mobility Header's protocol number.
const RouteProtocol = 135

// PolicyPriorities marks policies as ours: theirs lie in [First, Last].
var PolicyPriorities = struct{ First, Last uint32 }{62750, 62799}

// A Kernel changes the network namespace it was opened in. Its methods may be
// called at the same time.
type Kernel struct {
	log *slog.Logger
}

// Open returns the kernel of the calling thread's network namespace. It needs
// CAP_NET_ADMIN there. Nothing is changed before Set.
func Open(log *slog.Logger) (*Kernel, error) {
	return &Kernel{log: log}, nil
}

// Close gives the sockets back and leaves the kernel's state in place.
func (k *Kernel) Close() error { return nil }

// Change is one thing that Set or CleanUp did, as the command an engineer
// would have typed for it.
type Change string

// Changes lists what was done, in order; empty means that all was right.
type Changes []Change

var errNotYet = errors.New("not implemented")

// Set makes the kernel hold d, and no more of ours than d. It adds before it
// deletes, repairs what others have changed or flushed, and leaves alone what
// is not ours. On an error the changes made so far are returned with it;
// calling again goes on from there.
func (k *Kernel) Set(ctx context.Context, d Desired) (Changes, error) { return nil, errNotYet }

// Bind makes b the binding of its home address, at a cost that does not
// depend on the number of bindings: a new one, a move to a new care-of
// address, or nothing when b is what is there already. When it returns nil,
// packets from b.CareOf pass and packets from an earlier care-of address do
// not. Set must have been called before.
func (k *Kernel) Bind(ctx context.Context, b Binding) error { return errNotYet }

// Unbind removes the binding of a home address; nil if there is none.
func (k *Kernel) Unbind(ctx context.Context, home netip.Addr) error { return errNotYet }

// CleanUp removes all that is ours.
func (k *Kernel) CleanUp(ctx context.Context) (Changes, error) { return nil, errNotYet }

// Migration tells the key management daemon that a mobile node's IKE peer
// has a new care-of address (K bit, RFC 6275 section 10.3.1).
type Migration struct {
	HomeAddress netip.Addr
	HomeAgent   netip.Addr
	CareOf      netip.Addr // the new one
	// ReqID belongs to this mobile node alone: charon moves every IKE_SA that
	// has a CHILD_SA of this reqid.
	ReqID uint32
}

// Migrate announces m to the key management daemon.
func (k *Kernel) Migrate(ctx context.Context, m Migration) error { return errNotYet }
