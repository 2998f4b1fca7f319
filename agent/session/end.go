package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/agent/store"
)

// ErrUnknown says that there is no session of that name.
var ErrUnknown = errors.New("no such session")

// A Cause says why a session ended.
type Cause int

// The causes. Their values are those of Termination-Cause (RFC 6733 section
// 8.15), under which the AAA server is told.
const (
	Administrative Cause = 4
	AuthExpired    Cause = 6
)

// Causes that Termination-Cause has no value for, as no AAA server has a part in them.
const (
	// LeftConfiguration is of a mobile node that the configuration does not list any
	// more, ChangedInConfiguration of one whose session is made anew as it is listed
	// otherwise.
	LeftConfiguration Cause = -1 - iota
	ChangedInConfiguration
	// AddressTaken is of one of two sessions of the store that have one home address.
	AddressTaken
)

// String is the cause as it stands in logs.
func (c Cause) String() string {
	switch c {
	case Administrative:
		return "administrative"
	case AuthExpired:
		return "authorization expired"
	case LeftConfiguration:
		return "left the configuration"
	case ChangedInConfiguration:
		return "changed in the configuration"
	case AddressTaken:
		return "another session has the home address"
	default:
		return fmt.Sprintf("cause %d", int(c))
	}
}

// ErrConfigured says that a session cannot be ended but by the configuration.
var ErrConfigured = errors.New("the mobile node is of the configuration (take its [[mobile_node]] out and reload: systemctl reload homeagent)")

// Release ends the session found by Session-Id, User-Name or home address, as
// an administrative act. The error wraps [ErrUnknown] if there is none, and
// [ErrConfigured] if it is the configuration's.
func (m *Manager) Release(ctx context.Context, id string) error {
	s, err := m.Find(id)
	if err != nil {
		return err
	}
	if s.Configured {
		return fmt.Errorf("ending the session of %q: %w", s.UserName, ErrConfigured)
	}
	return m.end(ctx, s.UserName, Administrative, func(*store.Session) bool { return true })
}

// end takes a session back if it still should when its user's turn has come:
// out of the store first, so that no restart revives it, then out of the IKE
// daemon, then the address goes into hold-down.
func (m *Manager) end(ctx context.Context, user string, cause Cause, still func(*store.Session) bool) error {
	endTurn, err := m.turns.take(ctx, m.identity(user))
	if err != nil {
		return fmt.Errorf("ending the session of %q: %w", user, err)
	}
	defer endTurn()
	s, ok := m.held(user)
	if !ok || !still(&s) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.EffectTimeout)
	defer cancel()
	now := time.Now()
	m.mu.Lock()
	former := m.former(user, now)
	m.mu.Unlock()
	lease := store.Lease{UserName: user, Address: s.HomeAddress, Released: now, LastKey: s.Fingerprint, Former: former}
	if err := m.store.Apply(ctx, store.DeleteSession{UserName: user}, store.PutLease{Lease: lease}, store.DeleteBinding{HomeAddress: s.HomeAddress}); err != nil {
		m.unsettle([]string{user}) // whether it is on the disk is not known
		return fmt.Errorf("ending the session of %q: %w", user, err)
	}
	m.forget(ctx, &s, now)
	m.ended(s)
	if m.cfg.Over != nil {
		m.cfg.Over(s, cause)
	}
	return nil
}

// forget removes an ended session from memory and from the IKE daemon. A daemon
// that cannot be reached is no reason to keep it: the address is held down, and
// what is left there goes when it is back.
func (m *Manager) forget(ctx context.Context, s *store.Session, now time.Time) {
	m.mu.Lock()
	m.remove(s.UserName)
	m.pool.Release(s.UserName, now)
	m.keyPrints[s.UserName] = s.Fingerprint
	m.forgetLeases()
	m.linger(s.HomeAddress)
	m.tellFreed()
	m.mu.Unlock()
	m.wake()
	if err := m.vacate(ctx, s.HomeAddress); err != nil {
		m.log.Warn("an ended session is still known to the IKE daemon, which removes it when it can be reached",
			"user_name", s.UserName, "home_address", s.HomeAddress, "error", err)
	}
}

// Established records that the mobile node proved its key in an IKE_AUTH from
// a care-of address. It does not wait for the store.
func (m *Manager) Established(home, careOf netip.Addr, at time.Time) {
	m.update(home, func(s *store.Session) { s.EstablishedAt, s.CareOf = at, careOf })
}

// Duplicate records that another node uses a home address on the home link: its
// owner gets another one when it is bootstrapped next.
func (m *Manager) Duplicate(home netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pool.Avoid(home, time.Now())
}

// Moved records that the IKE_SA followed the mobile node to another care-of
// address.
func (m *Manager) Moved(home, careOf netip.Addr) {
	m.update(home, func(s *store.Session) { s.CareOf = careOf })
}

// Tunnelled records which packets besides signalling the mobile node wants under
// ESP. It does not wait for the store.
func (m *Manager) Tunnelled(home netip.Addr, returnRoutability, payload bool) {
	m.update(home, func(s *store.Session) { s.RoutabilitySA, s.PayloadSA = returnRoutability, payload })
}

func (m *Manager) update(home netip.Addr, change func(*store.Session)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.homes[home]
	if !ok {
		return
	}
	m.proven -= proven(&e.Session)
	change(&e.Session)
	m.proven += proven(&e.Session)
	m.unsettled[e.UserName] = struct{}{}
	m.wake()
}

// expire ends the sessions that are over, as many side by side as share commits
// well, and returns when the next one is.
func (m *Manager) expire(ctx context.Context) (next time.Time) {
	m.mu.Lock()
	users, next := m.expiry.due(time.Now(), atOnce)
	m.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(sideBySide)
	for _, user := range users {
		group.Go(func() error {
			return m.end(ctx, user, AuthExpired, func(s *store.Session) bool {
				end := s.EndsAt()
				return !end.IsZero() && !end.After(time.Now())
			})
		})
	}
	if err := group.Wait(); err != nil {
		m.log.Error("an authorization is over but its session could not be ended, it is tried again", "error", err)
		return time.Now().Add(retryPause)
	}
	if len(users) > 0 {
		return time.Now() // more may be due
	}
	return next
}
