package wire

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Message is a netlink request.
type Message struct {
	Type  uint16
	Flags uint16 // besides NLM_F_REQUEST
	Body  []byte
}

const (
	sizeHeader   = unix.SizeofNlMsghdr
	sizeNlmsgerr = 4 + sizeHeader // struct nlmsgerr of a capped request

	attrMessage = 1 // NLMSGERR_ATTR_MSG
)

// AppendMessage appends a request with its header and padding. The kernel puts
// the port of the sending socket into what it tells listeners about IPsec.
func AppendMessage(b []byte, m Message, sequence, port uint32) []byte {
	b = native.AppendUint32(b, uint32(sizeHeader+len(m.Body)))
	b = native.AppendUint16(b, m.Type)
	b = native.AppendUint16(b, m.Flags|unix.NLM_F_REQUEST)
	b = native.AppendUint32(b, sequence)
	b = native.AppendUint32(b, port)
	b = append(b, m.Body...)
	return pad(b, align(len(m.Body))-len(m.Body))
}

// ParseAck reads an acknowledgement: the sequence number of the request, and
// why it was refused, in the kernel's own words where it has some.
func ParseAck(b []byte) (sequence uint32, result, err error) {
	if len(b) < sizeHeader+sizeNlmsgerr {
		return 0, nil, fmt.Errorf("reading an acknowledgement of %d octets, expected at least %d: %w",
			len(b), sizeHeader+sizeNlmsgerr, errShort)
	}
	length := int(native.Uint32(b))
	if native.Uint16(b[4:]) != unix.NLMSG_ERROR || length < sizeHeader+sizeNlmsgerr || length > len(b) {
		return 0, nil, fmt.Errorf("reading an acknowledgement of type %d and length %d: %w", native.Uint16(b[4:]), length, ErrForeign)
	}
	sequence = native.Uint32(b[8:])
	errno := int32(native.Uint32(b[sizeHeader:]))
	if errno == 0 {
		return sequence, nil, nil
	}
	result = syscall.Errno(-errno)
	if native.Uint16(b[6:])&unix.NLM_F_ACK_TLVS != 0 {
		result = explained(result, b[sizeHeader+sizeNlmsgerr:length])
	}
	return sequence, result, nil
}

// explained adds the kernel's words to an error; attributes that cannot be
// read add nothing.
func explained(result error, attrs []byte) error {
	_ = eachAttr(attrs, func(typ uint16, value []byte) error {
		if typ == attrMessage {
			result = fmt.Errorf("%w: %s", result, unix.ByteSliceToString(value))
		}
		return nil
	})
	return result
}
