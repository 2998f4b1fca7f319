package session

import (
	"context"
	"time"
)

// arm has the IKE daemon take the key of a configured user, or armLate try again.
// The caller has the user's turn.
func (m *Manager) arm(ctx context.Context, user string) {
	s, ok := m.byUser(user)
	if ok && s.Configured && !s.Manual {
		if err := m.keys.Arm(ctx, credential(&s)); err != nil {
			m.log.Warn("the IKE daemon did not take the key of a mobile node of the configuration, which is tried again",
				"user_name", user, "home_address", s.HomeAddress, "error", err)
			select {
			case m.late <- struct{}{}:
			default:
			}
			return
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.unarmed, user)
}

// armLate loads the keys that the IKE daemon did not take, until ctx ends.
func (m *Manager) armLate(ctx context.Context) {
	for {
		select {
		case <-m.late:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		users := make([]string, 0, len(m.unarmed))
		for user := range m.unarmed {
			users = append(users, user)
		}
		m.mu.Unlock()
		for _, user := range users {
			m.armOne(ctx, user)
		}
	}
}

func (m *Manager) armOne(ctx context.Context, user string) {
	end, err := m.turns.take(ctx, m.identity(user))
	if err != nil {
		return
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, m.cfg.EffectTimeout)
	defer cancel()
	m.arm(ctx, user)
}
