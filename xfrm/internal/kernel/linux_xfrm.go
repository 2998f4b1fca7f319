package kernel

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// createNew makes the kernel refuse what exists.
const createNew = unix.NLM_F_CREATE | unix.NLM_F_EXCL

// Policies lists the IPv6 policies that Policy can express, whoever's they
// are.
func (l *Linux) Policies() ([]object.Policy, error) {
	list, err := dump(l, unix.NETLINK_XFRM, nl.XFRM_MSG_GETPOLICY, nil, nl.XFRM_MSG_NEWPOLICY, wire.ParsePolicy)
	if err != nil {
		return nil, fmt.Errorf("listing policies: %w", hint(err))
	}
	return list, nil
}

func (l *Linux) applyPolicy(v object.Verb, p object.Policy) error {
	switch v {
	case object.Delete:
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_DELPOLICY, 0, wire.AppendPolicyID(nil, p.Key()))
	case object.Replace:
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_UPDPOLICY, 0, wire.AppendPolicy(nil, p))
	default:
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_NEWPOLICY, createNew, wire.AppendPolicy(nil, p))
	}
}

// State looks a keyless state up. It is found by its addresses, without
// walking all security associations.
func (l *Linux) State(k object.StateKey) (object.State, bool, error) {
	b, err := l.get(unix.NETLINK_XFRM, nl.XFRM_MSG_GETSA, wire.AppendStateID(nil, k), nl.XFRM_MSG_NEWSA)
	if isGone(err) {
		return object.State{}, false, nil
	}
	var s object.State
	if err == nil {
		s, err = wire.ParseState(b)
	}
	if err != nil {
		return s, false, fmt.Errorf("looking up the state src %s dst %s proto %s: %w", k.Src, k.Dst, k.Transform, hint(err))
	}
	return s, true, nil
}

// States lists the keyless states, whoever's they are. The kernel leaves the
// others out.
func (l *Linux) States() ([]object.State, error) {
	var all []object.State
	for _, t := range []object.Transform{object.HomeAddress, object.Routing} {
		body := wire.AppendStateDump(nil, t)
		list, err := dump(l, unix.NETLINK_XFRM, nl.XFRM_MSG_GETSA, body, nl.XFRM_MSG_NEWSA, wire.ParseState)
		if err != nil {
			return nil, fmt.Errorf("listing states of protocol %s: %w", t, hint(err))
		}
		all = append(all, list...)
	}
	return all, nil
}

func (l *Linux) applyState(v object.Verb, s object.State) error {
	if v == object.Delete {
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_DELSA, 0, wire.AppendStateID(nil, s.Key()))
	}
	if v == object.Replace {
		err := l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_UPDSA, 0, wire.AppendState(nil, s))
		if !isGone(err) {
			return err
		}
	}
	return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_NEWSA, createNew, wire.AppendState(nil, s))
}

// Migrate moves a policy and its security associations. The kernel refuses a
// repetition with ENODATA, and an unknown policy with ENOENT.
func (l *Linux) Migrate(m object.Migration) error {
	if err := l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_MIGRATE, 0, wire.AppendMigration(nil, m)); err != nil {
		return fmt.Errorf("executing %q: %w", m, hint(err))
	}
	return nil
}
