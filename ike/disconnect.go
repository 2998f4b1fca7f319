package ike

import (
	"context"
	"fmt"
	"net/netip"

	"homeagent/ike/vici"
)

// disconnectRounds is how often the IKE_SAs of an ending are looked for: one may be
// rekeyed between being found and being ended.
const disconnectRounds = 3

// Disconnect ends the IKE_SAs of a home address that end at a former care-of
// address, and with them their CHILD_SAs, while key and connection stay: the
// mobile node moved without asking charon to follow and authenticates again from
// where it is (RFC 6275 section 10.3.1, K=0). What it has made from there
// already stays. Disconnect does not wait for charon; which IKE_SAs these are,
// charon says when it can be asked.
func (c *Charon) Disconnect(home, careOf netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[ConnectionName(home)]
	if s == nil || !s.wanted || s.cred.HomeAddress != home || !careOf.IsValid() {
		return
	}
	c.endings.add(ending{s.name, careOf})
}

// disconnect ends the IKE_SAs of a connection that end at a care-of address.
func disconnect(ctx context.Context, link *vici.Link, name string, careOf netip.Addr) error {
	for range disconnectRounds {
		missed := 0
		ids, err := at(ctx, link, name, careOf)
		if err != nil {
			return err
		}
		for _, id := range ids {
			n, err := link.TerminateSA(ctx, id)
			if err != nil {
				return err
			}
			if n == 0 {
				missed++
			}
		}
		if missed == 0 {
			return nil
		}
	}
	return fmt.Errorf("ending the IKE_SAs of %s with %s: they change all the time", name, careOf)
}

// at lists the established IKE_SAs of a connection with a care-of address.
func at(ctx context.Context, link *vici.Link, name string, careOf netip.Addr) ([]uint32, error) {
	var ids []uint32
	for sa, err := range link.ListSAs(ctx, name) {
		if err != nil {
			return nil, err
		}
		if sa.Name == name && sa.Remote == careOf && sa.IsEstablished() {
			ids = append(ids, sa.UniqueID)
		}
	}
	return ids, nil
}
