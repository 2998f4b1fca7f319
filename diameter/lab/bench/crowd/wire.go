package crowd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// receiveBuffer takes what many home agents could send while we do something else.
const receiveBuffer = 32 << 20

// A wire sends and receives IPv6 packets on an interface, past the kernel.
type wire struct {
	index  int
	fd     int // file's
	file   *os.File
	closed atomic.Bool
}

// openWire opens an interface of the calling thread's network namespace.
func openWire(name string) (*wire, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("opening the interface %s: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w (CAP_NET_RAW is needed)", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IPV6), Ifindex: device.Index}),
	)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("binding a packet socket to %s: %w", name, err)
	}
	return &wire{index: device.Index, fd: fd, file: os.NewFile(uintptr(fd), name)}, nil
}

func bigEndian(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// send sends a packet to a neighbour.
func (w *wire) send(packet []byte, to net.HardwareAddr) error {
	address := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IPV6), Ifindex: w.index, Halen: uint8(len(to))}
	copy(address.Addr[:], to)
	if err := unix.Sendto(w.fd, packet, 0, address); err != nil {
		return fmt.Errorf("sending a packet: %w", err)
	}
	return nil
}

// serve hands over what is received, until the wire is closed. A packet is valid
// until handle returns.
func (w *wire) serve(handle func(packet []byte)) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	b := make([]byte, 64<<10)
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), b, 0)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return false
			case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
				continue
			case err != nil:
				failed = err
				return true
			}
			handle(b[:n])
		}
	})
	if w.closed.Load() {
		return nil
	}
	return errors.Join(err, failed)
}

// close ends serve.
func (w *wire) close() error {
	w.closed.Store(true)
	return w.file.Close()
}
