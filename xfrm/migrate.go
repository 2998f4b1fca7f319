package xfrm

import (
	"context"
	"net/netip"
)

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
