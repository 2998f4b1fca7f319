package ike

import "net/netip"

// Disconnect ends the IKE_SAs of a home address that end at a former care-of
// address, and with them their CHILD_SAs, while key and connection stay: the
// mobile node moved without asking charon to follow and authenticates again from
// where it is (RFC 6275 section 10.3.1, K=0). What it has made from there
// already stays. Disconnect does not wait for charon.
func (c *Charon) Disconnect(home, careOf netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[ConnectionName(home)]
	if s == nil || !s.wanted || s.cred.HomeAddress != home {
		return
	}
	for _, sa := range s.sas {
		if sa.careOf == careOf {
			c.endings.add(ending{s.name, sa.id})
		}
	}
}
