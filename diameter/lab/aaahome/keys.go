package aaahome

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"homeagent/ike/psk"
)

// Keys is a source of MIPv6-AAA-Keys, asked once per request.
type Keys func() (psk.AAAKey, error)

// RandomKeys returns a source of keys of n octets, each another one.
func RandomKeys(n int) Keys {
	return func() (psk.AAAKey, error) {
		octets := make([]byte, n)
		defer clear(octets)
		rand.Read(octets) // never fails
		return psk.NewAAAKey(octets), nil
	}
}

// KeyFromHex returns a source of one and the same key, given in hexadecimal
// digits. White space around them is ignored. The error does not show them.
func KeyFromHex(digits string) (Keys, error) {
	octets, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil {
		return nil, errors.New("reading the key: expected an even number of hexadecimal digits")
	}
	return func() (psk.AAAKey, error) { return psk.NewAAAKey(octets), nil }, nil
}

// KeyFromFile is KeyFromHex of a file's contents.
func KeyFromFile(path string) (Keys, error) {
	digits, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	return KeyFromHex(string(digits))
}
