package wire

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

// deletedPolicy is what the kernel sends when a policy is deleted.
func deletedPolicy(p object.Policy) []byte {
	info := AppendPolicy(nil, p)[:sizePolicy]
	return appendAttr(AppendPolicyID(nil, p.Key()), nl.XFRMA_POLICY, info)
}

// deletedState is what the kernel sends when a state is deleted.
func deletedState(s object.State) []byte {
	id := AppendStateID(nil, s.Key())[:sizeStateID]
	return appendAttr(id, nl.XFRMA_SA, AppendState(nil, s)[:sizeState])
}

// device is the body of RTM_NEWLINK and RTM_DELLINK, of family 0 and type
// 769.
func device(index, flags, mtu uint32) []byte {
	b := native.AppendUint16([]byte{0, 0}, 769)
	b = native.AppendUint32(b, index)
	b = native.AppendUint32(b, flags)
	b = native.AppendUint32(b, 0)
	b = appendAttr(b, unix.IFLA_IFNAME, []byte("mip6\x00"))
	return appendUint32(b, unix.IFLA_MTU, mtu)
}

// reportText is what an Intel machine tells of a UDP datagram from 2001:db8:2::a
// with the home address 2001:db8:1::100, ports left out.
const reportText = `
	3c 000000
	20010db8000100000000000000000001 20010db8000100000000000000000100
	0000 0000 0000 0000 0a00 80 80 11 000000 00000000 00000000
	1400 0e00 20010db800020000000000000000000a`

func TestParseEvent(t *testing.T) {
	t.Parallel()
	p := policies()[0]
	withoutTemplates := p
	withoutTemplates.Templates = [2]object.Template{}
	keyless := object.State{Transform: object.Routing, Src: agent, Dst: home, CareOf: careOf}
	tests := []struct {
		name   string
		family int
		typ    uint16
		body   []byte
		want   object.Event
	}{
		{"policies flushed", unix.NETLINK_XFRM, nl.XFRM_MSG_FLUSHPOLICY, nil, object.Event{Kind: object.Flushed}},
		{"states flushed", unix.NETLINK_XFRM, nl.XFRM_MSG_FLUSHSA, []byte{0, 0, 0, 0}, object.Event{Kind: object.Flushed}},
		{"policy added", unix.NETLINK_XFRM, nl.XFRM_MSG_NEWPOLICY, AppendPolicy(nil, p),
			object.Event{Kind: object.PolicyChanged, Policy: p}},
		{"policy replaced", unix.NETLINK_XFRM, nl.XFRM_MSG_UPDPOLICY, AppendPolicy(nil, p),
			object.Event{Kind: object.PolicyChanged, Policy: p}},
		{"policy deleted", unix.NETLINK_XFRM, nl.XFRM_MSG_DELPOLICY, deletedPolicy(p),
			object.Event{Kind: object.PolicyChanged, Policy: withoutTemplates}},
		{"state deleted", unix.NETLINK_XFRM, nl.XFRM_MSG_DELSA, deletedState(keyless),
			object.Event{Kind: object.StateDeleted, State: keyless.Key()}},
		{"packet rejected", unix.NETLINK_XFRM, nl.XFRM_MSG_REPORT, octets(t, reportText), object.Event{
			Kind:      object.Rejected,
			Rejection: object.Rejection{HomeAddress: home, CareOf: careOf, HomeAgent: agent, Protocol: 17},
		}},
		{"device up", unix.NETLINK_ROUTE, unix.RTM_NEWLINK, device(5, unix.IFF_UP, 1460),
			object.Event{Kind: object.DeviceChanged, Device: object.Tunnel{Index: 5, MTU: 1460, Up: true}}},
		{"device down", unix.NETLINK_ROUTE, unix.RTM_NEWLINK, device(5, unix.IFF_NOARP, 1460),
			object.Event{Kind: object.DeviceChanged, Device: object.Tunnel{Index: 5, MTU: 1460}}},
		{"device deleted", unix.NETLINK_ROUTE, unix.RTM_DELLINK, device(5, 0, 1460),
			object.Event{Kind: object.DeviceDeleted, Device: object.Tunnel{Index: 5, MTU: 1460}}},
	}
	for _, tt := range tests {
		got, err := ParseEvent(tt.family, tt.typ, tt.body)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
		for n := range len(tt.body) { // whatever is cut off, there is no panic
			_, _ = ParseEvent(tt.family, tt.typ, tt.body[:n])
		}
	}
}

func TestParseEventOfNoInterest(t *testing.T) {
	t.Parallel()
	withKeys := deletedState(object.State{Transform: object.ESP, Src: agent, Dst: home})
	otherReport := octets(t, reportText)
	otherReport[0] = 50
	tests := []struct {
		name   string
		family int
		typ    uint16
		body   []byte
		want   error
	}{
		{"another family", unix.NETLINK_GENERIC, 1, nil, ErrForeign},
		{"a state expires", unix.NETLINK_XFRM, nl.XFRM_MSG_EXPIRE, nil, ErrForeign},
		{"a route changes", unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, nil, ErrForeign},
		{"a security association is deleted", unix.NETLINK_XFRM, nl.XFRM_MSG_DELSA, withKeys, ErrForeign},
		{"a report on ESP", unix.NETLINK_XFRM, nl.XFRM_MSG_REPORT, otherReport, ErrForeign},
		{"a report without care-of address", unix.NETLINK_XFRM, nl.XFRM_MSG_REPORT, octets(t, reportText)[:sizeReport], ErrForeign},
		{"a policy without its body", unix.NETLINK_XFRM, nl.XFRM_MSG_DELPOLICY, deletedPolicy(policies()[0])[:nl.SizeofXfrmUserpolicyId], ErrForeign},
		{"a short report", unix.NETLINK_XFRM, nl.XFRM_MSG_REPORT, make([]byte, sizeReport-1), errShort},
		{"a short policy", unix.NETLINK_XFRM, nl.XFRM_MSG_NEWPOLICY, make([]byte, sizePolicy-1), errShort},
		{"a short device", unix.NETLINK_ROUTE, unix.RTM_NEWLINK, make([]byte, 15), errShort},
		{"a device with half an MTU", unix.NETLINK_ROUTE, unix.RTM_NEWLINK,
			appendAttr(make([]byte, 16), unix.IFLA_MTU, []byte{1, 2}), errShort},
	}
	for _, tt := range tests {
		if e, err := ParseEvent(tt.family, tt.typ, tt.body); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v and error %v, want error %v", tt.name, e, err, tt.want)
		}
	}
}
