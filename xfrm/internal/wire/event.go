package wire

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

const (
	sizeReport  = 4 + sizeSelector // struct xfrm_user_report
	sizeStateID = 24               // struct xfrm_usersa_id
)

// ParseEvent reads a message that the kernel sends to its listeners. Those
// which tell nothing of interest are foreign.
func ParseEvent(family int, typ uint16, b []byte) (object.Event, error) {
	switch family {
	case unix.NETLINK_XFRM:
		return parseIPsecEvent(typ, b)
	case unix.NETLINK_ROUTE:
		return parseDeviceEvent(typ, b)
	default:
		return object.Event{}, fmt.Errorf("reading an event of family %d: %w", family, ErrForeign)
	}
}

func parseIPsecEvent(typ uint16, b []byte) (object.Event, error) {
	switch typ {
	case nl.XFRM_MSG_FLUSHPOLICY, nl.XFRM_MSG_FLUSHSA:
		return object.Event{Kind: object.Flushed}, nil
	case nl.XFRM_MSG_NEWPOLICY, nl.XFRM_MSG_UPDPOLICY:
		p, err := ParsePolicy(b)
		return eventIf(err, object.Event{Kind: object.PolicyChanged, Policy: p})
	case nl.XFRM_MSG_DELPOLICY:
		p, err := parseDeletedPolicy(b)
		return eventIf(err, object.Event{Kind: object.PolicyChanged, Policy: p})
	case nl.XFRM_MSG_DELSA:
		if isManual(b) {
			return object.Event{Kind: object.AssociationDeleted}, nil
		}
		k, err := parseDeletedState(b)
		return eventIf(err, object.Event{Kind: object.StateDeleted, State: k})
	case nl.XFRM_MSG_REPORT:
		r, err := parseReport(b)
		return eventIf(err, object.Event{Kind: object.Rejected, Rejection: r})
	default:
		return object.Event{}, fmt.Errorf("reading an event of type %d: %w", typ, ErrForeign)
	}
}

func eventIf(err error, e object.Event) (object.Event, error) {
	if err != nil {
		return object.Event{}, err
	}
	return e, nil
}

// parseDeletedPolicy reads the policy that comes as an attribute.
func parseDeletedPolicy(b []byte) (object.Policy, error) {
	if len(b) < nl.SizeofXfrmUserpolicyId {
		return object.Policy{}, fmt.Errorf("reading a deleted policy of %d octets: %w", len(b), errShort)
	}
	var (
		p     object.Policy
		found bool
	)
	err := eachAttr(b[nl.SizeofXfrmUserpolicyId:], func(typ uint16, value []byte) (err error) {
		if typ == nl.XFRMA_POLICY {
			found = true
			p, err = ParsePolicy(value)
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("reading a deleted policy: %w", ErrForeign)
	}
	return p, err
}

// parseDeletedState reads which keyless state was deleted; others are foreign.
func parseDeletedState(b []byte) (object.StateKey, error) {
	if len(b) < sizeStateID {
		return object.StateKey{}, fmt.Errorf("reading a deleted state of %d octets: %w", len(b), errShort)
	}
	k := object.StateKey{Transform: object.Transform(b[22]), Dst: netip.AddrFrom16([16]byte(b[:16]))}
	if k.Transform != object.HomeAddress && k.Transform != object.Routing {
		return k, fmt.Errorf("reading a deleted state: %w", ErrForeign)
	}
	found := false
	err := eachAttr(b[sizeStateID:], func(typ uint16, value []byte) error {
		if typ == nl.XFRMA_SA && len(value) >= sizeState {
			k.Src, found = netip.AddrFrom16([16]byte(value[offStateSrc:offStateSrc+16])), true
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("reading a deleted state: %w", ErrForeign)
	}
	return k, err
}

// isManual tells whether an association of ours was deleted.
func isManual(b []byte) (ours bool) {
	if len(b) < sizeStateID || object.Transform(b[22]) != object.ESP {
		return false
	}
	err := eachAttr(b[sizeStateID:], func(typ uint16, value []byte) error {
		if typ == nl.XFRMA_SA && len(value) >= sizeState {
			ours = object.IsManual(native.Uint32(value[offStateReqID:]))
		}
		return nil
	})
	return ours && err == nil
}

// parseReport reads what the kernel tells of a packet with a Home Address
// option that it has dropped.
func parseReport(b []byte) (object.Rejection, error) {
	var r object.Rejection
	if len(b) < sizeReport {
		return r, fmt.Errorf("reading a report of %d octets, expected at least %d: %w", len(b), sizeReport, errShort)
	}
	selector := b[4:]
	if object.Transform(b[0]) != object.HomeAddress || native.Uint16(selector[40:]) != familyIPv6 {
		return r, fmt.Errorf("reading a report: %w", ErrForeign)
	}
	r.HomeAgent = netip.AddrFrom16([16]byte(selector[:16]))
	r.HomeAddress = netip.AddrFrom16([16]byte(selector[16:32]))
	r.Protocol = selector[44]
	err := eachAttr(b[sizeReport:], func(typ uint16, value []byte) (err error) {
		if typ == nl.XFRMA_COADDR {
			r.CareOf, err = addr(value)
		}
		return err
	})
	if err == nil && !r.CareOf.IsValid() {
		err = fmt.Errorf("reading a report without care-of address: %w", ErrForeign)
	}
	return r, err
}

func parseDeviceEvent(typ uint16, b []byte) (object.Event, error) {
	kind := object.DeviceChanged
	switch typ {
	case unix.RTM_NEWLINK:
	case unix.RTM_DELLINK:
		kind = object.DeviceDeleted
	default:
		return object.Event{}, fmt.Errorf("reading an event of type %d: %w", typ, ErrForeign)
	}
	if len(b) < unix.SizeofIfInfomsg {
		return object.Event{}, fmt.Errorf("reading a device of %d octets: %w", len(b), errShort)
	}
	t := object.Tunnel{Index: int(int32(native.Uint32(b[4:]))), Up: native.Uint32(b[8:])&unix.IFF_UP != 0}
	err := eachAttr(b[unix.SizeofIfInfomsg:], func(typ uint16, value []byte) error {
		if typ != unix.IFLA_MTU {
			return nil
		}
		mtu, err := uint32Of(value)
		t.MTU = int(mtu)
		return err
	})
	return eventIf(err, object.Event{Kind: kind, Device: t})
}
