package xfrm

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrNotBound is returned for a home address without a binding.
var ErrNotBound = errors.New("no binding")

// Counters counts what was dropped, since the kernel or the device began.
type Counters struct {
	// Spoofed is the number of tunnelled packets dropped as their outer and
	// inner source belong to no binding (RFC 6275 section 10.4.5). It begins
	// anew with the device.
	Spoofed uint64

	// IPsec are the kernel's own counters of packets dropped by IPsec, by the
	// kernel's name for the reason. Those which tell of mobile nodes:
	// XfrmInTmplMismatch (signalling without ESP), XfrmInStateMismatch
	// (signalling under another's security association), XfrmInNoPols (a Home
	// Address option where none is allowed). Nil if the kernel does not count.
	IPsec map[string]uint64
}

// Counters reads the counters.
func (k *Kernel) Counters() (Counters, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var (
		c   Counters
		err error
	)
	if c.IPsec, err = k.platform.IPsecCounters(); err != nil {
		return c, err
	}
	if k.tunnel.device.Index != 0 {
		c.Spoofed, err = k.platform.Dropped(k.tunnel.device)
	}
	return c, err
}

// Traffic is what a mobile node has sent through its tunnel since it was bound,
// wherever it was.
type Traffic struct {
	Packets, Octets uint64 // Octets without the outer header
}

// Received reads a binding's traffic, at a cost that does not depend on the
// number of bindings. A protected payload is not in it: charon
// counts that. The error is ErrNotBound if there is no binding.
func (k *Kernel) Received(home netip.Addr) (Traffic, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var sum Traffic
	if k.table == nil {
		return sum, fmt.Errorf("reading the traffic of %s: %w", home, ErrNotSet)
	}
	e, bound := k.table.entries[home]
	if !bound {
		return sum, fmt.Errorf("reading the traffic of %s: %w", home, ErrNotBound)
	}
	for _, f := range e.binding.filters(k.tunnel) {
		f.Handle = k.table.handles.take(f.Source)
		s, err := k.platform.Statistics(f)
		if err != nil {
			return sum, fmt.Errorf("reading the traffic of %s: %w", home, err)
		}
		sum.Packets += s.Packets
		sum.Octets += s.Octets
	}
	return sum, nil
}
