package ike

import "net/netip"

// Disconnect ends the IKE_SAs of a home address and with them its CHILD_SAs,
// while key and connection stay: the mobile node moved without asking charon to
// follow and authenticates again from where it is (RFC 6275 section 10.3.1,
// K=0). It does not wait for charon.
func (c *Charon) Disconnect(home netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sessions[ConnectionName(home)]; s != nil && s.wanted && s.cred.HomeAddress == home {
		c.endings.add(s.name)
	}
}
