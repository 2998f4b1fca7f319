package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/term"

	"homeagent/agent/control"
	"homeagent/ike/psk"
)

type pskCmd struct {
	Key   string `required:"" help:"MIPv6-AAA-Key in hexadecimal digits; - reads them from standard input, out of sight of other users." placeholder:"HEX"`
	KeyID int32  `required:"" name:"key-id" help:"MIPv6-AAA-Key-Id." placeholder:"N"`
	HoA   ipv6   `required:"" name:"hoa" help:"Home address." placeholder:"ADDR"`
	HA    ipv6   `required:"" name:"ha" help:"Home agent address." placeholder:"ADDR"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Help is shown below the flags.
func (pskCmd) Help() string {
	return fmt.Sprintf(`It prints the key as 40 hexadecimal digits. No daemon is asked, and none has to run. `+
		`A home agent refuses a MIPv6-AAA-Key of fewer than %d octets; one is derived here with a warning.`, psk.MinAAAKey)
}

// A derivation is what psk prints with --json.
type derivation struct {
	Schema int `json:"schema"`
	// PSK is the pre-shared key as hexadecimal digits.
	PSK         string     `json:"psk"`
	KeyID       int32      `json:"key_id"`
	HomeAddress netip.Addr `json:"home_address"`
	HomeAgent   netip.Addr `json:"home_agent_address"`
	// KeyFingerprint is that of the MIPv6-AAA-Key, as of a session, and KeyOctets
	// its length.
	KeyFingerprint string `json:"key_fingerprint"`
	KeyOctets      int    `json:"key_octets"`
}

// maxHex is more than 0x, the digits of the longest key and a line ending.
const maxHex = 2 + 2*psk.MaxAAAKey + 2

// Run prints the pre-shared key as 40 hexadecimal digits.
func (c *pskCmd) Run(e *environment) error {
	aaaKey, err := c.read(e)
	if err != nil {
		return err
	}
	key, err := psk.Derive(aaaKey, c.KeyID, c.HoA.Addr, c.HA.Addr)
	if err != nil {
		return usageError{err}
	}
	if n := aaaKey.Len(); n < psk.MinAAAKey {
		fmt.Fprintf(e.errors, "homeagentctl: warning: the MIPv6-AAA-Key has %s; a home agent refuses fewer than %d, as HMAC-SHA-1 is weaker with such a key (RFC 2104 section 3)\n",
			counted(n, "octet"), psk.MinAAAKey)
	}
	if c.JSON {
		return printJSON(e.out, derivation{
			Schema: control.Schema, PSK: key.Hex(), KeyID: c.KeyID, HomeAddress: c.HoA.Addr, HomeAgent: c.HA.Addr,
			KeyFingerprint: aaaKey.Fingerprint().String(), KeyOctets: aaaKey.Len(),
		})
	}
	_, err = fmt.Fprintln(e.out, key.Hex())
	return err
}

// read reads the MIPv6-AAA-Key. No error shows it.
func (c *pskCmd) read(e *environment) (psk.AAAKey, error) {
	digits, from := c.Key, "--key"
	if digits == "-" {
		typed, err := readHidden(e)
		if err != nil {
			return psk.AAAKey{}, fmt.Errorf("reading the key from standard input: %w", err)
		}
		digits, from = typed, "the key from standard input"
	}
	octets, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(digits), "0x"))
	if err != nil {
		return psk.AAAKey{}, usageError{fmt.Errorf("reading %s: it is not an even number of hexadecimal digits", from)}
	}
	if n := len(octets); n == 0 || n > psk.MaxAAAKey {
		return psk.AAAKey{}, usageError{fmt.Errorf("reading %s: it has %s (must be 1 to %d)", from, counted(n, "octet"), psk.MaxAAAKey)}
	}
	return psk.NewAAAKey(octets), nil
}

// readHidden reads standard input; on a terminal it asks, and what is typed is not
// shown.
func readHidden(e *environment) (string, error) {
	if f, is := e.in.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(e.errors, "MIPv6-AAA-Key in hexadecimal digits: ")
		typed, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(e.errors)
		return string(typed), err
	}
	raw, err := io.ReadAll(io.LimitReader(e.in, maxHex+1))
	if err == nil && len(raw) > maxHex {
		err = errors.New("there is more than a key")
	}
	return string(raw), err
}
