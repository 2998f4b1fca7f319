package psk

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// An AAAKey is the MIPv6-AAA-Key an AAA server sends in HMR. It is kept only
// until the pre-shared key is derived; call Wipe then. Its octets never reach
// a formatted string, a log line or an encoder; they stand behind a function
// because fmt walks into unexported fields, pointers included, without asking
// Format.
type AAAKey struct{ octets func() []byte }

// NewAAAKey copies the octets of a MIPv6-AAA-Key AVP.
func NewAAAKey(octets []byte) AAAKey {
	own := append([]byte(nil), octets...)
	return AAAKey{octets: func() []byte { return own }}
}

// Len reports the key's length in octets.
func (k AAAKey) Len() int { return len(k.Bytes()) }

// Bytes returns the key itself, not a copy: what it returns is gone after
// Wipe.
func (k AAAKey) Bytes() []byte {
	if k.octets == nil {
		return nil
	}
	return k.octets()
}

// Wipe overwrites the key with zeros.
func (k AAAKey) Wipe() { clear(k.Bytes()) }

// Fingerprint names the key without telling it.
func (k AAAKey) Fingerprint() Fingerprint { return fingerprint(k.Bytes()) }

// Format prints a placeholder whatever the verb, %x and %d included.
func (AAAKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue keeps the key out of structured logs.
func (AAAKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the key out of JSON and TOML.
func (AAAKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MaxKey is the most octets that a pre-shared key has.
const MaxKey = 256

// A Key is an IKE pre-shared key: [Size] raw octets where it was derived, 1 to
// [MaxKey] where somebody wrote it down. The zero Key is no key. Keys are
// compared with Equal, never with ==.
type Key struct{ octets func() []byte }

// NewKey copies the octets of a key that was not derived.
func NewKey(octets []byte) (Key, error) {
	if n := len(octets); n == 0 || n > MaxKey {
		return Key{}, fmt.Errorf("reading a pre-shared key: it has %d octets (must be 1 to %d)", n, MaxKey)
	}
	own := bytes.Clone(octets)
	return Key{octets: func() []byte { return own }}, nil
}

// KeyFromBytes makes a Key of exactly [Size] octets, as Derive does.
func KeyFromBytes(octets []byte) (Key, error) {
	if len(octets) != Size {
		return Key{}, fmt.Errorf("reading a pre-shared key: it has %d octets (must be %d)", len(octets), Size)
	}
	return newKey([Size]byte(octets)), nil
}

func newKey(octets [Size]byte) Key {
	return Key{octets: func() []byte { return octets[:] }}
}

// Bytes returns a copy of the key's octets, nil for the zero Key.
func (k Key) Bytes() []byte {
	if k.octets == nil {
		return nil
	}
	return bytes.Clone(k.octets())
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.octets == nil }

// Equal compares in constant time.
func (k Key) Equal(other Key) bool {
	return subtle.ConstantTimeCompare(k.Bytes(), other.Bytes()) == 1
}

// Hex shows the key as hexadecimal digits, for an operator who asked for it.
func (k Key) Hex() string { return hex.EncodeToString(k.Bytes()) }

// Format prints a placeholder whatever the verb, %x and %d included.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue keeps the key out of structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the key out of JSON and TOML.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Fingerprint is the first 8 octets of the SHA-256 of a MIPv6-AAA-Key: enough
// to tell keys apart, nothing to work back from, as such keys are random and
// of at least 128 bits.
type Fingerprint [8]byte

func fingerprint(octets []byte) Fingerprint {
	sum := sha256.Sum256(octets)
	return Fingerprint(sum[:8])
}

// String shows the fingerprint as 16 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// MarshalText is String, for JSON.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	octets, err := hex.DecodeString(string(text))
	if err != nil || len(octets) != len(f) {
		return fmt.Errorf("reading a key fingerprint: %q is not %d hexadecimal digits", text, 2*len(f))
	}
	*f = Fingerprint(octets)
	return nil
}
