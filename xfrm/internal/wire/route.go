package wire

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

const sizeRoute = unix.SizeofRtMsg

// AppendRoute appends the body of RTM_NEWROUTE, and of RTM_DELROUTE when
// remove is set: then only what the kernel finds our route by.
func AppendRoute(b []byte, r object.Route, remove bool) []byte {
	b = append(b, unix.AF_INET6, byte(r.Dst.Bits()), 0, 0,
		unix.RT_TABLE_MAIN, object.RouteProtocol, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST)
	b = native.AppendUint32(b, 0)
	b = appendAddr(b, unix.RTA_DST, r.Dst.Addr())
	b = appendUint32(b, unix.RTA_PRIORITY, object.RouteMetric)
	b = appendUint32(b, unix.RTA_OIF, uint32(r.Index))
	if remove {
		return b
	}
	b = appendAttr(b, unix.RTA_ENCAP_TYPE, native.AppendUint16(nil, nl.LWTUNNEL_ENCAP_IP6))
	return appendAttr(b, unix.RTA_ENCAP|nested, appendEncapsulation(nil, r))
}

func appendEncapsulation(b []byte, r object.Route) []byte {
	b = appendAddr(b, nl.LWTUNNEL_IP6_DST, r.CareOf)
	b = appendAddr(b, nl.LWTUNNEL_IP6_SRC, r.HomeAgent)
	return appendAttr(b, nl.LWTUNNEL_IP6_HOPLIMIT, []byte{r.HopLimit})
}

// AppendRouteDump appends the body of a dump of our routes through a device;
// a socket with NETLINK_GET_STRICT_CHK lets the kernel pick them.
func AppendRouteDump(b []byte, index int) []byte {
	b = append(b, unix.AF_INET6, 0, 0, 0, unix.RT_TABLE_MAIN, object.RouteProtocol, 0, 0)
	b = native.AppendUint32(b, 0)
	return appendUint32(b, unix.RTA_OIF, uint32(index))
}

// ParseRoute reads the body of an RTM_NEWROUTE; all routes but ours are
// foreign. Device is left empty.
func ParseRoute(b []byte) (object.Route, error) {
	var r object.Route
	if len(b) < sizeRoute {
		return r, fmt.Errorf("reading a route of %d octets, expected at least %d: %w", len(b), sizeRoute, errShort)
	}
	ours := b[0] == unix.AF_INET6 && b[2] == 0 && b[4] == unix.RT_TABLE_MAIN &&
		b[5] == object.RouteProtocol && b[7] == unix.RTN_UNICAST
	if !ours {
		return r, fmt.Errorf("reading a route: %w", ErrForeign)
	}
	p := routeParser{bits: b[1]}
	if err := eachAttr(b[sizeRoute:], p.attr); err != nil {
		return r, err
	}
	whole := p.metric == object.RouteMetric && p.encapsulation == nl.LWTUNNEL_ENCAP_IP6 &&
		p.route.Dst.IsValid() && p.route.CareOf.IsValid() && p.route.HomeAgent.IsValid()
	if !whole {
		return r, fmt.Errorf("reading a route: %w", ErrForeign)
	}
	return p.route, nil
}

// routeParser gathers a route's attributes, which come in any order.
type routeParser struct {
	route         object.Route
	bits          uint8
	metric        uint32
	encapsulation uint16
}

func (p *routeParser) attr(typ uint16, value []byte) (err error) {
	switch typ {
	case unix.RTA_DST:
		p.route.Dst, err = prefix(value, p.bits)
	case unix.RTA_OIF:
		var index uint32
		index, err = uint32Of(value)
		p.route.Index = int(index)
	case unix.RTA_PRIORITY:
		p.metric, err = uint32Of(value)
	case unix.RTA_ENCAP_TYPE:
		if len(value) != 2 {
			return fmt.Errorf("reading an encapsulation type: %w", errShort)
		}
		p.encapsulation = native.Uint16(value)
	case unix.RTA_ENCAP:
		err = eachAttr(value, p.encapsulationAttr)
	case unix.RTA_GATEWAY, unix.RTA_MULTIPATH, unix.RTA_VIA:
		err = fmt.Errorf("reading a route: %w", ErrForeign)
	}
	return err
}

// encapsulationAttr reads an attribute of whatever encapsulation: its type
// may come after it, so odd lengths are not an error yet.
func (p *routeParser) encapsulationAttr(typ uint16, value []byte) error {
	switch {
	case typ == nl.LWTUNNEL_IP6_DST && len(value) == 16:
		p.route.CareOf = netip.AddrFrom16([16]byte(value))
	case typ == nl.LWTUNNEL_IP6_SRC && len(value) == 16:
		p.route.HomeAgent = netip.AddrFrom16([16]byte(value))
	case typ == nl.LWTUNNEL_IP6_HOPLIMIT && len(value) == 1:
		p.route.HopLimit = value[0]
	}
	return nil
}

func uint32Of(b []byte) (uint32, error) {
	if len(b) != 4 {
		return 0, fmt.Errorf("reading a number of %d octets, expected 4: %w", len(b), errShort)
	}
	return native.Uint32(b), nil
}
