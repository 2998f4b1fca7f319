package mobilenode

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The states which make the kernel write the Home Address option into what goes to
// the home agent, and accept type 2 routing headers in what comes from it (RFC 6275
// sections 6.3 and 6.4). The library knows no care-of address in a state.

const (
	routeOptimization = 2 // XFRM_MODE_ROUTEOPTIMIZATION
	wildcardReceiver  = 8 // XFRM_STATE_WILDRECV: any addresses in a received packet
)

// setHomeAddressOption makes a state for packets from home to agent, or changes
// its care-of address.
func (p *plane) setHomeAddressOption(careOf netip.Addr) error {
	body := extensionState(unix.IPPROTO_DSTOPTS, p.home, p.agent, 0)
	err := p.state(nl.XFRM_MSG_UPDSA, body, careOf)
	if errors.Is(err, unix.ESRCH) {
		err = p.state(nl.XFRM_MSG_NEWSA, body, careOf)
	}
	if err != nil {
		return fmt.Errorf("setting the Home Address option's care-of address to %s: %w", careOf, err)
	}
	return nil
}

// setRoutingHeader makes the one state for all type 2 routing headers received.
func (p *plane) setRoutingHeader() error {
	any := netip.IPv6Unspecified()
	body := extensionState(unix.IPPROTO_ROUTING, any, any, wildcardReceiver)
	if err := unless(p.state(nl.XFRM_MSG_NEWSA, body, any), unix.EEXIST); err != nil {
		return fmt.Errorf("accepting type 2 routing headers: %w", err)
	}
	return nil
}

func (p *plane) removeHomeAddressOption() error {
	return p.deleteState(unix.IPPROTO_DSTOPTS, p.home, p.agent)
}

func (p *plane) removeRoutingHeader() error {
	return p.deleteState(unix.IPPROTO_ROUTING, netip.IPv6Unspecified(), netip.IPv6Unspecified())
}

func extensionState(protocol uint8, from, to netip.Addr, flags uint8) *nl.XfrmUsersaInfo {
	body := &nl.XfrmUsersaInfo{Family: unix.AF_INET6, Mode: routeOptimization, Flags: flags}
	body.Saddr.FromIP(from.AsSlice())
	body.Id.Daddr.FromIP(to.AsSlice())
	body.Id.Proto = protocol
	body.Sel.Family = unix.AF_INET6
	body.Lft = nl.XfrmLifetimeCfg{
		SoftByteLimit: math.MaxUint64, HardByteLimit: math.MaxUint64,
		SoftPacketLimit: math.MaxUint64, HardPacketLimit: math.MaxUint64,
	}
	return body
}

func (p *plane) state(message int, body *nl.XfrmUsersaInfo, careOf netip.Addr) error {
	flags := 0
	if message == nl.XFRM_MSG_NEWSA {
		flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	request := p.request(message, flags)
	request.AddData(body)
	request.AddData(nl.NewRtAttr(nl.XFRMA_COADDR, careOf.AsSlice()))
	_, err := request.Execute(unix.NETLINK_XFRM, 0)
	return err
}

// deleteState removes a state; that there is none is fine.
func (p *plane) deleteState(protocol uint8, from, to netip.Addr) error {
	id := &nl.XfrmUsersaId{Family: unix.AF_INET6, Proto: protocol}
	id.Daddr.FromIP(to.AsSlice())
	source := new(nl.XfrmAddress)
	source.FromIP(from.AsSlice())
	request := p.request(nl.XFRM_MSG_DELSA, 0)
	request.AddData(id)
	request.AddData(nl.NewRtAttr(nl.XFRMA_SRCADDR, source.Serialize()))
	_, err := request.Execute(unix.NETLINK_XFRM, 0)
	if err := unless(err, unix.ESRCH); err != nil {
		return fmt.Errorf("removing the state for extension header %d: %w", protocol, err)
	}
	return nil
}

func (p *plane) request(message, flags int) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(message, flags|unix.NLM_F_ACK)
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_XFRM: p.xfrm}
	return request
}
