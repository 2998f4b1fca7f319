package wire

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"

	"homeagent/xfrm/internal/object"
)

const (
	sizeMove = 76 // struct xfrm_user_migrate, padding included
	sizeKM   = 40 // struct xfrm_user_kmaddress
)

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

// ParseMigration reads the body of an XFRM_MSG_MIGRATE, as the kernel tells
// its listeners: with one attribute per move.
func ParseMigration(b []byte) (object.Migration, error) {
	var m object.Migration
	if len(b) < nl.SizeofXfrmUserpolicyId {
		return m, fmt.Errorf("reading a migration of %d octets, expected at least %d: %w",
			len(b), nl.SizeofXfrmUserpolicyId, errShort)
	}
	sel, err := parseSelector(b)
	if err != nil {
		return m, err
	}
	m.Policy = object.PolicyKey{Selector: sel, Direction: object.Direction(b[sizeSelector+4])}
	if m.Policy.Direction > object.Forward {
		return m, fmt.Errorf("reading a migration: %w", ErrForeign)
	}
	err = eachAttr(b[nl.SizeofXfrmUserpolicyId:], func(typ uint16, value []byte) error {
		switch typ {
		case nl.XFRMA_KMADDRESS:
			return parseKM(&m, value)
		case nl.XFRMA_MIGRATE:
			return parseMoves(&m, value)
		}
		return nil
	})
	return m, err
}

func parseKM(m *object.Migration, b []byte) error {
	if len(b) < sizeKM {
		return fmt.Errorf("reading %d octets of key management addresses, expected %d: %w", len(b), sizeKM, errShort)
	}
	m.Local = netip.AddrFrom16([16]byte(b[:16]))
	m.Remote = netip.AddrFrom16([16]byte(b[16:32]))
	return nil
}

func parseMoves(m *object.Migration, b []byte) error {
	for ; len(b) >= sizeMove; b = b[sizeMove:] {
		if native.Uint16(b[72:]) != familyIPv6 || native.Uint16(b[74:]) != familyIPv6 || b[64] != byte(object.ESP) {
			return fmt.Errorf("reading a migration: %w", ErrForeign)
		}
		m.Moves = append(m.Moves, object.Move{
			FromDst: netip.AddrFrom16([16]byte(b[0:16])),
			FromSrc: netip.AddrFrom16([16]byte(b[16:32])),
			ToDst:   netip.AddrFrom16([16]byte(b[32:48])),
			ToSrc:   netip.AddrFrom16([16]byte(b[48:64])),
			Mode:    object.Mode(b[65]),
			ReqID:   native.Uint32(b[68:]),
		})
	}
	if len(b) != 0 {
		return fmt.Errorf("reading a migration, %d octets are left: %w", len(b), errShort)
	}
	return nil
}
