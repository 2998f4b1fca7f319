package mobility

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// UpdateFlags are the flags of a Binding Update.
type UpdateFlags uint16

// Flags of a Binding Update. Those of extensions that a home agent here does not
// offer are named too, as it has to refuse one of them by its status.
const (
	FlagAcknowledge      UpdateFlags = 0x8000 // A, RFC 6275 section 6.1.7
	FlagHomeRegistration UpdateFlags = 0x4000 // H
	FlagLinkLocal        UpdateFlags = 0x2000 // L: link-local address compatibility
	FlagKeyManagement    UpdateFlags = 0x1000 // K: key management mobility capability
	FlagAnchorPoint      UpdateFlags = 0x0800 // M, RFC 5380
	FlagMobileRouter     UpdateFlags = 0x0400 // R, RFC 3963 section 4.1
	FlagProxy            UpdateFlags = 0x0200 // P, RFC 5213 section 8.1
	FlagForceUDP         UpdateFlags = 0x0100 // F, RFC 5555 section 4.1

	updateFlags = 0xff00 // the rest is reserved and ignored
)

// Has reports whether all of the given flags are set.
func (f UpdateFlags) Has(flags UpdateFlags) bool { return f&flags == flags }

// String returns the letters of the flags that are set, such as "AHK".
func (f UpdateFlags) String() string { return letters(uint16(f), "AHLKMRPF") }

// AckFlags are the flags of a Binding Acknowledgement.
type AckFlags uint8

// Flags of a Binding Acknowledgement.
const (
	AckKeyManagement AckFlags = 0x80 // K, RFC 6275 section 6.1.8
	AckMobileRouter  AckFlags = 0x40 // R, RFC 3963 section 4.2

	ackFlags = 0xc0 // the rest is reserved or belongs to proxy mobility
)

// Has reports whether all of the given flags are set.
func (f AckFlags) Has(flags AckFlags) bool { return f&flags == flags }

// String returns the letters of the flags that are set, such as "KR".
func (f AckFlags) String() string { return letters(uint16(f)<<8, "KR") }

// letters spells the bits of f from the highest down.
func letters(f uint16, names string) string {
	var s strings.Builder
	for i := range len(names) {
		if f&(0x8000>>i) != 0 {
			s.WriteByte(names[i])
		}
	}
	return s.String()
}

// A BindingUpdate tells of a mobile node's care-of address (RFC 6275 section
// 6.1.7).
type BindingUpdate struct {
	Sequence uint16
	Flags    UpdateFlags
	// Lifetime is what is asked for; 0 asks to delete the binding.
	Lifetime Lifetime
	Options
}

// Type implements [Message].
func (*BindingUpdate) Type() Type { return TypeBindingUpdate }

func (m *BindingUpdate) options() *Options { return &m.Options }

func (m *BindingUpdate) appendFixed(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, m.Sequence)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Flags))
	return binary.BigEndian.AppendUint16(b, uint16(m.Lifetime))
}

func (m *BindingUpdate) parseFixed(data []byte) ([]byte, Fault) {
	m.Sequence = binary.BigEndian.Uint16(data)
	m.Flags = UpdateFlags(binary.BigEndian.Uint16(data[2:])) & updateFlags
	m.Lifetime = Lifetime(binary.BigEndian.Uint16(data[4:]))
	return data[6:], 0
}

// A BindingAcknowledgement answers a [BindingUpdate] (RFC 6275 section 6.1.8).
type BindingAcknowledgement struct {
	Status   Status
	Flags    AckFlags
	Sequence uint16
	// Lifetime is what is granted; without meaning when the status refuses.
	Lifetime Lifetime
	Options
}

// Type implements [Message].
func (*BindingAcknowledgement) Type() Type { return TypeBindingAcknowledgement }

func (m *BindingAcknowledgement) options() *Options { return &m.Options }

func (m *BindingAcknowledgement) appendFixed(b []byte) []byte {
	b = append(b, byte(m.Status), byte(m.Flags))
	b = binary.BigEndian.AppendUint16(b, m.Sequence)
	return binary.BigEndian.AppendUint16(b, uint16(m.Lifetime))
}

func (m *BindingAcknowledgement) parseFixed(data []byte) ([]byte, Fault) {
	m.Status = Status(data[0])
	m.Flags = AckFlags(data[1]) & ackFlags
	m.Sequence = binary.BigEndian.Uint16(data[2:])
	m.Lifetime = Lifetime(binary.BigEndian.Uint16(data[4:]))
	return data[6:], 0
}

// A BindingError tells a sender that its message or its Home Address option was
// not understood (RFC 6275 section 6.1.9).
type BindingError struct {
	Status ErrorStatus
	// HomeAddress is that of the Home Address option of the offending packet,
	// the unspecified address if it had none (RFC 6275 section 9.3.3).
	HomeAddress netip.Addr
	Options
}

// Type implements [Message].
func (*BindingError) Type() Type { return TypeBindingError }

func (m *BindingError) options() *Options { return &m.Options }

func (m *BindingError) appendFixed(b []byte) []byte {
	return appendAddress(append(b, byte(m.Status), 0), m.HomeAddress)
}

func (m *BindingError) parseFixed(data []byte) ([]byte, Fault) {
	m.Status, m.HomeAddress = ErrorStatus(data[0]), address(data[2:])
	return data[2+addressLength:], 0
}

// A BindingRefreshRequest asks a mobile node to update its binding (RFC 6275
// section 6.1.2).
type BindingRefreshRequest struct {
	Options
}

// Type implements [Message].
func (*BindingRefreshRequest) Type() Type { return TypeBindingRefreshRequest }

func (m *BindingRefreshRequest) options() *Options { return &m.Options }

func (m *BindingRefreshRequest) appendFixed(b []byte) []byte { return append(b, 0, 0) }

func (m *BindingRefreshRequest) parseFixed(data []byte) ([]byte, Fault) { return data[2:], 0 }
