package wire

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"

	"homeagent/xfrm/internal/object"
)

const (
	sizeState = 224 // struct xfrm_usersa_info

	offStateID    = sizeSelector
	offStateSrc   = offStateID + 24
	offStateReqID = offStateSrc + 16 + sizeLifetime + sizeUsage + 3*4 + 4

	flagWildcard = 8 // XFRM_STATE_WILDRECV
)

// AppendState appends the body of XFRM_MSG_NEWSA and XFRM_MSG_UPDSA.
func AppendState(b []byte, s object.State) []byte {
	b = pad(b, sizeSelector)
	b = append(b, as16(s.Dst)...)
	b = pad(b, 4) // SPI
	b = append(b, byte(s.Transform), 0, 0, 0)
	b = append(b, as16(s.Src)...)
	b = appendForever(b)
	b = pad(b, sizeUsage+3*4+4) // usage, statistics, sequence number
	b = native.AppendUint32(b, s.ReqID)
	b = native.AppendUint16(b, familyIPv6)
	flags := byte(0)
	if s.Wildcard {
		flags = flagWildcard
	}
	b = append(b, byte(object.RouteOptimization), 0, flags)
	b = pad(b, 7)
	return appendAttr(b, nl.XFRMA_COADDR, as16(s.CareOf))
}

// AppendStateID appends the body of XFRM_MSG_GETSA and XFRM_MSG_DELSA.
func AppendStateID(b []byte, k object.StateKey) []byte {
	b = append(b, as16(k.Dst)...)
	b = pad(b, 4) // SPI
	b = native.AppendUint16(b, familyIPv6)
	b = append(b, byte(k.Transform), 0)
	return appendAttr(b, nl.XFRMA_SRCADDR, as16(k.Src))
}

// AppendStateDump appends the body of a dump of the states of one transform:
// an attribute with nothing before it.
func AppendStateDump(b []byte, t object.Transform) []byte {
	return appendAttr(b, nl.XFRMA_PROTO, []byte{byte(t)})
}

// ParseState reads the body of an XFRM_MSG_NEWSA.
func ParseState(b []byte) (object.State, error) {
	var s object.State
	if len(b) < sizeState {
		return s, fmt.Errorf("reading a state of %d octets, expected at least %d: %w", len(b), sizeState, errShort)
	}
	fixed := b[offStateReqID:]
	s.Transform = object.Transform(b[offStateID+20])
	s.Dst = netip.AddrFrom16([16]byte(b[offStateID : offStateID+16]))
	s.Src = netip.AddrFrom16([16]byte(b[offStateSrc : offStateSrc+16]))
	s.ReqID = native.Uint32(fixed)
	s.Wildcard = fixed[8] == flagWildcard
	ours := native.Uint16(fixed[4:]) == familyIPv6 && object.Mode(fixed[6]) == object.RouteOptimization &&
		(fixed[8] == 0 || s.Wildcard)
	if !ours {
		return s, fmt.Errorf("reading a state: %w", ErrForeign)
	}
	err := eachAttr(b[sizeState:], func(typ uint16, value []byte) (err error) {
		if typ == nl.XFRMA_COADDR {
			s.CareOf, err = addr(value)
		}
		return err
	})
	if err == nil && !s.CareOf.IsValid() {
		err = fmt.Errorf("reading a state without care-of address: %w", ErrForeign)
	}
	return s, err
}
