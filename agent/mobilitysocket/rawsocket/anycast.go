package rawsocket

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// JoinAnycast makes this host one of those that have an anycast address, on an
// interface given by its index, until the socket is closed. It needs CAP_NET_ADMIN,
// and a host that forwards packets unless the address is on the interface's link.
func (s *Socket) JoinAnycast(a netip.Addr, index int) error {
	err := control(s.conn, func(fd int) error {
		return os.NewSyscallError("setsockopt IPV6_JOIN_ANYCAST", unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_ANYCAST, &unix.IPv6Mreq{
			Multiaddr: a.As16(), Interface: uint32(index),
		}))
	})
	if err != nil {
		return fmt.Errorf("joining anycast address %s on interface %d (CAP_NET_ADMIN and net.ipv6.conf.all.forwarding=1 are needed): %w", a, index, err)
	}
	return nil
}
