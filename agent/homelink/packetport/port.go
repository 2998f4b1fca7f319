package packetport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"homeagent/agent/homelink/neighbor"
)

// MaxPacket is the size of the longest message that is received whole; a longer one
// cannot be a sound Neighbor Discovery message of Ethernet.
const MaxPacket = 1500

// receiveBuffer takes some thousand messages that come at once.
const receiveBuffer = 4 << 20

// A Port is an open interface. Receive is for one goroutine, Join and Leave are for
// one at a time; Send and Close are for any.
type Port struct {
	name   string
	index  int
	link   neighbor.LinkAddress
	source netip.Addr
	file   *os.File
	groups *groups
	own    *ownAddresses
}

// Config says how an interface is opened.
type Config struct {
	// MaxGroups is how many multicast groups are joined at most,
	// DefaultMaxGroups if zero.
	MaxGroups int
}

// Open opens an interface of the network namespace of the calling thread.
func Open(name string, cfg Config) (*Port, error) {
	own, link, err := ethernet(name)
	if err != nil {
		return nil, err
	}
	source, err := sourceOf(own)
	if err != nil {
		return nil, err
	}
	file, err := listen(own)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket on %s (CAP_NET_RAW is needed): %w", name, err)
	}
	p := &Port{name: name, index: own.Index, link: link, source: source, file: file}
	if err := p.openRest(cfg); err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

func (p *Port) openRest(cfg Config) error {
	if cfg.MaxGroups == 0 {
		cfg.MaxGroups = DefaultMaxGroups
	}
	members, err := openMemberships(p.index, p.file, cfg.MaxGroups)
	if err != nil {
		return err
	}
	p.groups = newGroups(members, cfg.MaxGroups)
	if p.own, err = openOwnAddresses(); err != nil {
		p.groups.close()
	}
	return err
}

// ethernet returns an interface that is up and of Ethernet's kind.
func ethernet(name string) (*net.Interface, neighbor.LinkAddress, error) {
	own, err := net.InterfaceByName(name)
	switch {
	case err != nil:
		return nil, neighbor.LinkAddress{}, fmt.Errorf("finding the home link's interface %q: %w", name, err)
	case own.Flags&net.FlagUp == 0:
		return nil, neighbor.LinkAddress{}, fmt.Errorf("opening the home link's interface %q: it is down (ip link set %s up)", name, name)
	case len(own.HardwareAddr) != len(neighbor.LinkAddress{}):
		return nil, neighbor.LinkAddress{}, fmt.Errorf("opening the home link's interface %q: its link-layer address %q is not one of Ethernet (a home prefix that is only routed here needs a virtual home link)", name, own.HardwareAddr)
	}
	return own, neighbor.LinkAddress(own.HardwareAddr), nil
}

// sourceOf returns the address that advertisements come from: the interface's
// link-local address.
func sourceOf(own *net.Interface) (netip.Addr, error) {
	networks, err := own.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("listing the addresses of %s: %w", own.Name, err)
	}
	for _, n := range networks {
		prefix, err := netip.ParsePrefix(n.String())
		if err == nil && prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("finding the link-local address of %s: it has none (is IPv6 disabled there?)", own.Name)
}

// listen opens the socket. It begins to receive with bind, when the filter is there.
func listen(own *net.Interface) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	address := &unix.SockaddrLinklayer{Protocol: ethernetIPv6(), Ifindex: own.Index}
	err = attachFilter(fd)
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, address))
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	return os.NewFile(uintptr(fd), "packet socket on "+own.Name), nil
}

// ethernetIPv6 returns the EtherType, in network order, as an integer of this
// machine.
func ethernetIPv6() uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IPV6))
}

// attachFilter lets through what can be a Neighbor Solicitation or Advertisement of
// a node on the link: ICMPv6 right after the IPv6 header, hop limit 255, and not on
// its way to another node's link-layer address (as seen in promiscuous mode).
func attachFilter(fd int) error {
	const discard = 0
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: unix.PACKET_OTHERHOST, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 6, Size: 2}, // Next Header, Hop Limit
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58<<8 | 255, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 40, Size: 1}, // Type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 135, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 136, SkipTrue: 1},
		bpf.RetConstant{Val: MaxPacket},
		bpf.RetConstant{Val: discard},
	})
	if err != nil {
		return fmt.Errorf("assembling a filter: %w", err)
	}
	filters := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filters[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog))
}

// LinkAddress returns the interface's link-layer address.
func (p *Port) LinkAddress() neighbor.LinkAddress { return p.link }

// Source returns the address that advertisements come from.
func (p *Port) Source() netip.Addr { return p.source }

// Own reports whether an address is this host's own now; its kernel does not answer
// to messages of this port, so probing could not find that out.
func (p *Port) Own(a netip.Addr) (bool, error) { return p.own.has(a, p.index) }

// Receive waits for an IPv6 packet and returns its length in b and who sent it. It
// fails with os.ErrClosed after Close, and with some other error when the interface
// is gone.
func (p *Port) Receive(b []byte) (n int, from neighbor.LinkAddress, err error) {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return 0, from, err
	}
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		n, from, inner = receive(int(fd), b)
		return !errors.Is(inner, unix.EAGAIN)
	})
	if err == nil && inner != nil {
		err = fmt.Errorf("receiving on %s: %w", p.name, inner)
	}
	return n, from, err
}

func receive(fd int, b []byte) (int, neighbor.LinkAddress, error) {
	n, address, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return 0, neighbor.LinkAddress{}, os.NewSyscallError("recvfrom", err)
	}
	from, ok := address.(*unix.SockaddrLinklayer)
	if !ok || from.Halen != 6 {
		return n, neighbor.LinkAddress{}, nil
	}
	return n, neighbor.LinkAddress(from.Addr[:6]), nil
}

// Send sends an IPv6 packet to a link-layer address. It does not wait.
func (p *Port) Send(to neighbor.LinkAddress, packet []byte) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	address := &unix.SockaddrLinklayer{Protocol: ethernetIPv6(), Ifindex: p.index, Halen: 6}
	copy(address.Addr[:], to[:])
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = unix.Sendto(int(fd), packet, 0, address) }); err != nil {
		return err
	}
	if inner != nil {
		return fmt.Errorf("sending on %s: %w", p.name, os.NewSyscallError("sendto", inner))
	}
	return nil
}

// Join receives what is sent to a multicast group; at most once for each group.
func (p *Port) Join(group netip.Addr) error {
	if err := p.groups.join(group); err != nil {
		return fmt.Errorf("joining %s on %s: %w", group, p.name, err)
	}
	return nil
}

// Leave ends a Join.
func (p *Port) Leave(group netip.Addr) error {
	if err := p.groups.leave(group); err != nil {
		return fmt.Errorf("leaving %s on %s: %w", group, p.name, err)
	}
	return nil
}

// Groups returns how many groups are joined, and how many are received only because
// all multicast packets are.
func (p *Port) Groups() (joined, beyond int) { return p.groups.sizes() }

// Close closes the port; all groups are left.
func (p *Port) Close() error {
	p.groups.close()
	p.own.close()
	return p.file.Close()
}
