package wire

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"

	"homeagent/xfrm/internal/object"
)

const sizeKM = 40 // struct xfrm_user_kmaddress

// AppendMigration appends the body of XFRM_MSG_MIGRATE.
func AppendMigration(b []byte, m object.Migration) []byte {
	b = AppendPolicyID(b, m.Policy)
	km := append(as16(m.Local), as16(m.Remote)...)
	km = pad(km, 4)
	km = native.AppendUint16(km, familyIPv6)
	b = appendAttr(b, nl.XFRMA_KMADDRESS, pad(km, sizeKM-len(km)))
	var moves []byte
	for _, v := range m.Moves {
		moves = appendMove(moves, v)
	}
	return appendAttr(b, nl.XFRMA_MIGRATE, moves)
}

func appendMove(b []byte, v object.Move) []byte {
	for _, a := range []netip.Addr{v.FromDst, v.FromSrc, v.ToDst, v.ToSrc} {
		b = append(b, as16(a)...)
	}
	b = append(b, byte(object.ESP), byte(v.Mode), 0, 0)
	b = native.AppendUint32(b, v.ReqID)
	b = native.AppendUint16(b, familyIPv6)
	return native.AppendUint16(b, familyIPv6)
}
