package mobilenode

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
)

// A herald tells the home link that the node is back: neighbours which took the
// home agent for it learn its own link-layer address (RFC 6275 section 11.5.5).
type herald struct {
	conn   *icmp.PacketConn
	home   netip.Addr
	device string
}

// ndpHops is the hop limit by which neighbours know that a message is from their
// own link (RFC 4861 section 7.1.2).
const ndpHops = 255

func openHerald(home netip.Addr, device string) (*herald, error) {
	conn, err := icmp.ListenPacket("ip6:ipv6-icmp", "::")
	if err != nil {
		return nil, fmt.Errorf("opening the ICMPv6 socket: %w (CAP_NET_RAW is needed)", err)
	}
	var nothing ipv6.ICMPFilter
	nothing.SetAll(true)
	if err := conn.IPv6PacketConn().SetICMPFilter(&nothing); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the ICMPv6 socket's ears: %w", err), conn.Close())
	}
	return &herald{conn: conn, home: home, device: device}, nil
}

func (h *herald) close() error { return h.conn.Close() }

// announce multicasts an unsolicited Neighbor Advertisement that overrides what
// neighbours have.
func (h *herald) announce(handle *netlink.Handle) error {
	link, err := handle.LinkByName(h.device)
	if err != nil {
		return fmt.Errorf("announcing %s: %w", h.home, err)
	}
	packet, err := ndp.MarshalMessage(advertisement(h.home, link.Attrs().HardwareAddr))
	if err != nil {
		return fmt.Errorf("announcing %s: %w", h.home, err)
	}
	control := &ipv6.ControlMessage{HopLimit: ndpHops, Src: h.home.AsSlice(), IfIndex: link.Attrs().Index}
	_, err = h.conn.IPv6PacketConn().WriteTo(packet, control, &net.IPAddr{IP: net.IPv6linklocalallnodes})
	if err != nil {
		return fmt.Errorf("announcing %s: %w", h.home, err)
	}
	return nil
}

func advertisement(home netip.Addr, hardware net.HardwareAddr) ndp.Message {
	return &ndp.NeighborAdvertisement{
		Override:      true,
		TargetAddress: home,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: hardware}},
	}
}
