package xfrm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"homeagent/xfrm/internal/object"
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
func (k *Kernel) Migrate(ctx context.Context, m Migration) error {
	return fmt.Errorf("announcing %s at %s: not implemented", m.HomeAddress, m.CareOf)
}

// migratePolicy moves a policy in tunnel mode, and the security association
// it uses, to a new care-of address; done tells whether that was possible.
// Unlike a replacement, it costs no walk over all routes and keeps SPI and
// sequence numbers.
func (k *Kernel) migratePolicy(from, to object.Policy) (done bool, err error) {
	m, ok := migrationOf(from, to)
	if !ok {
		return false, nil
	}
	err = k.platform.Migrate(m)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENODATA):
		// Not repeatable: the policy is gone or moved already.
		return false, nil
	case err != nil:
		return false, fmt.Errorf("changing the kernel: %w", err)
	}
	k.log.Debug("kernel changed", "command", m)
	return true, nil
}

// migrationOf returns what leads from one policy to another that differs in
// its template's addresses alone.
func migrationOf(from, to object.Policy) (object.Migration, bool) {
	f, t := from.Templates[0], to.Templates[0]
	moved := from
	moved.Templates[0].Src, moved.Templates[0].Dst = t.Src, t.Dst
	if f.Mode != object.TunnelMode || moved != to || from == to {
		return object.Migration{}, false
	}
	m := object.Migration{
		Policy: from.Key(),
		Moves: []object.Move{{
			Mode: f.Mode, ReqID: f.ReqID,
			FromSrc: f.Src, FromDst: f.Dst, ToSrc: t.Src, ToDst: t.Dst,
		}},
		Local:  t.Dst,
		Remote: t.Src,
	}
	if from.Direction == object.Out {
		m.Local, m.Remote = t.Src, t.Dst
	}
	return m, true
}
