package mobility

import "fmt"

const (
	noNextHeader = 59 // IPPROTO_NONE, the only Payload Proto there is (RFC 6275 section 6.1.1)
	unit         = 8  // Header Len counts these, without the first
	prologue     = 6  // Payload Proto, Header Len, MH Type, Reserved, Checksum

	// MaxLength is the longest Mobility Header, as Header Len has eight bits.
	MaxLength = (255 + 1) * unit
)

// A Message is one of the messages of this package; the set is closed.
type Message interface {
	// Type is the MH Type that the message is sent with.
	Type() Type

	// appendFixed appends what stands between checksum and options.
	appendFixed(b []byte) []byte
	// parseFixed reads the same from data, whose length is at least the
	// type's minimum, and returns what is left for the options.
	parseFixed(data []byte) (options []byte, fault Fault)
	options() *Options
}

var (
	_ Message = (*BindingRefreshRequest)(nil)
	_ Message = (*HomeTestInit)(nil)
	_ Message = (*CareOfTestInit)(nil)
	_ Message = (*HomeTest)(nil)
	_ Message = (*CareOfTest)(nil)
	_ Message = (*BindingUpdate)(nil)
	_ Message = (*BindingAcknowledgement)(nil)
	_ Message = (*BindingError)(nil)
	_ Message = (*HomeAgentSwitch)(nil)
	_ Message = (*RevocationIndication)(nil)
	_ Message = (*RevocationAcknowledgement)(nil)
)

// Parse reads the Mobility Header at the start of b and makes the checks of RFC
// 6275 section 9.2 except that of the checksum, which is the kernel's or
// [ChecksumOK]'s. Reserved fields and the octets after the header are ignored.
// Byte slices in the message are parts of b. Errors are of type [*ParseError].
func Parse(b []byte) (Message, error) {
	length, err := parseLength(b)
	if err != nil {
		return nil, err
	}
	m := newMessage(b)
	if m == nil {
		return nil, &ParseError{Fault: FaultRevocationType, Type: Type(b[2]), Offset: prologue}
	}
	options, fault := m.parseFixed(b[prologue:length])
	if fault != 0 {
		return nil, &ParseError{Fault: fault, Type: m.Type(), Offset: 1}
	}
	if at, fault := m.options().parse(options); fault != 0 {
		return nil, &ParseError{Fault: fault, Type: m.Type(), Offset: length - len(options) + at}
	}
	return m, nil
}

// parseLength checks the first octets in the order of RFC 6275 section 9.2 and
// returns the length of the header in octets.
func parseLength(b []byte) (int, error) {
	if len(b) < unit {
		return 0, &ParseError{Fault: FaultTruncated, Offset: len(b)}
	}
	t, length := Type(b[2]), (int(b[1])+1)*unit
	switch {
	case !t.Known():
		return 0, &ParseError{Fault: FaultUnknownType, Type: t, Offset: 2}
	case b[0] != noNextHeader:
		return 0, &ParseError{Fault: FaultPayloadProto, Type: t, Offset: 0}
	case length < minimums[t]:
		return 0, &ParseError{Fault: FaultHeaderLength, Type: t, Offset: 1}
	case length > len(b):
		return 0, &ParseError{Fault: FaultTruncated, Type: t, Offset: len(b)}
	}
	return length, nil
}

// newMessage returns an empty message of the type in b, or nil for a Binding
// Revocation that is neither indication nor acknowledgement.
func newMessage(b []byte) Message {
	switch Type(b[2]) {
	case TypeBindingRefreshRequest:
		return new(BindingRefreshRequest)
	case TypeHomeTestInit:
		return new(HomeTestInit)
	case TypeCareOfTestInit:
		return new(CareOfTestInit)
	case TypeHomeTest:
		return new(HomeTest)
	case TypeCareOfTest:
		return new(CareOfTest)
	case TypeBindingUpdate:
		return new(BindingUpdate)
	case TypeBindingAcknowledgement:
		return new(BindingAcknowledgement)
	case TypeBindingError:
		return new(BindingError)
	case TypeHomeAgentSwitch:
		return new(HomeAgentSwitch)
	default:
		return newRevocation(b[prologue])
	}
}

// Append appends m to b as a complete Mobility Header: options aligned with
// PadN, length a multiple of 8 octets, checksum zero (the kernel fills it in on
// a raw socket; see [SetChecksum] otherwise).
func Append(b []byte, m Message) ([]byte, error) {
	start := len(b)
	b = append(b, noNextHeader, 0, byte(m.Type()), 0, 0, 0)
	b = m.appendFixed(b)
	b, err := m.options().append(b, start)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", m.Type(), err)
	}
	n := len(b) - start
	if n > MaxLength {
		return nil, fmt.Errorf("encoding %s: %d octets (must be at most %d)", m.Type(), n, MaxLength)
	}
	b[start+1] = byte(n/unit - 1)
	return b, nil
}
