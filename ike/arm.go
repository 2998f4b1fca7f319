package ike

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Restore takes over the sessions of the store. It is called at most once,
// before Run. Those that charon cannot express are logged and left out.
func (c *Charon) Restore(creds []Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	creds = slices.Clone(creds)
	slices.SortStableFunc(creds, func(a, b Credential) int { return a.EstablishedAt.Compare(b.EstablishedAt) })
	for _, cred := range creds {
		if err := c.restore(cred); err != nil {
			c.cfg.Log.Error("a stored session cannot be armed", "user_name", cred.UserName, "home_address", cred.HomeAddress, "error", err)
		}
	}
}

func (c *Charon) restore(cred Credential) error {
	user, err := c.check(cred)
	if err != nil {
		return err
	}
	s, moved, err := c.admit(cred, user)
	if err != nil {
		return err
	}
	if moved != nil {
		return fmt.Errorf("the same user is armed for %s", moved.cred.HomeAddress)
	}
	s.set(cred, user)
	base := cred
	s.base = &base
	c.users[user.fold] = s
	if c.cfg.AssignHomeAddress {
		c.pools.pooled(s.name) // they may be there still
	}
	if cred.EstablishedAt.IsZero() {
		c.apply(c.window(s).Add(s, time.Now()), backlog)
		return nil
	}
	s.assumed = true
	s.wishes = Tunnels{ReturnRoutability: cred.RoutabilitySA, Payload: cred.PayloadSA}
	c.apply(c.window(s).Established(s, cred.EstablishedAt), backlog)
	return nil
}

// Arm makes charon accept one IKE identity with one key for one home address,
// and returns nil when charon holds both key and connection. It replaces what
// was armed for the same home address or the same user name; IKE_SAs of the
// same user for the same address live on with their old key. EstablishedAt is
// not looked at: the key has yet to be proven.
//
// While charon cannot be reached Arm waits for it, as long as ctx allows. When
// it fails, what was wanted before is wanted again.
func (c *Charon) Arm(ctx context.Context, cred Credential) error {
	user, err := c.check(cred)
	if err != nil {
		return fmt.Errorf("arming %q: %w", cred.UserName, err)
	}
	s, w, err := c.begin(cred, user)
	if err != nil {
		return fmt.Errorf("arming %q for %s: %w", cred.UserName, cred.HomeAddress, err)
	}
	if err := c.await(ctx, s, w); err != nil {
		c.rollBack(s, w)
		return fmt.Errorf("arming %q for %s: %w", cred.UserName, cred.HomeAddress, err)
	}
	return nil
}

// admit finds the session for a credential, or makes it, and the session of
// the same user with another home address if there is one.
func (c *Charon) admit(cred Credential, user identity) (s, moved *session, err error) {
	if c.stopped {
		return nil, nil, ErrUnavailable
	}
	moved = c.users[user.fold]
	if moved != nil && moved.cred.UserName != cred.UserName {
		return nil, nil, fmt.Errorf("charon cannot tell %q from %q, which is armed for %s", cred.UserName, moved.cred.UserName, moved.cred.HomeAddress)
	}
	name := ConnectionName(cred.HomeAddress)
	s = c.sessions[name]
	switch {
	case s == nil:
		s = &session{name: name}
		c.sessions[name] = s
	case s.wanted && s.cred.HomeAddress != cred.HomeAddress:
		return nil, nil, fmt.Errorf("its name in charon, %s, is that of %s", name, s.cred.HomeAddress)
	}
	if moved == s {
		moved = nil
	}
	return s, moved, nil
}

// begin makes cred wanted.
func (c *Charon) begin(cred Credential, user identity) (*session, *waiter, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, moved, err := c.admit(cred, user)
	if err != nil {
		return nil, nil, err
	}
	if moved != nil {
		c.suspend(moved, s)
	}
	c.replace(s, cred, user)
	w := &waiter{version: s.version, done: make(chan error, 1)}
	s.waiters = append(s.waiters, w)
	s.refused = absent
	c.users[user.fold] = s
	c.apply(c.window(s).Add(s, time.Now()), urgent)
	c.settle(s)
	return s, w, nil
}

// suspend has a user's session unloaded while the same user is armed with
// another home address: two keys for one identity break IKE_AUTH. One that was
// itself never armed is forgotten, and what it suspended stays suspended.
func (c *Charon) suspend(moved, by *session) {
	by.former = moved
	moved.suspended = true
	if moved.base == nil {
		by.former, moved.former = moved.former, nil
		c.forget(moved)
	}
	if by.former == by {
		by.former = nil
	}
	c.push(moved, urgent)
}

// resume undoes suspend.
func (c *Charon) resume(s *session) {
	former := s.former
	if former == nil {
		return
	}
	s.former = nil
	former.suspended = false
	c.users[former.user.fold] = former
	c.settle(former)
}

// replace makes cred what is wanted of a session.
func (c *Charon) replace(s *session, cred Credential, user identity) {
	if s.wanted && !s.suspended && s.cred.same(cred) {
		return
	}
	s.answer(errSuperseded)
	if (s.wanted || s.ending) && s.user.fold != user.fold {
		c.oust(s)
	}
	if s.wanted && s.cred.HomeAgent != cred.HomeAgent {
		c.apply(c.window(s).Remove(s, time.Now()), backlog)
		s.placed = false
	}
	s.set(cred, user)
}

// oust ends what the user has whose home address another one gets.
func (c *Charon) oust(s *session) {
	if c.users[s.user.fold] == s {
		delete(c.users, s.user.fold)
	}
	s.sas, s.base, s.wishes, s.ended = nil, nil, Tunnels{}, Tunnels{}
	c.endings.add(ending{name: s.name})
	c.resume(s)
}

// await waits for a session to be as it should be.
func (c *Charon) await(ctx context.Context, s *session, w *waiter) error {
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case err := <-w.done: // at the last moment
		return err
	default:
	}
	s.waiters = slices.DeleteFunc(s.waiters, func(other *waiter) bool { return other == w })
	if !c.connected {
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	return fmt.Errorf("charon has not answered yet: %w", context.Cause(ctx))
}

// rollBack undoes begin, unless somebody else has changed the session since.
func (c *Charon) rollBack(s *session, w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.version != w.version || !s.wanted || len(s.waiters) > 0 {
		return
	}
	if s.base == nil {
		c.forget(s)
		return
	}
	c.resume(s)
	c.replace(s, *s.base, s.user)
	c.apply(c.window(s).Add(s, time.Now()), backlog)
	c.settle(s)
}

// Forget unloads a session's key and connection and ends its IKE_SAs. Unknown
// addresses are no error. The session is not wanted any more even when an
// error is returned: what is left of it is removed as soon as charon can be
// reached.
func (c *Charon) Forget(ctx context.Context, home netip.Addr) error {
	s, w := c.beginForgetting(home)
	if s == nil {
		return nil
	}
	if err := c.await(ctx, s, w); err != nil {
		return fmt.Errorf("forgetting %s: %w", home, err)
	}
	return nil
}

func (c *Charon) beginForgetting(home netip.Addr) (*session, *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[ConnectionName(home)]
	if s == nil || s.wanted && s.cred.HomeAddress != home {
		return nil, nil
	}
	w := &waiter{done: make(chan error, 1)}
	if s.wanted {
		c.forget(s)
	}
	if c.sessions[s.name] != s {
		return nil, nil // nothing of it was in charon
	}
	s.waiters = append(s.waiters, w)
	c.settle(s)
	return s, w
}

// forget makes a session unwanted. What charon holds of it is unloaded first
// and its IKE_SAs ended then, so that its mobile node cannot come back between.
func (c *Charon) forget(s *session) {
	if c.users[s.user.fold] == s {
		delete(c.users, s.user.fold)
	}
	c.apply(c.window(s).Remove(s, time.Now()), backlog)
	s.wanted, s.suspended, s.placed, s.ending = false, false, false, true
	s.base, s.sas, s.wishes, s.ended = nil, nil, Tunnels{}, Tunnels{}
	s.answer(errSuperseded)
	c.resume(s)
	c.settle(s)
}
