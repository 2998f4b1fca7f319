package session

import (
	"context"
	"maps"
	"slices"
	"time"
)

// arm has the IKE daemon take the key of a configured user, once it has nothing any more
// of who had the home address before. The caller has the user's turn.
func (m *Manager) arm(ctx context.Context, user string) error {
	s, ok := m.byUser(user)
	if ok && s.Configured {
		if err := m.vacate(ctx, s.HomeAddress); err != nil {
			return err
		}
		if !s.Manual {
			if err := m.keys.Arm(ctx, credential(&s)); err != nil {
				return err
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.unarmed, user)
	return nil
}

// armAll tries some users and has armLate try again those that fail. It tells of the
// first one: mostly the IKE daemon is away, and they are many.
func (m *Manager) armAll(users []string, arm func(user string) error) {
	var failed int
	var first string
	var cause error
	for _, user := range users {
		if err := arm(user); err != nil {
			if failed++; failed == 1 {
				first, cause = user, err
			}
		}
	}
	if failed == 0 {
		return
	}
	m.log.Warn("the IKE daemon is not ready for mobile nodes of the configuration, which is tried again",
		"mobile_nodes", failed, "first", first, "error", cause)
	m.armSoon()
}

// armSoon wakes armLate.
func (m *Manager) armSoon() {
	select {
	case m.late <- struct{}{}:
	default:
	}
}

// armLate tries again, until ctx ends, and ends what lingers in the IKE daemon. It says
// once when mobile nodes have what they waited for: that it fails still is no news.
func (m *Manager) armLate(ctx context.Context) {
	for {
		select {
		case <-m.late:
		case <-ctx.Done():
			return
		}
		waited := len(m.unready()) > 0
		for again := true; again; {
			select {
			case <-time.After(retryPause):
			case <-ctx.Done():
				return
			}
			again = !m.armUnready(ctx) || !m.vacateAll(ctx)
		}
		if waited {
			m.log.Info("the IKE daemon is ready for all mobile nodes of the configuration")
		}
	}
}

// armUnready reports whether nobody is left.
func (m *Manager) armUnready(ctx context.Context) bool {
	done := true
	for _, user := range m.unready() {
		if err := m.armOne(ctx, user); err != nil {
			done = false
			m.log.Debug("the IKE daemon is still not ready for a mobile node of the configuration", "user_name", user, "error", err)
		}
	}
	return done
}

// unready are the configured users for whom armLate has something to do.
func (m *Manager) unready() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.unarmed))
}

func (m *Manager) armOne(ctx context.Context, user string) error {
	end, err := m.turns.take(ctx, m.identity(user))
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, m.cfg.EffectTimeout)
	defer cancel()
	return m.arm(ctx, user)
}
