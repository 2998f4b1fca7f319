package store

import (
	"fmt"
	"net/netip"

	"homeagent/ike/psk"
)

// MaxUserName is the length up to which stores take user names, in octets:
// well above that of an NAI (RFC 7542 section 2.3).
const MaxUserName = 1024

// A Change is one thing to write. The set of changes is closed.
type Change interface{ check() error }

// The changes. Deleting what is not there is no error.
type (
	// PutSession writes the session of its user, in place of an earlier one.
	PutSession struct{ Session Session }
	// DeleteSession removes a user's session.
	DeleteSession struct{ UserName string }
	// PutLease writes the lease of its user, in place of an earlier one.
	PutLease struct{ Lease Lease }
	// DeleteLease removes a user's lease.
	DeleteLease struct{ UserName string }
	// PutBinding writes the binding of its home address.
	PutBinding struct{ Binding Binding }
	// DeleteBinding removes the binding of a home address.
	DeleteBinding struct{ HomeAddress netip.Addr }
)

// Check refuses a change without what its record is found by, or with an
// address that is not a plain IPv6 one. Every Store checks before it writes.
func Check(c Change) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("checking a change to the store: %w", err)
	}
	return nil
}

func (c PutSession) check() error {
	s := &c.Session
	if err := checkUser(s.UserName); err != nil {
		return err
	}
	switch {
	case s.PSK.IsZero() && !s.Configured:
		return fmt.Errorf("the session of %q has no pre-shared key", s.UserName)
	case !s.PSK.IsZero() && s.Configured:
		return fmt.Errorf("the session of %q has a pre-shared key, which is the configuration's", s.UserName)
	}
	return checkAddresses(s.HomeAddress, s.HomeAgent)
}

func (c DeleteSession) check() error { return checkUser(c.UserName) }

func (c PutLease) check() error {
	if err := checkUser(c.Lease.UserName); err != nil {
		return err
	}
	for _, f := range c.Lease.Former {
		if err := checkAddresses(f.Address); err != nil {
			return err
		}
	}
	if l := &c.Lease; l.LastKey != (psk.Fingerprint{}) && !l.Address.IsValid() && l.Released.IsZero() {
		return nil
	}
	return checkAddresses(c.Lease.Address)
}

func (c DeleteLease) check() error { return checkUser(c.UserName) }

func (c PutBinding) check() error {
	return checkAddresses(c.Binding.HomeAddress, c.Binding.HomeAgent)
}

func (c DeleteBinding) check() error { return checkAddresses(c.HomeAddress) }

func checkUser(name string) error {
	if n := len(name); n == 0 || n > MaxUserName {
		return fmt.Errorf("a user name of %d octets (must be 1 to %d)", n, MaxUserName)
	}
	return nil
}

func checkAddresses(addresses ...netip.Addr) error {
	for _, a := range addresses {
		if !a.Is6() || a.Is4In6() || a.Zone() != "" {
			return fmt.Errorf("address %q is not a plain IPv6 address", a)
		}
	}
	return nil
}
