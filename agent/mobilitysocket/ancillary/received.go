package ancillary

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ReceiveSpace is enough for the control messages of one packet: packet
// information, hop limit, drop counter, and destination options and routing
// headers as long as those of a Mobile IPv6 packet can sensibly be.
const ReceiveSpace = 512

// Received is what the control messages say of a received packet. Fields are
// zero where they say nothing.
type Received struct {
	Destination netip.Addr // the address of ours that the packet was sent to
	Interface   int        // index of the one it arrived on
	HopLimit    int

	// HomeAddressOption is the address in the Home Address option, the zero
	// Addr if there was none. The kernel exchanges it with the IPv6 source
	// address before it delivers the packet, so this is the source address on
	// the wire, and the source address that recvmsg returns is the home
	// address (RFC 6275 section 9.3.1).
	HomeAddressOption netip.Addr

	// Mark is what the kernel has marked the packet with; 0 where it is too old to
	// tell (before Linux 5.19).
	Mark uint32

	// Overflow counts the packets that did not fit into the socket's receive
	// buffer since it was opened, modulo 2^32.
	Overflow uint32
}

// A Flaw is why a packet must not be used.
type Flaw uint8

// The flaws that [Parse] finds. Sound is none.
const (
	Sound          Flaw = iota
	Malformed           // control messages or options run past their end
	OptionRepeated      // more than one Home Address option (RFC 6275 section 6.3)
	RoutingHeader       // a type 2 routing header, which only mobile nodes receive (RFC 6275 section 6.4)
	AddressMissing      // no packet information

	flawEnd
)

// Flaws is one more than the largest [Flaw]: the size of an array of counters.
const Flaws = int(flawEnd)

var flawNames = [...]string{
	Sound:          "sound",
	Malformed:      "malformed",
	OptionRepeated: "home_address_option_repeated",
	RoutingHeader:  "routing_header",
	AddressMissing: "address_missing",
}

// String returns the flaw as one word, as in logs and metrics.
func (f Flaw) String() string { return flawNames[f] }

// Parse reads the control messages of one packet.
func Parse(control []byte) (Received, Flaw) {
	var r Received
	for len(control) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return r, Malformed
		}
		if flaw := r.take(header, data); flaw != Sound {
			return r, flaw
		}
		control = rest
	}
	if !r.Destination.IsValid() {
		return r, AddressMissing
	}
	return r, Sound
}

func (r *Received) take(header unix.Cmsghdr, data []byte) Flaw {
	switch [2]int32{header.Level, header.Type} {
	case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}:
		return r.packetInfo(data)
	case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT}:
		n, flaw := number(data)
		r.HopLimit = int(n)
		return flaw
	case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS}:
		return r.destinationOptions(data)
	case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_RTHDR}:
		return routingHeader(data)
	case [2]int32{unix.SOL_SOCKET, unix.SO_MARK}:
		n, flaw := number(data)
		r.Mark = n
		return flaw
	case [2]int32{unix.SOL_SOCKET, unix.SO_RXQ_OVFL}:
		n, flaw := number(data)
		r.Overflow = n
		return flaw
	}
	return Sound
}

// number reads an int of the kernel.
func number(data []byte) (uint32, Flaw) {
	if len(data) < 4 {
		return 0, Malformed
	}
	return binary.NativeEndian.Uint32(data), Sound
}

func (r *Received) packetInfo(data []byte) Flaw {
	if len(data) < unix.SizeofInet6Pktinfo {
		return Malformed
	}
	r.Destination = netip.AddrFrom16([16]byte(data))
	r.Interface = int(binary.NativeEndian.Uint32(data[16:]))
	return Sound
}

// destinationOptions reads a whole Destination Options header (RFC 8200 section
// 4.6), beginning with its Next Header field.
func (r *Received) destinationOptions(header []byte) Flaw {
	if len(header) < 8 || (int(header[1])+1)*8 != len(header) {
		return Malformed
	}
	for options := header[2:]; len(options) > 0; {
		if options[0] == optionPad1 {
			options = options[1:]
			continue
		}
		if len(options) < 2 || 2+int(options[1]) > len(options) {
			return Malformed
		}
		end := 2 + int(options[1])
		if options[0] == optionHomeAddress {
			if flaw := r.homeAddress(options[2:end]); flaw != Sound {
				return flaw
			}
		}
		options = options[end:]
	}
	return Sound
}

func (r *Received) homeAddress(data []byte) Flaw {
	if len(data) != 16 {
		return Malformed
	}
	if r.HomeAddressOption.IsValid() {
		return OptionRepeated
	}
	r.HomeAddressOption = netip.AddrFrom16([16]byte(data))
	return Sound
}

func routingHeader(header []byte) Flaw {
	if len(header) < 8 {
		return Malformed
	}
	if header[2] == routingType2 {
		return RoutingHeader
	}
	return Sound
}

// Numbers of RFC 8200 section 4.2 and RFC 6275 sections 6.3 and 6.4.
const (
	optionPad1        = 0
	optionHomeAddress = 201
	routingType2      = 2
)
