package session

import (
	"context"
	"fmt"
	"net/netip"
)

// linger notes that the IKE daemon may hold security associations of who has lost a home
// address: they would let him register it, whoever has it now. The caller holds the lock.
func (m *Manager) linger(home netip.Addr) { m.lingering[home] = struct{}{} }

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
