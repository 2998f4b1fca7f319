package object

import (
	"fmt"
	"net/netip"
)

// Tunnel is the one device all mobile nodes' packets pass: an ip6tnl in
// external mode, whose outer addresses come from the route.
type Tunnel struct {
	Name  string
	Index int // given by the kernel
	MTU   int // octets
	Up    bool
}

// Command is the ip-link(8) command for doing v to t. A new device is down.
func (t Tunnel) Command(v Verb) string {
	state := "down"
	if t.Up {
		state = "up"
	}
	switch v {
	case Delete:
		return "ip link delete " + t.Name
	case Replace:
		return fmt.Sprintf("ip link set %s mtu %d %s", t.Name, t.MTU, state)
	default:
		return fmt.Sprintf("ip link add %s mtu %d type ip6tnl external", t.Name, t.MTU)
	}
}

// Gate is what stands at the tunnel's ingress once for all: the classifier
// and the filter that drops what no Filter lets pass.
type Gate struct {
	Device string
	Index  int
	// Classifier and Drop say which of the two parts exist.
	Classifier, Drop bool
}

// Command is the tc(8) commands for doing v to g.
func (g Gate) Command(v Verb) string {
	if v == Delete {
		return fmt.Sprintf("tc qdisc delete dev %s clsact", g.Device)
	}
	return fmt.Sprintf("tc qdisc add dev %[1]s clsact; "+
		"tc filter add dev %[1]s ingress protocol all prio %[2]d matchall action drop", g.Device, DropPreference)
}

// Preferences of the filters at the tunnel's ingress; the smaller is asked
// first.
const (
	PassPreference = 10
	DropPreference = 20
)

// Filter lets one mobile node's packets in: those whose outer addresses and
// inner source are as registered (RFC 6275 section 10.4.5).
type Filter struct {
	Device    string
	Index     int
	Handle    uint32 // chosen by us, at least 1
	CareOf    netip.Addr
	HomeAgent netip.Addr
	Source    netip.Prefix // of the inner packet
}

// Key returns what tells f from other filters.
func (f Filter) Key() uint32 { return f.Handle }

// Command is the tc-flower(8) command for doing v to f.
func (f Filter) Command(v Verb) string {
	id := fmt.Sprintf("tc filter %s dev %s ingress protocol ipv6 prio %d handle %d flower",
		v, f.Device, PassPreference, f.Handle)
	if v == Delete {
		return id
	}
	return fmt.Sprintf("%s enc_src_ip %s enc_dst_ip %s src_ip %s action pass", id, f.CareOf, f.HomeAgent, f.Source)
}

// Statistics counts what met a filter.
type Statistics struct {
	Packets, Octets, Dropped uint64
}

// Route leads to a mobile node through the tunnel.
type Route struct {
	Device    string
	Index     int
	Dst       netip.Prefix
	HomeAgent netip.Addr // outer source
	CareOf    netip.Addr // outer destination
	HopLimit  uint8      // of the outer header
}

// RouteProtocol and RouteMetric mark routes as ours. The metric comes before
// the kernel's 1024, and being different from it keeps a replacement from
// touching a route of someone else's to the same destination.
const (
	RouteProtocol = 135
	RouteMetric   = 135
)

// Key returns what tells r from our other routes.
func (r Route) Key() netip.Prefix { return r.Dst }

// Command is the ip-route(8) command for doing v to r.
func (r Route) Command(v Verb) string {
	text := fmt.Sprintf("ip -6 route %s %s", v, r.Dst)
	if v != Delete {
		text += fmt.Sprintf(" encap ip6 src %s dst %s hoplimit %d", r.HomeAgent, r.CareOf, r.HopLimit)
	}
	return text + fmt.Sprintf(" dev %s proto %d metric %d", r.Device, RouteProtocol, RouteMetric)
}

func (Tunnel) isObject() {}
func (Gate) isObject()   {}
func (Filter) isObject() {}
func (Route) isObject()  {}
