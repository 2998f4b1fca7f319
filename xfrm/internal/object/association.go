package object

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/netip"
)

const redacted = "[redacted]"

// A Secret is a key. Its octets never reach a formatted string, a log line or an
// encoder: they stand behind a function, into which fmt does not walk. Secrets
// are compared with Equal, never with ==.
type Secret struct{ octets *func() []byte }

// NewSecret copies the octets of a key.
func NewSecret(octets []byte) Secret {
	own := bytes.Clone(octets)
	read := func() []byte { return own }
	return Secret{octets: &read}
}

// Bytes returns a copy of the key, nil for the zero Secret.
func (s Secret) Bytes() []byte {
	if s.octets == nil {
		return nil
	}
	return bytes.Clone((*s.octets)())
}

// Equal compares in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.Bytes(), other.Bytes()) == 1
}

// Format prints a placeholder whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue keeps the key out of structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the key out of JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// An Algorithm is one of the kernel's, with the key for it.
type Algorithm struct {
	Name string // as /proc/crypto has it, such as "cbc(aes)"
	Key  Secret
	// Truncated is how many bits of a check value are sent; 0 for encryption.
	Truncated uint32
}

// Equal tells whether both are one algorithm with one key.
func (a Algorithm) Equal(b Algorithm) bool {
	return a.Name == b.Name && a.Truncated == b.Truncated && a.Key.Equal(b.Key)
}

// The reqids, without their two upper bits, that mark an Association as ours.
const (
	FirstManualReqID = 1 << 29
	LastManualReqID  = 1<<30 - 1
	reqIDUses        = 3 << 30
)

// IsManual tells whether a reqid is one of ours for associations.
func IsManual(reqID uint32) bool {
	node := reqID &^ reqIDUses
	return FirstManualReqID <= node && node <= LastManualReqID
}

// An Association is an ESP security association in transport mode with keys that
// no protocol has negotiated, without an end and without a check for replays.
type Association struct {
	Src, Dst   netip.Addr
	SPI, ReqID uint32
	// Protocol is what may travel under it between the two addresses.
	Protocol              uint8
	Encryption, Integrity Algorithm
}

// AssociationKey is what the kernel keeps unique among associations.
type AssociationKey struct {
	Src, Dst netip.Addr
	SPI      uint32
}

// Key returns what tells a from other associations.
func (a Association) Key() AssociationKey { return AssociationKey{a.Src, a.Dst, a.SPI} }

// Equal tells whether the kernel treats packets alike under both.
func (a Association) Equal(b Association) bool {
	return a.Key() == b.Key() && a.ReqID == b.ReqID && a.Protocol == b.Protocol &&
		a.Encryption.Equal(b.Encryption) && a.Integrity.Equal(b.Integrity)
}

// Command is the ip-xfrm(8) command for doing v to a, without the keys.
func (a Association) Command(v Verb) string {
	id := fmt.Sprintf("src %s dst %s proto esp spi %#x", a.Src, a.Dst, a.SPI)
	if v == Delete {
		return "ip xfrm state delete " + id
	}
	return fmt.Sprintf("ip xfrm state add %s mode transport reqid %d auth-trunc %s %s %d enc %s %s sel src %s dst %s proto %d",
		id, a.ReqID, a.Integrity.Name, redacted, a.Integrity.Truncated, a.Encryption.Name, redacted, Host(a.Src), Host(a.Dst), a.Protocol)
}

func (Association) isObject() {}
