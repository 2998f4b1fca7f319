package mobilenode

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"homeagent/agent/config"
	"homeagent/ike/psk"
	"homeagent/xfrm"
)

// minPSK is the least octets of a pre-shared key: whoever takes part in an IKE_AUTH
// as the home agent can try keys at leisure.
const minPSK = 16

// preShared reads a pre-shared key: 0x and hexadecimal digits, or text as it is but
// for the line's end.
func preShared(text []byte) (psk.Key, error) {
	key := bytes.TrimRight(text, "\r\n")
	if digits, isHex := bytes.CutPrefix(key, []byte("0x")); isHex {
		key = make([]byte, hex.DecodedLen(len(digits)))
		defer clear(key)
		if _, err := hex.Decode(key, digits); err != nil {
			return psk.Key{}, errors.New("what follows 0x is no even number of hexadecimal digits")
		}
	} else if err := checkText(key); err != nil {
		return psk.Key{}, err
	}
	switch {
	case len(key) < minPSK:
		return psk.Key{}, fmt.Errorf("the key has %d octets (must be at least %d, try: openssl rand -hex 32)", len(key), minPSK)
	case len(key) > psk.MaxKey:
		return psk.Key{}, fmt.Errorf("the key has %d octets (must be at most %d)", len(key), psk.MaxKey)
	}
	return psk.NewKey(key)
}

// checkText refuses what is no text. The ends of lines are not told from octets of a key
// in that: one at the end would be cut off.
func checkText(key []byte) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) && r != '\r' && r != '\n' }
	switch {
	case !utf8.Valid(key) || bytes.ContainsFunc(key, unprintable):
		return errors.New("the key has octets that are no printable text (write such a key as 0x and its octets in hexadecimal digits, try: printf 0x; od -An -v -tx1 FILE | tr -d ' \\n')")
	case bytes.ContainsAny(key, "\r\n"):
		return errors.New("the key has several lines (must be one)")
	}
	return nil
}

// An algorithm is what the kernel calls one, and the length of its keys in octets.
type algorithm struct {
	name      string
	key       int
	truncated uint32 // bits of a check value that are sent
}

var encryptions = map[config.Encryption]algorithm{
	config.NullEncryption: {name: "ecb(cipher_null)"},
	config.TripleDES:      {name: "cbc(des3_ede)", key: 24},
	config.AES128:         {name: "cbc(aes)", key: 16},
	config.AES192:         {name: "cbc(aes)", key: 24},
	config.AES256:         {name: "cbc(aes)", key: 32},
}

var integrities = map[config.Integrity]algorithm{
	config.SHA1:   {name: "hmac(sha1)", key: 20, truncated: 96},    // RFC 2404
	config.SHA256: {name: "hmac(sha256)", key: 32, truncated: 128}, // RFC 4868
	config.SHA384: {name: "hmac(sha384)", key: 48, truncated: 192},
	config.SHA512: {name: "hmac(sha512)", key: 64, truncated: 256},
}

// keys are those of a key file by their names.
type keys map[string][]byte

// parseKeys reads lines of the form "name = 0x...". Empty lines and those that begin
// with # tell nothing.
func parseKeys(text []byte) (keys, error) {
	all, number := keys{}, 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, value, found := bytes.Cut(line, []byte("="))
		digits, isHex := bytes.CutPrefix(bytes.TrimSpace(value), []byte("0x"))
		if !found || !isHex {
			return nil, fmt.Errorf("line %d is not of the form NAME = 0x and hexadecimal digits", number)
		}
		key := make([]byte, hex.DecodedLen(len(digits)))
		if _, err := hex.Decode(key, digits); err != nil {
			return nil, fmt.Errorf("line %d: what follows 0x is no even number of hexadecimal digits", number)
		}
		named := string(bytes.TrimSpace(name))
		if _, twice := all[named]; twice {
			return nil, fmt.Errorf("line %d: %q is there already", number, named)
		}
		all[named] = key
	}
	return all, nil
}

// take takes the key for an algorithm. One without a key needs none.
func (k keys) take(a algorithm, name string) (xfrm.Algorithm, error) {
	made := xfrm.Algorithm{Name: a.name, Truncated: a.truncated}
	key, there := k[name]
	switch {
	case !there && a.key == 0:
		return made, nil
	case !there:
		return made, fmt.Errorf("%s is missing (expected %s = 0x and %d hexadecimal digits)", name, name, 2*a.key)
	case len(key) != a.key:
		return made, fmt.Errorf("%s has %d octets (must be %d, as the algorithm takes)", name, len(key), a.key)
	}
	made.Key = xfrm.NewSecret(key)
	clear(key)
	delete(k, name)
	return made, nil
}

// rest refuses what was not taken.
func (k keys) rest() error {
	if len(k) == 0 {
		return nil
	}
	return fmt.Errorf("there is no use for %q (is a line misspelt?)", slices.Sorted(maps.Keys(k))[0])
}

func (k keys) wipe() {
	for _, key := range k {
		clear(key)
	}
}
