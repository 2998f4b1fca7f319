package xfrm

import (
	"fmt"
	"net/netip"
	"slices"
)

// Limits of TunnelConfig.
const (
	minMTU        = 1280  // RFC 8200 section 5
	maxMTU        = 65495 // what an outer header leaves of 65535
	maxDeviceName = 15
)

func (d Desired) withDefaults() Desired {
	if d.Tunnel.MTU == 0 {
		d.Tunnel.MTU = DefaultMTU
	}
	if d.Tunnel.HopLimit == 0 {
		d.Tunnel.HopLimit = DefaultHopLimit
	}
	return d
}

func (d Desired) validate() error {
	for _, a := range d.HomeAgents {
		if !unicast(a) {
			return fmt.Errorf("checking home agent address %s: it must be a global unicast IPv6 address", a)
		}
	}
	if err := checkPrefixes("home prefix", d.HomePrefixes); err != nil {
		return err
	}
	if err := d.Tunnel.validate(); err != nil {
		return err
	}
	return d.checkBindings()
}

func (c TunnelConfig) validate() error {
	if len(c.Name) > maxDeviceName {
		return fmt.Errorf("checking tunnel device name %q: it has %d octets, at most %d are possible",
			c.Name, len(c.Name), maxDeviceName)
	}
	if c.MTU < minMTU || c.MTU > maxMTU {
		return fmt.Errorf("checking the MTU of tunnel device %q: it is %d, must be from %d to %d", c.Name, c.MTU, minMTU, maxMTU)
	}
	return nil
}

func (d Desired) checkBindings() error {
	t := newTable()
	for _, b := range d.Bindings {
		if err := d.checkBinding(b); err != nil {
			return err
		}
		if _, twice := t.entries[b.HomeAddress]; twice {
			return fmt.Errorf("checking the binding of %s: it is given twice", b.HomeAddress)
		}
		if err := t.claim(b); err != nil {
			return err
		}
		t.put(entry{}, b)
	}
	return nil
}

func (d Desired) checkBinding(b Binding) error {
	switch {
	case d.Tunnel.Name == "":
		return fmt.Errorf("checking the binding of %s: there is no tunnel device for it", b.HomeAddress)
	case !unicast(b.HomeAddress):
		return fmt.Errorf("checking a binding: home address %s must be a global unicast IPv6 address", b.HomeAddress)
	case !unicast(b.CareOf) || b.CareOf == b.HomeAddress:
		return fmt.Errorf("checking the binding of %s: care-of address %s must be another global unicast IPv6 address",
			b.HomeAddress, b.CareOf)
	case !slices.Contains(d.HomeAgents, b.HomeAgent):
		return fmt.Errorf("checking the binding of %s: %s is none of the home agent's addresses", b.HomeAddress, b.HomeAgent)
	case b.Protection.Payload != 0 && b.Protection.Payload == b.Protection.ReturnRoutability:
		return fmt.Errorf("checking the binding of %s: payload and return routability need two reqids, both have %d",
			b.HomeAddress, b.Protection.Payload)
	}
	return checkPrefixes("mobile network prefix", b.Prefixes)
}

func checkPrefixes(what string, prefixes []netip.Prefix) error {
	for i, p := range prefixes {
		switch {
		case !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || p.Masked() != p || p.Bits() == 0:
			return fmt.Errorf("checking %s %s: it must be an IPv6 prefix without host bits, at least 1 bit long", what, p)
		case slices.Contains(prefixes[:i], p):
			return fmt.Errorf("checking %s %s: it is given twice", what, p)
		}
	}
	return nil
}

func unicast(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast()
}
