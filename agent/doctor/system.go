package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/ike"
)

// ErrDenied is wrapped by the errors of a System that lacks the rights for what
// it was asked.
var ErrDenied = errors.New("permission denied")

// A System is the box. Its methods are called from several goroutines.
type System interface {
	// Files is the root folder. What fs.Stat tells has a *syscall.Stat_t in
	// Sys, if anything is known of owners.
	Files() fs.FS
	// UserID and GroupID find accounts; the error wraps fs.ErrNotExist if there
	// is none of the name.
	UserID(name string) (int, error)
	GroupID(name string) (int, error)
	// Network is what is configured in this network namespace, without routes.
	Network() (Network, error)
	// Routes are those of IPv6, also for local addresses, that are for the whole of
	// one of the prefixes. There may be many others, which take time to read.
	Routes(of []netip.Prefix) ([]Route, error)
	// Policies are the IPsec policies that are neither the home agent's nor a
	// socket's.
	Policies() ([]Policy, error)
	// Bind tries whether a TCP address can be listened at, without doing so. The
	// error wraps syscall.EADDRINUSE or EADDRNOTAVAIL where that is the reason.
	Bind(ctx context.Context, address string) error
	// FreeSpace is the room on the file system of a folder, in octets.
	FreeSpace(folder string) (uint64, error)
	// Clock is what the kernel thinks of its clock.
	Clock() (Clock, error)
	// Charon asks strongSwan at its VICI socket.
	Charon(ctx context.Context, socket string) (Charon, error)
	// Proposals asks strongSwan which proposals of its section it does not take.
	Proposals(ctx context.Context, i config.IKE) ([]ike.Refusal, error)
	// Daemon asks the running home agent at its control socket.
	Daemon(ctx context.Context, socket string) (control.Status, error)
	// Instance is the process id of the home agent that runs in this network
	// namespace, 0 for none. The folder is that of its control socket.
	Instance(folder string) (int, error)
	// Meet connects to a peer, exchanges capabilities and takes its leave.
	Meet(ctx context.Context, d config.Diameter, p config.Peer) (Acquaintance, error)
	// StoreFormat is the version of a store's file format. It fails if this
	// version cannot read it.
	StoreFormat(path string) (int, error)
	// StoreSeal tells how a key, nil for none, suits a store that nobody uses.
	StoreSeal(path string, key []byte) (Seal, error)
}

// A Seal says how a key suits a store.
type Seal int

// The ways a key can suit a store, or none.
const (
	// Unsealed is a store without sealed keys, or none at all: any key will do.
	Unsealed Seal = iota
	// Fitting is the key that the store is sealed with.
	Fitting
	// Foreign is what a sealed store cannot be opened with.
	Foreign
)

var sealNames = []string{"unsealed", "fitting", "foreign"}

// String is the name of the Seal.
func (s Seal) String() string {
	if s < 0 || int(s) >= len(sealNames) {
		return fmt.Sprintf("seal %d", int(s))
	}
	return sealNames[s]
}

// A Network is a network namespace.
type Network struct {
	Interfaces []Interface
	// Forwarding reports whether all interfaces forward IPv6 packets
	// (net.ipv6.conf.all.forwarding).
	Forwarding bool
}

// An Interface is one that has a name.
type Interface struct {
	Name string
	Up   bool
	// Running reports whether it has a carrier.
	Running    bool
	Forwarding bool
	Addresses  []Address // of IPv6
}

// An Address is one of an interface.
type Address struct {
	Prefix netip.Prefix // with the address's own bits
	// Tentative addresses are being probed for duplicates; Duplicate ones were
	// found on another node and are not used.
	Tentative, Duplicate bool
}

// A Route is an entry of the main or local table.
type Route struct {
	To        netip.Prefix
	Gateway   netip.Addr // invalid where there is none
	Interface string
	// Reject discards what it matches, by whatever error.
	Reject bool
	// Advertised comes from a router advertisement.
	Advertised bool
}

// A Policy is an IPsec policy of somebody else.
type Policy struct {
	Source, Destination netip.Prefix
	Protocol            uint8 // 0 for any
	Direction           string
	Priority            uint32
	Block               bool
	// Delete is the command that removes it.
	Delete string
	// First reports whether it is looked at before the home agent's.
	First bool
}

// A Clock is the system clock.
type Clock struct {
	Now          time.Time
	Synchronised bool
}

// A Charon is a running strongSwan.
type Charon struct {
	Version string
	Since   time.Time
	Plugins []string
}

// An Acquaintance is a peer that was met.
type Acquaintance struct {
	Remote  string
	Product string
	TLS     string // version, empty over TCP
}

// iface finds an interface by its name.
func (n *Network) iface(name string) (Interface, bool) {
	for _, i := range n.Interfaces {
		if i.Name == name {
			return i, true
		}
	}
	return Interface{}, false
}

// holder finds the interface with an address.
func (n *Network) holder(a netip.Addr) (Interface, Address, bool) {
	for _, i := range n.Interfaces {
		for _, has := range i.Addresses {
			if has.Prefix.Addr() == a {
				return i, has, true
			}
		}
	}
	return Interface{}, Address{}, false
}

// Covers reports whether a route is for the whole of a prefix.
func (r *Route) Covers(to netip.Prefix) bool {
	return r.To.Bits() <= to.Bits() && r.To.Contains(to.Addr())
}

// route finds the most specific route for a prefix as a whole.
func route(routes []Route, to netip.Prefix) (Route, bool) {
	best, found := Route{}, false
	for _, r := range routes {
		if r.Covers(to) && (!found || r.To.Bits() > best.To.Bits()) {
			best, found = r, true
		}
	}
	return best, found
}
