package xfrm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"homeagent/xfrm/internal/object"
)

// Migration is the new whereabouts of a mobile node's IKE peer (K bit, RFC
// 6275 section 10.3.1).
type Migration struct {
	HomeAddress netip.Addr
	HomeAgent   netip.Addr
	CareOf      netip.Addr // the new one
	// ReqID is that of a CHILD_SA of this mobile node and of no other: charon
	// moves every IKE_SA which has one of it.
	ReqID uint32
}

// Migrate tells the key management daemon that a mobile node's IKE peer has
// moved, at a cost for the kernel that does not depend on the number of
// security associations. Nothing else changes: the associations in transport
// mode have no care-of address, and Bind moves those in tunnel mode, which
// tells charon as well.
//
// It is an XFRM_MSG_MIGRATE for the policy of received messages, which all
// mobile nodes share, with two moves. The first matches that policy's template, without
// which the kernel refuses the message, and no association. The second matches
// nothing; charon reads its reqid and the addresses of XFRMA_KMADDRESS.
func (k *Kernel) Migrate(ctx context.Context, m Migration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	announcement, err := k.announcement(m)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = k.platform.Migrate(announcement)
	}
	if err != nil {
		return fmt.Errorf("announcing %s at %s to the key management daemon: %w", m.HomeAddress, m.CareOf, err)
	}
	k.log.Debug("kernel changed", "command", announcement)
	return nil
}

func (k *Kernel) announcement(m Migration) (object.Migration, error) {
	if m.ReqID == 0 || m.ReqID == k.desired.ReqID {
		return object.Migration{}, fmt.Errorf("reqid %d is not this mobile node's own", m.ReqID)
	}
	for _, p := range signallingPolicies(k.desired) {
		received := p.Direction == object.In && p.Priority == prioritySignalling
		if !received || p.Dst.Addr() != m.HomeAgent || !p.Src.Contains(m.HomeAddress) {
			continue
		}
		nobody := netip.IPv6Unspecified()
		move := object.Move{
			Mode: object.Transport, ReqID: k.desired.ReqID,
			FromSrc: nobody, FromDst: nobody, ToSrc: m.HomeAddress, ToDst: m.HomeAgent,
		}
		own := move
		own.ReqID = m.ReqID
		return object.Migration{
			Policy: p.Key(), Moves: []object.Move{move, own}, Local: m.HomeAgent, Remote: m.CareOf,
		}, nil
	}
	return object.Migration{}, errors.New("there is no policy for its messages")
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
