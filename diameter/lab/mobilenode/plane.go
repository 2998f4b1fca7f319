package mobilenode

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
)

// Names and numbers of what the node makes in its kernel.
const (
	tunnelName  = "mip6"
	tunnelTable = 1135 // routes of what is sent from the home address
	directRule  = 1134 // signalling goes on its own way
	tunnelRule  = 1135 // all else from the home address takes the tunnel
	policyRank  = 10
	// idleRank comes after all that could match: the policies are there for
	// migrations only.
	idleRank = 100
)

func (c *Config) rank() int {
	if c.Tunnelled {
		return idleRank
	}
	return policyRank
}

// A plane is the node's side of the kernel: extension headers, policies, tunnel.
type plane struct {
	netlink     *netlink.Handle
	xfrm        *nl.SocketHandle
	home, agent netip.Addr
	reqID       int
	rank        int // of the policies for signalling
	shields     []shield
}

func openPlane(config Config) (*plane, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_XFRM)
	if err != nil {
		return nil, fmt.Errorf("opening the kernel's tables: %w (CAP_NET_ADMIN is needed)", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_XFRM)
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("opening the kernel's IPsec tables: %w", err)
	}
	return &plane{
		netlink: handle, xfrm: &nl.SocketHandle{Socket: socket},
		home: config.HomeAddress, agent: config.HomeAgent,
		reqID: int(config.ReqID), rank: config.rank(), shields: config.shields(),
	}, nil
}

func (p *plane) close() {
	p.netlink.Close()
	p.xfrm.Close()
}

// away makes signalling carry the Home Address option with this care-of address,
// and the tunnel start there.
func (p *plane) away(careOf netip.Addr) error {
	return errors.Join(
		p.setRoutingHeader(),
		p.setHomeAddressOption(careOf),
		p.setPolicies(true),
		p.setShields(careOf),
		p.setTunnel(careOf),
	)
}

// atHome makes signalling plain (but for ESP) and takes the tunnel away: the home
// address is then the one on the node's interface.
func (p *plane) atHome() error {
	return errors.Join(p.setPolicies(false), p.dropShields(), p.removeHomeAddressOption(), p.dropTunnel())
}

func (p *plane) remove() error {
	var errs []error
	for _, policy := range p.policies(true) {
		errs = append(errs, unless(p.netlink.XfrmPolicyDel(&policy), unix.ENOENT))
	}
	errs = append(errs, p.dropShields(), p.removeHomeAddressOption(), p.removeRoutingHeader(), p.dropTunnel())
	return errors.Join(errs...)
}

// policies are those for Binding Updates out and Binding Acknowledgements in. The
// extension header comes after ESP in the list and before it in the packet.
func (p *plane) policies(away bool) []netlink.XfrmPolicy {
	out := p.policy(netlink.XFRM_DIR_OUT, p.home, p.agent, mobility.TypeBindingUpdate)
	in := p.policy(netlink.XFRM_DIR_IN, p.agent, p.home, mobility.TypeBindingAcknowledgement)
	if away {
		out.Tmpls = append(out.Tmpls, header(netlink.XFRM_PROTO_HAO))
		in.Tmpls = append(in.Tmpls, header(netlink.XFRM_PROTO_ROUTE2))
	}
	return []netlink.XfrmPolicy{out, in}
}

func (p *plane) policy(direction netlink.Dir, from, to netip.Addr, message mobility.Type) netlink.XfrmPolicy {
	return netlink.XfrmPolicy{
		Src: host(from), Dst: host(to), Dir: direction, Priority: p.rank,
		Proto: protocol, SrcPort: int(message), // the kernel keeps the MH Type there
		Tmpls: []netlink.XfrmPolicyTmpl{{
			Src: net.IPv6zero, Dst: net.IPv6zero,
			Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: p.reqID,
		}},
	}
}

func header(kind netlink.Proto) netlink.XfrmPolicyTmpl {
	return netlink.XfrmPolicyTmpl{
		Src: net.IPv6zero, Dst: net.IPv6zero,
		Proto: kind, Mode: netlink.XFRM_MODE_ROUTEOPTIMIZATION, Optional: 1,
	}
}

func (p *plane) setPolicies(away bool) error {
	for _, policy := range p.policies(away) {
		if err := p.netlink.XfrmPolicyUpdate(&policy); err != nil {
			return fmt.Errorf("setting the policy %s > %s: %w", policy.Src, policy.Dst, err)
		}
	}
	return nil
}

// unless takes an error for success.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

func host(address netip.Addr) *net.IPNet {
	return &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(128, 128)}
}

var everywhere = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
