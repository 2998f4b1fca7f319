package crowd

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// A Node is one mobile node as its home agent knows it.
type Node struct {
	HomeAddress, HomeAgent netip.Addr
	// Gateway is the link-layer address of the way to the home agent.
	Gateway net.HardwareAddr
	// ReqID is what ties its security associations together on the home agent.
	ReqID uint32
	// SPI is that of the security association to the home agent. The one back
	// has the next number.
	SPI uint32
}

// replayWindow is what charon asks for.
const replayWindow = 32

// Associate makes the node's pair of security associations in the home agent's
// kernel, as charon would have: in transport mode between home address and home
// agent, with selectors for nothing but Mobility Headers between them.
func (n *Node) Associate(agent *netlink.Handle) error {
	for _, state := range []*netlink.XfrmState{
		n.state(n.HomeAddress, n.HomeAgent, n.SPI), n.state(n.HomeAgent, n.HomeAddress, n.SPI+1),
	} {
		if err := agent.XfrmStateAdd(state); err != nil {
			return fmt.Errorf("making the security association from %s to %s: %w", state.Src, state.Dst, err)
		}
	}
	return nil
}

func (n *Node) state(from, to netip.Addr, spi uint32) *netlink.XfrmState {
	return &netlink.XfrmState{
		Src: from.AsSlice(), Dst: to.AsSlice(), Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT,
		Spi: int(spi), Reqid: int(n.ReqID), ReplayWindow: replayWindow,
		Auth:     &netlink.XfrmStateAlgo{Name: "hmac(sha256)", Key: authenticationKey, TruncateLen: checkSize * 8},
		Crypt:    &netlink.XfrmStateAlgo{Name: "cbc(aes)", Key: encryptionKey},
		Selector: &netlink.XfrmPolicy{Src: host(from), Dst: host(to), Proto: headerMobility},
	}
}

func host(a netip.Addr) *net.IPNet { return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(128, 128)} }
