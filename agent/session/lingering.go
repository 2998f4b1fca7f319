package session

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// linger notes that the IKE daemon may hold security associations of who has lost a home
// address: they would let him register it, whoever has it now. The caller holds the lock.
func (m *Manager) linger(home netip.Addr) { m.lingering[home] = struct{}{} }

// lingerFor does it for an address that its user did not have before a plan that failed.
func (m *Manager) lingerFor(p *plan) {
	if p.before != nil && p.before.HomeAddress == p.after.HomeAddress {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.linger(p.after.HomeAddress)
	m.armSoon()
}

// vacate has the IKE daemon end what lingers of a home address. It is done before the
// next owner's key is armed and never after that: who comes late finds nothing to do.
func (m *Manager) vacate(ctx context.Context, home netip.Addr) error {
	end, err := m.vacating.take(ctx, home.String())
	if err != nil {
		return fmt.Errorf("waiting for the end of what is left at %s: %w", home, err)
	}
	defer end()
	if !m.lingers(home) {
		return nil
	}
	if err := m.keys.Forget(ctx, home); err != nil {
		m.armSoon()
		return fmt.Errorf("ending what is left of who had %s before: %w", home, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lingering, home)
	return nil
}

func (m *Manager) lingers(home netip.Addr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, lingers := m.lingering[home]
	return lingers
}

// vacateAll ends what lingers anywhere, until something fails: then the IKE daemon is
// mostly away. It reports whether nothing is left.
func (m *Manager) vacateAll(ctx context.Context) bool {
	m.mu.Lock()
	homes := slices.Collect(maps.Keys(m.lingering))
	m.mu.Unlock()
	for _, home := range homes {
		if err := m.vacateOne(ctx, home); err != nil {
			m.log.Debug("the IKE daemon still has something of who had a home address before", "home_address", home, "error", err)
			return false
		}
	}
	return true
}

func (m *Manager) vacateOne(ctx context.Context, home netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.EffectTimeout)
	defer cancel()
	return m.vacate(ctx, home)
}
