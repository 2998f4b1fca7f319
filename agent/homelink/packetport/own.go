package packetport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// ownAddresses asks the kernel whether it has an address, one address at a time:
// a list of all of them is long where a home agent has many.
type ownAddresses struct {
	mu sync.Mutex
	fd int // a routing netlink socket
}

func openOwnAddresses() (*ownAddresses, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("opening a routing netlink socket", err)
	}
	return &ownAddresses{fd: fd}, nil
}

// has reports whether an interface has a link-local address, or any interface
// another address.
func (o *ownAddresses) has(a netip.Addr, index int) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !a.IsLinkLocalUnicast() {
		index = 0
	}
	err := unix.Sendto(o.fd, addressRequest(a, index), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err != nil {
		return false, os.NewSyscallError("asking the kernel for an address", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(o.fd, answer, 0)
	if err != nil {
		return false, os.NewSyscallError("asking the kernel for an address", err)
	}
	return addressAnswer(answer[:n])
}

// addressRequest is an RTM_GETADDR for one address: a netlink header, an ifaddrmsg
// and the address as an attribute.
func addressRequest(a netip.Addr, index int) []byte {
	const length = unix.NLMSG_HDRLEN + unix.SizeofIfAddrmsg + unix.SizeofRtAttr + 16
	b := binary.NativeEndian.AppendUint32(nil, length)
	b = binary.NativeEndian.AppendUint16(b, unix.RTM_GETADDR)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...) // sequence, port
	b = append(b, unix.AF_INET6, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint16(b, unix.SizeofRtAttr+16)
	b = binary.NativeEndian.AppendUint16(b, unix.IFA_ADDRESS)
	return append(b, a.AsSlice()...)
}

// addressAnswer reads the reply: the address, or an error that says it is not there.
func addressAnswer(b []byte) (bool, error) {
	if len(b) < unix.NLMSG_HDRLEN+4 {
		return false, fmt.Errorf("asking the kernel for an address: answer of %d octets", len(b))
	}
	switch kind := binary.NativeEndian.Uint16(b[4:]); kind {
	case unix.RTM_NEWADDR:
		return true, nil
	case unix.NLMSG_ERROR:
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:])))
		if errors.Is(errno, unix.EADDRNOTAVAIL) {
			return false, nil
		}
		return false, os.NewSyscallError("asking the kernel for an address", errno)
	default:
		return false, fmt.Errorf("asking the kernel for an address: answer of type %d", kind)
	}
}

func (o *ownAddresses) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fd >= 0 {
		unix.Close(o.fd)
	}
	o.fd = -1
}
