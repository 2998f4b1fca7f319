package diameter

import (
	"encoding/binary"
	"fmt"
)

// Flags are the Command Flags of a Diameter header (RFC 6733 section 3). The
// low four bits are reserved: kept as received, zero in what we send.
type Flags uint8

// The Command Flags.
const (
	FlagRequest    Flags = 0x80 // R: request, not answer
	FlagProxiable  Flags = 0x40 // P: may be proxied, relayed or redirected
	FlagError      Flags = 0x20 // E: answer with a protocol error
	FlagRetransmit Flags = 0x10 // T: possibly sent before
)

const (
	version    = 1
	headerLen  = 20
	maxCommand = 1<<24 - 1
)

// A Header is a Diameter header without its version and length, which belong
// to the frame. Command has 24 bits.
type Header struct {
	Flags       Flags
	Command     uint32
	Application uint32
	HopByHop    uint32
	EndToEnd    uint32
}

// Request reports whether the R bit is set.
func (h Header) Request() bool { return h.Flags&FlagRequest != 0 }

// CheckBits refuses what RFC 6733 section 7.1.3 calls invalid header bits: the
// E bit in a request. Reserved bits are ignored (section 3).
func (h Header) CheckBits() *Failure {
	if h.Request() && h.Flags&FlagError != 0 {
		return &Failure{Code: InvalidHeaderBits, Text: "the E bit is set in a request"}
	}
	return nil
}

// String shows the header as it would be named in a log: command, application
// and identifiers.
func (h Header) String() string {
	kind := "answer"
	if h.Request() {
		kind = "request"
	}
	return fmt.Sprintf("%s %d of application %d, hop-by-hop %#08x, end-to-end %#08x",
		kind, h.Command, h.Application, h.HopByHop, h.EndToEnd)
}

// append writes the header with a length still to be filled in by setLength.
func (h Header) append(b []byte) []byte {
	b = append(b, version, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Flags)<<24|h.Command&maxCommand)
	b = binary.BigEndian.AppendUint32(b, h.Application)
	b = binary.BigEndian.AppendUint32(b, h.HopByHop)
	return binary.BigEndian.AppendUint32(b, h.EndToEnd)
}

// parseHeader reads the first headerLen octets of b; there must be as many.
func parseHeader(b []byte) Header {
	return Header{
		Flags:       Flags(b[4]),
		Command:     uint24(b[5:]),
		Application: binary.BigEndian.Uint32(b[8:]),
		HopByHop:    binary.BigEndian.Uint32(b[12:]),
		EndToEnd:    binary.BigEndian.Uint32(b[16:]),
	}
}

func uint24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

func putUint24(b []byte, v int) {
	b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v)
}
