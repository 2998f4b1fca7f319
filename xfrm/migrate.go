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

	// Protection has the reqids of tunnel mode associations that end where the
	// IKE_SA ends, and From is where that was. Those which Bind has not moved
	// already are moved along, so that they stay together also where there is
	// no binding: a mobile node that returns home and leaves again goes on with
	// them (RFC 4877 section 4.2).
	Protection Protection
	From       netip.Addr
}

// Migrate tells the key management daemon that a mobile node's IKE peer has
// moved, at a cost for the kernel that does not depend on the number of
// security associations. The associations in transport mode have no care-of
// address and stay as they are.
//
// It is an XFRM_MSG_MIGRATE for the policy of received messages, which all
// mobile nodes share, with two moves or more. The first matches that policy's
// template, without which the kernel refuses the message, and no association.
// The last is the one that charon reads the reqid from, and in transport mode
// matches nothing; the addresses it reads from XFRMA_KMADDRESS.
//
// charon, which hears of the policies that Bind moves, moves their security
// associations itself, and may be about it: then the kernel refuses to move them a
// second time (ENODATA), and charon is told in a message that moves nothing.
func (k *Kernel) Migrate(ctx context.Context, m Migration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	announcements, err := k.announcements(m)
	for i := range announcements {
		if err = ctx.Err(); err == nil {
			err = k.announce(announcements[i])
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("announcing %s at %s to the key management daemon: %w", m.HomeAddress, m.CareOf, err)
	}
	return nil
}

func (k *Kernel) announce(a object.Migration) error {
	err := k.platform.Migrate(a)
	if last := a.Moves[len(a.Moves)-1]; errors.Is(err, syscall.ENODATA) && last.Mode == object.TunnelMode {
		a.Moves = []object.Move{a.Moves[0], a.Moves[0]}
		a.Moves[1].ReqID = last.ReqID
		err = k.platform.Migrate(a)
	}
	if err == nil {
		k.log.Debug("kernel changed", "command", a)
	}
	return err
}

// announcements are a message for each CHILD_SA, as charon corrects the
// addresses of that one alone.
func (k *Kernel) announcements(m Migration) ([]object.Migration, error) {
	if m.ReqID == 0 || m.ReqID == k.desired.ReqID {
		return nil, fmt.Errorf("reqid %d is not this mobile node's own", m.ReqID)
	}
	policy, found := k.received(m)
	if !found {
		return nil, errors.New("there is no policy for its messages")
	}
	nobody := netip.IPv6Unspecified()
	match := object.Move{
		Mode: object.Transport, ReqID: k.desired.ReqID,
		FromSrc: nobody, FromDst: nobody, ToSrc: m.HomeAddress, ToDst: m.HomeAgent,
	}
	own := match
	own.ReqID = m.ReqID
	var list []object.Migration
	for _, moves := range append(m.tunnels(), []object.Move{own}) {
		list = append(list, object.Migration{
			Policy: policy, Moves: append([]object.Move{match}, moves...), Local: m.HomeAgent, Remote: m.CareOf,
		})
	}
	return list, nil
}

// received finds the policy for messages from a mobile node.
func (k *Kernel) received(m Migration) (object.PolicyKey, bool) {
	for _, p := range signallingPolicies(k.desired) {
		received := p.Direction == object.In && p.Priority == prioritySignalling
		if received && p.Dst.Addr() == m.HomeAgent && p.Src.Contains(m.HomeAddress) {
			return p.Key(), true
		}
	}
	return object.PolicyKey{}, false
}

// tunnels are the moves of each pair of tunnel mode associations.
func (m Migration) tunnels() [][]object.Move {
	var list [][]object.Move
	for _, reqID := range []uint32{m.Protection.ReturnRoutability, m.Protection.Payload} {
		if reqID == 0 || !m.From.IsValid() || m.From == m.CareOf {
			continue
		}
		list = append(list, []object.Move{
			{Mode: object.TunnelMode, ReqID: reqID, FromSrc: m.From, FromDst: m.HomeAgent, ToSrc: m.CareOf, ToDst: m.HomeAgent},
			{Mode: object.TunnelMode, ReqID: reqID, FromSrc: m.HomeAgent, FromDst: m.From, ToSrc: m.HomeAgent, ToDst: m.CareOf},
		})
	}
	return list
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
