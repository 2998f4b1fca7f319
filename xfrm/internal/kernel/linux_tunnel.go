package kernel

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// alias marks a device as ours, next to its name.
const alias = "homeagent"

const noLinkLocal = 1 // IN6_ADDR_GEN_MODE_NONE

// Tunnel looks the tunnel device up by its name. A device of that name and
// another kind is an error.
func (l *Linux) Tunnel(name string) (object.Tunnel, bool, error) {
	link, err := l.handle.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return object.Tunnel{}, false, nil
	}
	if err != nil {
		return object.Tunnel{}, false, fmt.Errorf("looking up the device %s: %w", name, hint(err))
	}
	t, ok := tunnelOf(link)
	if !ok {
		return t, false, fmt.Errorf("looking up the device %s: it is no ip6tnl in external mode, "+
			"so it is not ours; rename it or configure another name", name)
	}
	return t, true, nil
}

// OwnTunnels lists the devices marked as ours, whatever their names.
func (l *Linux) OwnTunnels() ([]object.Tunnel, error) {
	links, err := l.handle.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing devices: %w", hint(err))
	}
	var list []object.Tunnel
	for _, link := range links {
		if t, ok := tunnelOf(link); ok && link.Attrs().Alias == alias {
			list = append(list, t)
		}
	}
	return list, nil
}

func tunnelOf(link netlink.Link) (object.Tunnel, bool) {
	tunnel, ok := link.(*netlink.Ip6tnl)
	if !ok || !tunnel.FlowBased {
		return object.Tunnel{}, false
	}
	a := tunnel.Attrs()
	return object.Tunnel{Name: a.Name, Index: a.Index, MTU: a.MTU, Up: a.RawFlags&unix.IFF_UP != 0}, true
}

func (l *Linux) applyTunnel(v object.Verb, t object.Tunnel) error {
	link := &netlink.Ip6tnl{LinkAttrs: netlink.LinkAttrs{Name: t.Name, Index: t.Index}, FlowBased: true}
	switch v {
	case object.Delete:
		return l.handle.LinkDel(link)
	case object.Replace:
		return l.adjustTunnel(link, t)
	default:
		return l.addTunnel(link, t)
	}
}

func (l *Linux) addTunnel(link *netlink.Ip6tnl, t object.Tunnel) error {
	link.MTU = t.MTU
	err := l.handle.LinkAdd(link)
	if errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("%w (the kernel allows one ip6tnl in external mode; another one is there)", err)
	}
	if err != nil {
		return err
	}
	if err := l.handle.LinkSetAlias(link, alias); err != nil {
		return err
	}
	// Nobody is at the other end to use a link-local address with.
	return l.handle.LinkSetIP6AddrGenMode(link, noLinkLocal)
}

func (l *Linux) adjustTunnel(link netlink.Link, t object.Tunnel) error {
	if err := l.handle.LinkSetMTU(link, t.MTU); err != nil {
		return err
	}
	if !t.Up {
		return l.handle.LinkSetDown(link)
	}
	return l.handle.LinkSetUp(link)
}

// Gate tells what stands at the tunnel's ingress.
func (l *Linux) Gate(t object.Tunnel) (object.Gate, error) {
	g := object.Gate{Device: t.Name, Index: t.Index}
	qdiscs, err := l.handle.QdiscList(&netlink.Ip6tnl{LinkAttrs: netlink.LinkAttrs{Index: t.Index}})
	if err != nil {
		return g, fmt.Errorf("listing the queueing disciplines of %s: %w", t.Name, hint(err))
	}
	for _, q := range qdiscs {
		if q.Type() == "clsact" {
			g.Classifier = true
		}
	}
	if !g.Classifier {
		return g, nil
	}
	drops, err := l.drops(t)
	g.Drop = len(drops) == 1
	return g, err
}

// drops lists the statistics of the filters that drop what no other lets in:
// there should be one.
func (l *Linux) drops(t object.Tunnel) ([]object.Statistics, error) {
	body := wire.AppendFilterDump(nil, t.Index, object.DropPreference)
	list, err := dump(l, unix.NETLINK_ROUTE, unix.RTM_GETTFILTER, body, unix.RTM_NEWTFILTER, wire.ParseDrop)
	if err != nil {
		return nil, fmt.Errorf("listing the filters of %s: %w", t.Name, hint(err))
	}
	return list, nil
}

func (l *Linux) applyGate(v object.Verb, g object.Gate) error {
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: g.Index,
		Handle:    netlink.MakeHandle(0xffff, 0),
		Parent:    netlink.HANDLE_CLSACT,
	}}
	if v == object.Delete {
		return l.handle.QdiscDel(qdisc)
	}
	if err := l.handle.QdiscAdd(qdisc); err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	// A matchall filter cannot be replaced.
	err := l.exchange(unix.NETLINK_ROUTE, unix.RTM_DELTFILTER, 0, wire.AppendDropID(nil, g.Index))
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return l.exchange(unix.NETLINK_ROUTE, unix.RTM_NEWTFILTER, createNew, wire.AppendDrop(nil, g.Index))
}

// put makes the kernel add or replace.
const put = unix.NLM_F_CREATE | unix.NLM_F_REPLACE

// Filters lists the filters which let mobile nodes' packets in.
func (l *Linux) Filters(t object.Tunnel) ([]object.Filter, error) {
	body := wire.AppendFilterDump(nil, t.Index, object.PassPreference)
	parse := func(b []byte) (object.Filter, error) {
		f, _, err := wire.ParseFilter(b)
		f.Device = t.Name
		return f, err
	}
	list, err := dump(l, unix.NETLINK_ROUTE, unix.RTM_GETTFILTER, body, unix.RTM_NEWTFILTER, parse)
	if err != nil {
		return nil, fmt.Errorf("listing the filters of %s: %w", t.Name, hint(err))
	}
	return list, nil
}

// applyFilter changes one filter. The kernel replaces it by making the new one
// seen before the old one is not.
func (l *Linux) applyFilter(v object.Verb, f object.Filter) error {
	switch v {
	case object.Delete:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_DELTFILTER, 0, wire.AppendFilterID(nil, f))
	case object.Replace:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_NEWTFILTER, put, wire.AppendFilter(nil, f))
	default:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_NEWTFILTER, createNew, wire.AppendFilter(nil, f))
	}
}

// Routes lists the routes to mobile nodes.
func (l *Linux) Routes(t object.Tunnel) ([]object.Route, error) {
	parse := func(b []byte) (object.Route, error) {
		r, err := wire.ParseRoute(b)
		if err == nil && r.Index != t.Index {
			err = wire.ErrForeign
		}
		r.Device = t.Name
		return r, err
	}
	body := wire.AppendRouteDump(nil, t.Index)
	list, err := dump(l, unix.NETLINK_ROUTE, unix.RTM_GETROUTE, body, unix.RTM_NEWROUTE, parse)
	if err != nil {
		return nil, fmt.Errorf("listing the routes through %s: %w", t.Name, hint(err))
	}
	return list, nil
}

func (l *Linux) applyRoute(v object.Verb, r object.Route) error {
	body := wire.AppendRoute(nil, r, v == object.Delete)
	switch v {
	case object.Delete:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_DELROUTE, 0, body)
	case object.Replace:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, put, body)
	default:
		return l.exchange(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, createNew, body)
	}
}

// Statistics counts what came through the tunnel for one binding, and Dropped
// what no filter let in.
func (l *Linux) Statistics(f object.Filter) (object.Statistics, error) {
	b, err := l.get(unix.NETLINK_ROUTE, unix.RTM_GETTFILTER, wire.AppendFilterID(nil, f), unix.RTM_NEWTFILTER)
	if err != nil {
		return object.Statistics{}, fmt.Errorf("reading the counters of filter %d on %s: %w", f.Handle, f.Device, hint(err))
	}
	_, s, err := wire.ParseFilter(b)
	return s, err
}

// Dropped counts the packets that no filter let in.
func (l *Linux) Dropped(t object.Tunnel) (uint64, error) {
	drops, err := l.drops(t)
	if err != nil || len(drops) == 0 {
		return 0, err
	}
	return drops[0].Dropped, nil
}

// strict lets the kernel pick what a dump shows.
func strict(s *nl.NetlinkSocket) error {
	return unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
}
