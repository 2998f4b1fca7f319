package wiretest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Wire is an Ethernet interface seen from below. It captures from when it is
// opened, except what it sends itself.
type Wire struct {
	fd  int
	own *net.Interface
}

// Open opens an interface of the network namespace of the calling thread.
func Open(name string) (*Wire, error) {
	own, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("opening a packet socket", err)
	}
	// The kernel's defaults would lose a burst.
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	address := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: own.Index}
	if err := unix.Bind(fd, address); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("binding to "+name, err)
	}
	return &Wire{fd: fd, own: own}, nil
}

func bigEndian(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// Close stops capturing.
func (w *Wire) Close() error { return unix.Close(w.fd) }

// Interface returns the interface.
func (w *Wire) Interface() *net.Interface { return w.own }

// Send sends a packet to the link-layer address p.To.
func (w *Wire) Send(p *Packet) error {
	address := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IPV6), Ifindex: w.own.Index, Halen: uint8(len(p.To))}
	copy(address.Addr[:], p.To)
	return os.NewSyscallError("sending", unix.Sendto(w.fd, p.Append(nil), 0, address))
}

// ErrNothing says that no packet came in time.
var ErrNothing = errors.New("capturing: nothing that matches came in time")

// Await returns the next IPv6 packet that matches, received or sent by this host's
// kernel; what does not match is lost. It waits for a given time at most.
func (w *Wire) Await(wait time.Duration, match func(*Packet) bool) (*Packet, error) {
	end := time.Now().Add(wait)
	for left := wait; left > 0; left = time.Until(end) {
		p, err := w.next(left)
		if err != nil {
			return nil, err
		}
		if p != nil && match(p) {
			return p, nil
		}
	}
	return nil, ErrNothing
}

// Drain forgets what was captured so far.
func (w *Wire) Drain() {
	b := make([]byte, 1)
	for {
		if _, _, err := unix.Recvfrom(w.fd, b, unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

// next returns nil if something else than an IPv6 packet came, or nothing.
func (w *Wire) next(wait time.Duration) (*Packet, error) {
	timeout := unix.NsecToTimeval(max(wait, time.Microsecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	b := make([]byte, 65536)
	n, from, err := unix.Recvfrom(w.fd, b, 0)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("capturing", err)
	}
	p, err := Parse(b[:n])
	if err != nil {
		return nil, nil
	}
	p.From = sender(from)
	return p, nil
}

func sender(from unix.Sockaddr) net.HardwareAddr {
	if a, ok := from.(*unix.SockaddrLinklayer); ok && int(a.Halen) <= len(a.Addr) {
		return net.HardwareAddr(a.Addr[:a.Halen])
	}
	return nil
}
