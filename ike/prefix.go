package ike

import (
	"net/netip"
	"slices"

	"homeagent/ike/vici"
)

// HasPrefixSA reports whether a mobile node has a CHILD_SA for Mobile Prefix
// Advertisements, as far as charon has told; it has [PrefixReqID]. Sending under one
// that is not there makes the kernel ask charon for it, in vain.
func (c *Charon) HasPrefixSA(home netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[ConnectionName(home)]
	return s != nil && s.cred.HomeAddress == home && slices.ContainsFunc(s.sas, func(sa ikeSA) bool {
		return slices.ContainsFunc(sa.children, func(child vici.ChildSA) bool { return child.Name == childPrefixDiscovery && isInUse(child) })
	})
}
