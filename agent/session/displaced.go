package session

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// A Displaced mobile node is one of the configuration that has no session, as
// somebody whom an AAA server authorized has one with its user name or its home
// address. Who came first stays, at a start as at a reload; when that session ends the
// mobile node gets its own.
type Displaced struct {
	Node
	By string // the user who has the session
}

// Displaced lists the mobile nodes of the configuration that are not served, in the
// order of their user names.
func (m *Manager) Displaced() []Displaced {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.displaced)
}

func sortDisplaced(all []Displaced) {
	slices.SortFunc(all, func(a, b Displaced) int { return cmp.Compare(a.UserName, b.UserName) })
}

// waitingHomes are the home addresses of the mobile nodes that were let wait already, by
// their user names. The caller holds the lock.
func (m *Manager) waitingHomes() map[string]netip.Addr {
	homes := make(map[string]netip.Addr, len(m.displaced))
	for _, d := range m.displaced {
		homes[d.UserName] = d.HomeAddress
	}
	return homes
}

// tellFreed wakes admitLate where a session has ended, or has left an address, that a
// mobile node of the configuration may wait for. The caller holds the lock.
func (m *Manager) tellFreed() {
	if len(m.displaced) == 0 {
		return
	}
	select {
	case m.freed <- struct{}{}:
	default:
	}
}

// admitLate gives displaced mobile nodes their sessions, until ctx ends.
func (m *Manager) admitLate(ctx context.Context) {
	for {
		select {
		case <-m.freed:
		case <-ctx.Done():
			return
		}
		level := slog.LevelWarn
		for again := true; again; level = slog.LevelDebug {
			again = m.admitOnce(ctx, level)
			select { // sessions may end in masses
			case <-time.After(retryPause):
			case <-ctx.Done():
				return
			}
		}
	}
}

// admitOnce tells whether it is to be tried again. What the configuration asks for in
// vain is the operator's to change.
func (m *Manager) admitOnce(ctx context.Context, level slog.Level) (again bool) {
	err := m.admit(ctx)
	if err == nil || ctx.Err() != nil {
		return false
	}
	var refused *NodeError
	again = !errors.As(err, &refused)
	m.log.Log(ctx, level, "mobile nodes of the configuration wait on though a session has ended", "error", err, "tried_again", again)
	return again
}

func (m *Manager) admit(ctx context.Context) error {
	m.configuring.Lock()
	defer m.configuring.Unlock()
	done, err := m.configure(ctx, m.nodes)
	if err == nil && len(done.Added) > 0 {
		m.log.Info("mobile nodes of the configuration are served, as the sessions in their way have ended", "mobile_nodes", len(done.Added), "first", done.Added[0])
	}
	return err
}

// A takenError says who has what a mobile node of the configuration is to have.
type takenError struct{ by, text string }

// Error is the sentence.
func (e *takenError) Error() string { return e.text }
