package mobility

import "encoding/binary"

// Binding Revocation Types (RFC 5846 section 5).
const (
	revocationIndication      = 1
	revocationAcknowledgement = 2
)

// RevocationFlags are the flags of both revocation messages.
type RevocationFlags uint8

// Flags of a revocation (RFC 5846 section 5.1).
const (
	RevocationProxy    RevocationFlags = 0x80 // P: a proxy binding
	RevocationIPv4Only RevocationFlags = 0x40 // V: the IPv4 home address alone
	RevocationGlobal   RevocationFlags = 0x20 // G: all bindings with something in common

	revocationFlags = 0xe0 // the rest is reserved and ignored
)

// String returns the letters of the flags that are set, such as "PG".
func (f RevocationFlags) String() string { return letters(uint16(f)<<8, "PVG") }

// A RevocationTrigger is why a binding is revoked (RFC 5846 section 5.1).
type RevocationTrigger uint8

// Triggers that a home agent has for one mobile node.
const (
	TriggerUnspecified    RevocationTrigger = 0
	TriggerAdministrative RevocationTrigger = 1
	TriggerUserSession    RevocationTrigger = 5 // the user ended it
	TriggerAccessNetwork  RevocationTrigger = 6 // the access network ended it
	TriggerOutOfSync      RevocationTrigger = 7 // the binding cache entry may be stale
)

var triggerNames = [...]string{
	TriggerUnspecified:    "unspecified",
	TriggerAdministrative: "administrative reason",
	TriggerUserSession:    "user-initiated session termination",
	TriggerAccessNetwork:  "access network session termination",
	TriggerOutOfSync:      "possible out-of-sync binding cache entry",
}

// String returns the meaning of the trigger.
func (t RevocationTrigger) String() string { return name(triggerNames[:], t, "trigger %d") }

// A RevocationStatus is the result of a revocation; below 128 it succeeded.
type RevocationStatus uint8

// Status values of RFC 5846 section 5.2.
const (
	RevocationSuccess              RevocationStatus = 0
	RevocationPartialSuccess       RevocationStatus = 1
	RevocationNoBinding            RevocationStatus = 128
	RevocationIPv4Required         RevocationStatus = 129
	RevocationGlobalNotAuthorized  RevocationStatus = 130
	RevocationIdentityRequired     RevocationStatus = 131
	RevocationAttached             RevocationStatus = 132
	RevocationTriggerNotSupported  RevocationStatus = 133
	RevocationFunctionNotSupported RevocationStatus = 134
	RevocationProxyNotSupported    RevocationStatus = 135
)

var revocationStatusNames = [...]string{
	RevocationSuccess:              "success",
	RevocationPartialSuccess:       "partial success",
	RevocationNoBinding:            "binding does not exist",
	RevocationIPv4Required:         "IPv4 home address option required",
	RevocationGlobalNotAuthorized:  "global revocation not authorized",
	RevocationIdentityRequired:     "revoked mobile nodes' identity required",
	RevocationAttached:             "revocation failed, mobile node is attached",
	RevocationTriggerNotSupported:  "revocation trigger not supported",
	RevocationFunctionNotSupported: "revocation function not supported",
	RevocationProxyNotSupported:    "proxy binding revocation not supported",
}

// String returns the meaning of the value in the words of the RFC.
func (s RevocationStatus) String() string {
	return name(revocationStatusNames[:], s, "revocation status %d")
}

// A RevocationIndication tells a mobile node that its binding ends (RFC 5846
// section 5.1).
type RevocationIndication struct {
	Trigger  RevocationTrigger
	Sequence uint16
	Flags    RevocationFlags
	Options
}

// Type implements [Message].
func (*RevocationIndication) Type() Type { return TypeBindingRevocation }

func (m *RevocationIndication) options() *Options { return &m.Options }

func (m *RevocationIndication) appendFixed(b []byte) []byte {
	return appendRevocation(b, revocationIndication, byte(m.Trigger), m.Sequence, m.Flags)
}

func (m *RevocationIndication) parseFixed(data []byte) ([]byte, Fault) {
	m.Trigger = RevocationTrigger(data[1])
	return parseRevocation(data, &m.Sequence, &m.Flags)
}

// A RevocationAcknowledgement answers a [RevocationIndication] (RFC 5846 section
// 5.2).
type RevocationAcknowledgement struct {
	Status   RevocationStatus
	Sequence uint16
	Flags    RevocationFlags
	Options
}

// Type implements [Message].
func (*RevocationAcknowledgement) Type() Type { return TypeBindingRevocation }

func (m *RevocationAcknowledgement) options() *Options { return &m.Options }

func (m *RevocationAcknowledgement) appendFixed(b []byte) []byte {
	return appendRevocation(b, revocationAcknowledgement, byte(m.Status), m.Sequence, m.Flags)
}

func (m *RevocationAcknowledgement) parseFixed(data []byte) ([]byte, Fault) {
	m.Status = RevocationStatus(data[1])
	return parseRevocation(data, &m.Sequence, &m.Flags)
}

func newRevocation(kind byte) Message {
	switch kind {
	case revocationIndication:
		return new(RevocationIndication)
	case revocationAcknowledgement:
		return new(RevocationAcknowledgement)
	}
	return nil
}

func appendRevocation(b []byte, kind, code byte, sequence uint16, flags RevocationFlags) []byte {
	b = binary.BigEndian.AppendUint16(append(b, kind, code), sequence)
	return append(b, byte(flags), 0)
}

func parseRevocation(data []byte, sequence *uint16, flags *RevocationFlags) ([]byte, Fault) {
	*sequence = binary.BigEndian.Uint16(data[2:])
	*flags = RevocationFlags(data[4]) & revocationFlags
	return data[6:], 0
}
