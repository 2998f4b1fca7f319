package testbed

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// A Link is an Ethernet segment: a bridge that no host can see, with one port for
// each interface plugged in.
type Link struct {
	name   string
	bed    *Bed
	bridge *netlink.Bridge
}

// Link adds a segment. The name is for messages, at most 15 characters long.
func (b *Bed) Link(name string) (*Link, error) {
	snooping := false // would hold back solicitations that nobody has joined for
	bridge := &netlink.Bridge{
		LinkAttrs:         netlink.LinkAttrs{Name: name, TxQLen: -1},
		MulticastSnooping: &snooping,
	}
	if err := b.wires.link.LinkAdd(bridge); err != nil {
		return nil, fmt.Errorf("making link %s: %w", name, err)
	}
	return &Link{name: name, bed: b, bridge: bridge}, b.wires.Up(name)
}

// String returns the link's name.
func (l *Link) String() string { return l.name }

// Attach plugs an interface of a host into the link and gives it the addresses.
// An interface that is plugged in elsewhere is moved, as by pulling its cable and
// plugging it in here; its addresses and routes are then the caller's business.
// One that does not exist is made.
func (l *Link) Attach(h *Host, name string, addresses ...netip.Prefix) error {
	if err := l.plug(h, name); err != nil {
		return fmt.Errorf("plugging %s of %s into %s: %w", name, h.name, l.name, err)
	}
	for _, address := range addresses {
		if err := h.AddAddress(name, address); err != nil {
			return err
		}
	}
	return nil
}

// Detach pulls the cable of an interface: its carrier is lost, its addresses stay.
func (b *Bed) Detach(h *Host, name string) error {
	port, err := b.port(h, name)
	if err != nil {
		return fmt.Errorf("unplugging %s of %s: %w", name, h.name, err)
	}
	wires := b.wires.link
	if err := errors.Join(wires.LinkSetDown(port), wires.LinkSetNoMaster(port)); err != nil {
		return fmt.Errorf("unplugging %s of %s: %w", name, h.name, err)
	}
	return nil
}

func (l *Link) plug(h *Host, name string) error {
	port, err := l.bed.port(h, name)
	var none netlink.LinkNotFoundError
	if errors.As(err, &none) {
		port, err = l.bed.wire(h, name)
	}
	if err != nil {
		return err
	}
	wires := l.bed.wires.link
	if err := wires.LinkSetMaster(port, l.bridge); err != nil {
		return err
	}
	return errors.Join(wires.LinkSetUp(port), h.Up(name))
}

// port returns the far end of a host's interface, which carries its name as alias.
func (b *Bed) port(h *Host, name string) (netlink.Link, error) {
	return b.wires.link.LinkByAlias(h.name + " " + name)
}

// wire makes a pair of interfaces from the host to the room of the bridges.
func (b *Bed) wire(h *Host, name string) (netlink.Link, error) {
	b.ports++
	attrs := netlink.LinkAttrs{Name: fmt.Sprintf("port%d", b.ports), TxQLen: -1}
	pair := &netlink.Veth{
		LinkAttrs:     attrs,
		PeerName:      name,
		PeerNamespace: netlink.NsFd(h.namespace),
	}
	wires := b.wires.link
	if err := wires.LinkAdd(pair); err != nil {
		return nil, err
	}
	return pair, wires.LinkSetAlias(pair, h.name+" "+name)
}
