package packetport

import (
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// perSocket is how many groups one socket can join: Linux takes them from
// net.core.optmem_max, whose default has room for some 350 (20 KiB before Linux
// 6.7).
const perSocket = 256

// memberships are a joiner on Linux: sockets that receive nothing but hold
// memberships of IPv6 groups, for which the kernel speaks MLD.
type memberships struct {
	index   int
	port    *os.File // the packet socket
	sockets []int
	count   []int
	where   map[netip.Addr]int // which of the sockets joined
}

var _ joiner = (*memberships)(nil)

func openMemberships(index int, port *os.File, limit int) (*memberships, error) {
	m := &memberships{index: index, port: port, where: map[netip.Addr]int{}}
	for range (limit + perSocket - 1) / perSocket {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			m.close()
			return nil, os.NewSyscallError("opening a socket for multicast groups", err)
		}
		m.sockets = append(m.sockets, fd)
	}
	m.count = make([]int, len(m.sockets))
	return m, nil
}

var errFull = errors.New("no socket has room for another group")

func (m *memberships) join(group netip.Addr) error {
	for i, fd := range m.sockets {
		if m.count[i] == perSocket {
			continue
		}
		if err := m.set(fd, unix.IPV6_JOIN_GROUP, group); err != nil {
			return os.NewSyscallError("setsockopt IPV6_JOIN_GROUP", err)
		}
		m.count[i]++
		m.where[group] = i
		return nil
	}
	return errFull
}

func (m *memberships) leave(group netip.Addr) error {
	i, ok := m.where[group]
	if !ok {
		return nil
	}
	delete(m.where, group)
	m.count[i]--
	return os.NewSyscallError("setsockopt IPV6_LEAVE_GROUP", m.set(m.sockets[i], unix.IPV6_LEAVE_GROUP, group))
}

func (m *memberships) set(fd, option int, group netip.Addr) error {
	return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, option, &unix.IPv6Mreq{
		Multiaddr: group.As16(), Interface: uint32(m.index),
	})
}

func (m *memberships) all(on bool) error {
	option := unix.PACKET_DROP_MEMBERSHIP
	if on {
		option = unix.PACKET_ADD_MEMBERSHIP
	}
	raw, err := m.port.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		inner = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, option, &unix.PacketMreq{
			Ifindex: int32(m.index), Type: unix.PACKET_MR_ALLMULTI,
		})
	})
	return errors.Join(err, os.NewSyscallError("setsockopt PACKET_MR_ALLMULTI", inner))
}

func (m *memberships) close() {
	for _, fd := range m.sockets {
		unix.Close(fd)
	}
	m.sockets = nil
}
