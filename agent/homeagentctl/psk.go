package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"homeagent/ike/psk"
)

type pskCmd struct {
	Key   string     `required:"" help:"MIPv6-AAA-Key in hexadecimal digits; - reads them from standard input, out of sight of other users." placeholder:"HEX"`
	KeyID int32      `required:"" name:"key-id" help:"MIPv6-AAA-Key-Id." placeholder:"N"`
	HoA   netip.Addr `required:"" name:"hoa" help:"Home address." placeholder:"ADDR"`
	HA    netip.Addr `required:"" name:"ha" help:"Home agent address." placeholder:"ADDR"`
}

// maxHex is more than the digits of the longest key and a line ending.
const maxHex = 2*psk.MaxAAAKey + 2

// Run prints the pre-shared key as 40 hexadecimal digits.
func (c *pskCmd) Run(e *environment) error {
	digits := c.Key
	if digits == "-" {
		raw, err := io.ReadAll(io.LimitReader(e.in, maxHex))
		if err != nil {
			return fmt.Errorf("reading the key from standard input: %w", err)
		}
		digits = string(raw)
	}
	octets, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil {
		return fmt.Errorf("reading --key: it is not an even number of hexadecimal digits")
	}
	key, err := psk.Derive(psk.NewAAAKey(octets), c.KeyID, c.HoA, c.HA)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, key.Hex())
	return nil
}
