package mobilenode

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	noEncapLimit = 1 // IP6_TNL_F_IGN_ENCAP_LIMIT: no option header of our own
	tunnelHops   = 64
	noLinkLocal  = 1 // IN6_ADDR_GEN_MODE_NONE: else it solicits routers through the tunnel
)

// setTunnel makes the tunnel between care-of address and home agent, or moves its
// near end. The home address lives on it while the node is away.
func (p *plane) setTunnel(careOf netip.Addr) error {
	tunnel := &netlink.Ip6tnl{
		LinkAttrs: netlink.LinkAttrs{Name: tunnelName},
		Local:     careOf.AsSlice(), Remote: p.agent.AsSlice(),
		Proto: unix.IPPROTO_IPV6, Flags: noEncapLimit, Ttl: tunnelHops,
	}
	err := p.netlink.LinkAdd(tunnel)
	if errors.Is(err, unix.EEXIST) {
		if err := p.netlink.LinkModify(tunnel); err != nil {
			return fmt.Errorf("moving the tunnel's end to %s: %w", careOf, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("making the tunnel from %s to %s: %w", careOf, p.agent, err)
	}
	return p.useTunnel()
}

// useTunnel gives a new tunnel the home address and all that is sent from it,
// except what is for the home agent itself: the signalling.
func (p *plane) useTunnel() error {
	link, err := p.netlink.LinkByName(tunnelName)
	if err != nil {
		return fmt.Errorf("finding the tunnel: %w", err)
	}
	address := &netlink.Addr{IPNet: host(p.home), Flags: unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS}
	route := &netlink.Route{
		Dst: everywhere, LinkIndex: link.Attrs().Index, Table: tunnelTable,
	}
	err = errors.Join(
		p.netlink.LinkSetIP6AddrGenMode(link, noLinkLocal),
		p.netlink.LinkSetUp(link),
		p.netlink.AddrReplace(link, address),
		p.netlink.RouteReplace(route),
	)
	for _, rule := range p.rules() {
		err = errors.Join(err, unless(p.netlink.RuleAdd(rule), unix.EEXIST))
	}
	if err != nil {
		return fmt.Errorf("sending through the tunnel: %w", err)
	}
	return p.awaitHome()
}

// awaitHome waits until packets to the home address are taken in: the kernel sees
// to that in the background, and an acknowledgement that comes earlier is dropped.
func (p *plane) awaitHome() error {
	for range 1000 {
		routes, err := p.netlink.RouteGet(p.home.AsSlice())
		if err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("waiting for home address %s to be in use: still not after a second", p.home)
}

// dropTunnel removes the tunnel and with it the home address and the routes; that
// there is none is fine.
func (p *plane) dropTunnel() error {
	var errs []error
	for _, rule := range p.rules() {
		errs = append(errs, unless(p.netlink.RuleDel(rule), unix.ENOENT))
	}
	link, err := p.netlink.LinkByName(tunnelName)
	var none netlink.LinkNotFoundError
	switch {
	case errors.As(err, &none):
	case err != nil:
		errs = append(errs, err)
	default:
		errs = append(errs, p.netlink.LinkDel(link))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing the tunnel: %w", err)
	}
	return nil
}

func (p *plane) rules() []*netlink.Rule {
	direct, tunnelled := netlink.NewRule(), netlink.NewRule()
	direct.Family, direct.Priority, direct.Table = unix.AF_INET6, directRule, unix.RT_TABLE_MAIN
	direct.Src, direct.Dst = host(p.home), host(p.agent)
	tunnelled.Family, tunnelled.Priority, tunnelled.Table = unix.AF_INET6, tunnelRule, tunnelTable
	tunnelled.Src = host(p.home)
	return []*netlink.Rule{direct, tunnelled}
}
