package kernel

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// Association looks an ESP security association up, without walking all. One that
// Association cannot express is not found.
func (l *Linux) Association(k object.AssociationKey) (object.Association, bool, error) {
	b, err := l.get(unix.NETLINK_XFRM, nl.XFRM_MSG_GETSA, wire.AppendAssociationID(nil, k), nl.XFRM_MSG_NEWSA)
	var a object.Association
	if err == nil {
		a, err = wire.ParseAssociation(b)
	}
	if isGone(err) || errors.Is(err, wire.ErrForeign) {
		return object.Association{}, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("looking up the state src %s dst %s spi %#x: %w", k.Src, k.Dst, k.SPI, hint(err))
	}
	return a, true, nil
}

// Associations lists the ESP security associations that Association can express,
// whoever's they are.
func (l *Linux) Associations() ([]object.Association, error) {
	body := wire.AppendStateDump(nil, object.ESP)
	list, err := dump(l, unix.NETLINK_XFRM, nl.XFRM_MSG_GETSA, body, nl.XFRM_MSG_NEWSA, wire.ParseAssociation)
	if err != nil {
		return nil, fmt.Errorf("listing security associations: %w", hint(err))
	}
	return list, nil
}

// applyAssociation cannot replace: the kernel would keep the keys.
func (l *Linux) applyAssociation(v object.Verb, a object.Association) error {
	switch v {
	case object.Add:
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_NEWSA, createNew, wire.AppendAssociation(nil, a))
	case object.Delete:
		return l.exchange(unix.NETLINK_XFRM, nl.XFRM_MSG_DELSA, 0, wire.AppendAssociationID(nil, a.Key()))
	default:
		return unix.EOPNOTSUPP
	}
}
