package ancillary

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sent is what the control messages say of a packet to send.
type Sent struct {
	// Source is the address of ours that the packet comes from; the zero Addr
	// leaves it to the kernel.
	Source netip.Addr
	// CareOf is where the packet goes first: it is sent there with a type 2
	// routing header that holds the destination (RFC 6275 section 6.4). The
	// zero Addr sends without.
	CareOf netip.Addr
}

// SendSpace is the capacity that [Append] needs at most.
var SendSpace = unix.CmsgSpace(unix.SizeofInet6Pktinfo) + unix.CmsgSpace(routingHeaderLength)

const routingHeaderLength = 24

// Append appends the control messages for one packet to b, which must be empty:
// the kernel wants them aligned from the start.
func Append(b []byte, s Sent) []byte {
	if s.Source.IsValid() {
		source := s.Source.As16()
		var data [unix.SizeofInet6Pktinfo]byte
		copy(data[:], source[:])
		b = appendMessage(b, unix.IPV6_PKTINFO, data[:])
	}
	if s.CareOf.IsValid() {
		header := typeTwo(s.CareOf)
		b = appendMessage(b, unix.IPV6_RTHDR, header[:])
	}
	return b
}

// typeTwo returns the routing header with the address that the kernel exchanges
// with the destination. It fills in Next Header itself.
func typeTwo(first netip.Addr) [routingHeaderLength]byte {
	address := first.As16()
	header := [routingHeaderLength]byte{
		1: routingHeaderLength/8 - 1,
		2: routingType2,
		3: 1, // Segments Left
	}
	copy(header[8:], address[:])
	return header
}

func appendMessage(b []byte, messageType int32, data []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, unix.CmsgSpace(len(data)))...)
	message := b[start:]
	// The width of the length is the machine's.
	length := uint64(unix.CmsgLen(len(data)))
	if unsafe.Sizeof(uintptr(0)) == 8 {
		binary.NativeEndian.PutUint64(message, length)
	} else {
		binary.NativeEndian.PutUint32(message, uint32(length))
	}
	level := message[unix.SizeofCmsghdr-8:]
	binary.NativeEndian.PutUint32(level, unix.IPPROTO_IPV6)
	binary.NativeEndian.PutUint32(level[4:], uint32(messageType))
	copy(message[unix.CmsgLen(0):], data)
	return b
}
