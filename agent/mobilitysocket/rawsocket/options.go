package rawsocket

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// control runs f on the file descriptor of conn.
func control(conn *net.IPConn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// setReceiveOptions asks for the control messages that ancillary.Parse reads and
// for a receive buffer, and takes down what the kernel gave.
func (s *Socket) setReceiveOptions() error {
	err := control(s.conn, func(fd int) error {
		return errors.Join(
			s.receiveMarks(fd),
			option(fd, "IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
			option(fd, "IPV6_RECVHOPLIMIT", unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1),
			option(fd, "IPV6_RECVDSTOPTS", unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, 1),
			option(fd, "IPV6_RECVRTHDR", unix.IPPROTO_IPV6, unix.IPV6_RECVRTHDR, 1),
			option(fd, "SO_RXQ_OVFL", unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1),
			setReceiveBuffer(fd, s.cfg.ReceiveBuffer),
		)
	})
	if err == nil {
		s.buffer, err = receiveBuffer(s.conn)
	}
	return err
}

// receiveMarks asks for packets' marks, which a kernel before 5.19 does not tell.
func (s *Socket) receiveMarks(fd int) error {
	err := option(fd, "SO_RCVMARK", unix.SOL_SOCKET, unix.SO_RCVMARK, 1)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return nil
	}
	s.marks = err == nil
	return err
}

// setReceiveBuffer goes beyond net.core.rmem_max if it may.
func setReceiveBuffer(fd, size int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) == nil {
		return nil
	}
	return option(fd, "SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, size)
}

func receiveBuffer(conn *net.IPConn) (size int, err error) {
	err = control(conn, func(fd int) error {
		size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return os.NewSyscallError("getsockopt SO_RCVBUF", err)
	})
	return size, err
}

func option(fd int, name string, level, number, value int) error {
	return os.NewSyscallError("setsockopt "+name, unix.SetsockoptInt(fd, level, number, value))
}

func filterTypes(conn *net.IPConn, types []ipv6.ICMPType) error {
	if len(types) == 0 {
		return nil
	}
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	for _, t := range types {
		filter.Accept(t)
	}
	return ipv6.NewPacketConn(conn).SetICMPFilter(&filter)
}

// bindForSending restricts conn to an interface, so that only routes through it
// count, and keeps it from receiving.
func bindForSending(conn *net.IPConn, index int) error {
	discard, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return fmt.Errorf("assembling a filter: %w", err)
	}
	if err := ipv6.NewPacketConn(conn).SetBPF(discard); err != nil {
		return err
	}
	return control(conn, func(fd int) error {
		return option(fd, "SO_BINDTOIFINDEX", unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index)
	})
}

// truncated tells from recvmsg's flags whether payload or control messages did
// not fit.
func truncated(flags int) bool { return flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 }
