package main

import (
	"fmt"
	"net/netip"
	"time"
)

// ipv6 is an IPv6 address of the command line.
type ipv6 struct{ netip.Addr }

// UnmarshalText reads an address without a zone.
func (a *ipv6) UnmarshalText(text []byte) error {
	parsed, err := netip.ParseAddr(string(text))
	if err != nil || !parsed.Is6() || parsed.Is4In6() || parsed.Zone() != "" {
		return fmt.Errorf("%q is no IPv6 address, such as 2001:db8::1000", text)
	}
	a.Addr = parsed
	return nil
}

// duration is a time span of the command line.
type duration time.Duration

// UnmarshalText reads a duration that is above 0.
func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed <= 0 {
		return fmt.Errorf("%q is no duration above 0, such as 500ms, 10m or 2h", text)
	}
	*d = duration(parsed)
	return nil
}
