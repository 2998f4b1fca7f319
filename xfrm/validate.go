package xfrm

import (
	"fmt"
	"net/netip"
)

func (d Desired) validate() error {
	for _, a := range d.HomeAgents {
		if !a.Is6() || a.Is4In6() || !a.IsGlobalUnicast() || a.Zone() != "" {
			return fmt.Errorf("checking home agent address %s: it must be a unicast IPv6 address", a)
		}
	}
	seen := make(map[netip.Prefix]bool)
	for _, p := range d.HomePrefixes {
		switch {
		case !p.IsValid() || !p.Addr().Is6() || p.Masked() != p:
			return fmt.Errorf("checking home prefix %s: it must be an IPv6 prefix without host bits", p)
		case seen[p]:
			return fmt.Errorf("checking home prefix %s: it is given twice", p)
		}
		seen[p] = true
	}
	if d.ReqID == 0 {
		return fmt.Errorf("checking the reqid of transport mode security associations: it must not be 0")
	}
	return nil
}
