package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"

	"homeagent/agent/config"
)

// forwarding looks whether packets are forwarded at all, and where a home agent
// forwards them.
func forwarding(_ context.Context, p *patient) []Finding {
	n, err := p.network()
	if err != nil {
		return []Finding{cannot("forwarding", err)}
	}
	if !n.Forwarding {
		return []Finding{fail(setting("all", "forwarding", "1"), "the kernel does not forward IPv6 packets, so mobile nodes get none").
			atBoot(lastingSetting("all", "forwarding", "1"))}
	}
	var findings []Finding
	for name := range p.used(&n) {
		if i, there := n.iface(name); there && !i.Forwarding {
			findings = append(findings, warn(setting(name, "forwarding", "1"), "packets that come in at %s are not forwarded", name).about(name).
				atBoot(lastingSetting(name, "forwarding", "1")))
		}
	}
	if len(findings) == 0 {
		return []Finding{good("the kernel forwards IPv6 packets")}
	}
	return findings
}

// setting is the command for a setting of an interface.
func setting(device, key, value string) string {
	return fmt.Sprintf("sysctl -w %s=%s", settingName(device, key), value)
}

// settingName is a setting for sysctl. With slashes that takes the dots of an
// interface's name for what they are.
func settingName(device, key string) string {
	name := strings.Join([]string{"net", "ipv6", "conf", device, key}, "/")
	if !strings.Contains(device, ".") {
		name = strings.ReplaceAll(name, "/", ".")
	}
	return name
}

// used are the interfaces that the configuration speaks of.
func (p *patient) used(n *Network) map[string]bool {
	names := map[string]bool{}
	if p.cfg.Mobility.Interface != "" {
		names[p.cfg.Mobility.Interface] = true
	}
	for _, a := range p.cfg.HomeAgent.Addresses {
		if i, _, found := n.holder(a); found && i.Name != "lo" {
			names[i.Name] = true
		}
	}
	return names
}

// routerAdvertisements looks for the trap that Linux sets to those who turn on
// forwarding: it then ignores router advertisements, and a default route that
// came from one goes away.
func routerAdvertisements(_ context.Context, p *patient) []Finding {
	n, err := p.network()
	if err != nil {
		return []Finding{cannot("the default route", err)}
	}
	routes, err := p.routes()
	if err != nil {
		return []Finding{cannot("the default route", err)}
	}
	var findings []Finding
	for _, r := range routes {
		if r.To.Bits() != 0 || !r.Advertised || !n.Forwarding {
			continue
		}
		accept, err := fs.ReadFile(p.Files(), "proc/sys/net/ipv6/conf/"+r.Interface+"/accept_ra")
		if err == nil && strings.TrimSpace(string(accept)) != "2" {
			findings = append(findings, warn(setting(r.Interface, "accept_ra", "2"),
				"the default route comes from router advertisements at %s, which a box that forwards ignores: it goes away when it expires", r.Interface).about(r.Interface).
				atBoot(lastingSetting(r.Interface, "accept_ra", "2")))
		}
	}
	if len(findings) == 0 {
		return []Finding{good("no default route depends on router advertisements that are ignored")}
	}
	return findings
}

// addresses looks whether the home agent's addresses are on an interface that is
// up.
func addresses(_ context.Context, p *patient) []Finding {
	n, err := p.network()
	if err != nil {
		return []Finding{cannot("the home agent's addresses", err)}
	}
	var findings []Finding
	right := 0
	for _, a := range p.cfg.HomeAgent.Addresses {
		f := p.address(&n, a)
		if f.Status == OK {
			right++
			continue
		}
		findings = append(findings, f.about(a.String()))
	}
	if right > 0 {
		what := fmt.Sprintf("%d home agent addresses are", right)
		if right == 1 {
			what = "the home agent's address is"
		}
		if len(findings) > 0 {
			what = fmt.Sprintf("%d of %d home agent addresses are", right, right+len(findings))
		}
		findings = append([]Finding{good("%s on an interface that is up", what)}, findings...)
	}
	return findings
}

func (p *patient) address(n *Network, a netip.Addr) Finding {
	i, has, found := n.holder(a)
	switch {
	case !found:
		device, with := p.placeFor(n, a)
		return fail(addAddress(device, with), "the home agent's address %s is on no interface", a).atBoot(lastingAddress(device, with))
	case has.Duplicate:
		return fail("ip -6 address show dev "+i.Name, "another node on the link of %s has the home agent's address %s", i.Name, a)
	case !i.Up:
		return fail("ip link set "+i.Name+" up", "the interface %s with the home agent's address %s is down", i.Name, a).atBoot(lastingLink(i.Name))
	case has.Tentative:
		return warn("", "the home agent's address %s is still probed for duplicates on %s", a, i.Name)
	default:
		return good("the home agent's address %s is on %s", a, i.Name)
	}
}

// placeFor is where an address belongs, and with which length of its prefix: on the
// home link, on a link whose prefix it is of, or on none.
func (p *patient) placeFor(n *Network, a netip.Addr) (device string, with netip.Prefix) {
	if p.cfg.Mobility.HomeLink == config.Physical {
		for _, prefix := range p.cfg.Prefixes {
			if prefix.Prefix.Contains(a) {
				return p.cfg.Mobility.Interface, netip.PrefixFrom(a, prefix.Prefix.Bits())
			}
		}
	}
	for _, i := range n.Interfaces {
		for _, other := range i.Addresses {
			if other.Prefix.Bits() < 128 && other.Prefix.Masked().Contains(a) {
				return i.Name, netip.PrefixFrom(a, other.Prefix.Bits())
			}
		}
	}
	return "lo", netip.PrefixFrom(a, a.BitLen())
}

// prefixes looks where packets go for home addresses that nobody registered.
func prefixes(_ context.Context, p *patient) []Finding {
	routes, err := p.routes()
	if err != nil {
		return []Finding{cannot("the routes of the home prefixes", err)}
	}
	var findings []Finding
	for _, prefix := range p.cfg.Prefixes {
		f := virtualPrefix(routes, prefix.Prefix)
		if p.cfg.Mobility.HomeLink == config.Physical {
			f = p.physicalPrefix(routes, prefix.Prefix)
		}
		findings = append(findings, f.about(prefix.Prefix.String()))
	}
	return findings
}

// virtualPrefix expects a route that ends here: otherwise what is for a mobile
// node that is not registered goes back to where it came from, to and fro.
func virtualPrefix(routes []Route, prefix netip.Prefix) Finding {
	r, found := route(routes, prefix)
	switch {
	case !found, r.Reject:
		return good("packets to home addresses of %s that nobody registered end here", prefix)
	case r.Gateway.IsValid():
		repair := "ip -6 route add unreachable " + prefix.String()
		return warn(repair, "packets to home addresses of %s that nobody registered are sent on to %s, which sends them back", prefix, r.Gateway).
			atBoot(lastingRoute("lo", repair, prefix, ` and "Type=unreachable"`))
	case r.Interface == "lo":
		repair := "ip -6 route replace unreachable " + prefix.String()
		return warn(repair, "every address of %s is taken for one of this box, registered or not", prefix).
			atBoot(lastingRoute("lo", repair, prefix, ` and "Type=unreachable"`))
	default:
		return good("%s is on the link of %s", prefix, r.Interface)
	}
}

func (p *patient) physicalPrefix(routes []Route, prefix netip.Prefix) Finding {
	r, found := route(routes, prefix)
	if found && r.Interface == p.cfg.Mobility.Interface && !r.Gateway.IsValid() && r.To.Bits() > 0 {
		return good("%s is on the home link at %s", prefix, r.Interface)
	}
	repair := fmt.Sprintf("ip -6 route add %s dev %s", prefix, p.cfg.Mobility.Interface)
	return fail(repair, "the home prefix %s is not on the link of %s", prefix, p.cfg.Mobility.Interface).
		atBoot(lastingRoute(p.cfg.Mobility.Interface, repair, prefix, ""))
}

// homeLink looks at the interface of a physical home link.
func homeLink(ctx context.Context, p *patient) []Finding {
	if findings := homeLinkExists(ctx, p); len(findings) == 0 || findings[0].Status != OK {
		return findings
	}
	name := p.cfg.Mobility.Interface
	n, _ := p.network()
	switch i, _ := n.iface(name); {
	case !i.Up:
		return []Finding{fail("ip link set "+name+" up", "the interface %s of the home link is down", name).about(name).atBoot(lastingLink(name))}
	case !i.Running:
		return []Finding{fail("", "the interface %s of the home link has no carrier (is its cable plugged in?)", name).about(name)}
	default:
		return []Finding{good("the interface %s of the home link is up", name).about(name)}
	}
}

// homeLinkExists looks for the interface of a physical home link.
func homeLinkExists(_ context.Context, p *patient) []Finding {
	name := p.cfg.Mobility.Interface
	if p.cfg.Mobility.HomeLink != config.Physical {
		return nil
	}
	n, err := p.network()
	if err != nil {
		return []Finding{cannot("the home link", err)}
	}
	if _, found := n.iface(name); !found {
		return []Finding{fail("ip link show", "there is no interface %s", name).about(name).of("mobility.interface")}
	}
	return []Finding{good("the interface %s of mobility.interface exists", name).about(name)}
}
