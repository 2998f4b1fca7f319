package ike

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"homeagent/ike/vici"
)

// An ending is of the IKE_SAs of a connection that end at a care-of address, or of
// all of them.
type ending struct {
	name   string
	careOf netip.Addr // invalid for all
}

// endings are the IKE_SAs that are to be ended. It is under Charon's lock.
type endings struct {
	due map[ending]bool
	now ending // being ended, zero for none
	// failed are to be tried again after the next listing. Those of all IKE_SAs
	// are not among them, as the listing finds what they left.
	failed map[ending]bool
	wake   chan struct{}
}

func newEndings() *endings {
	return &endings{due: make(map[ending]bool), failed: make(map[ending]bool), wake: make(chan struct{}, 1)}
}

func (e *endings) add(which ending) {
	e.due[which] = true
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// retry has another try at what failed.
func (e *endings) retry() {
	for which := range e.failed {
		e.add(which)
	}
	clear(e.failed)
}

// take removes an ending and returns it. What is added again from then on is
// about IKE_SAs that came later.
func (e *endings) take() (ending, bool) {
	for which := range e.due {
		delete(e.due, which)
		e.now = which
		return which, true
	}
	return ending{}, false
}

// has reports whether all IKE_SAs of a connection are still to be ended.
func (e *endings) has(name string) bool {
	all := ending{name: name}
	return e.now == all || e.due[all]
}

// end ends IKE_SAs until ctx ends.
func (c *Charon) end(ctx context.Context, link *vici.Link) {
	for {
		c.mu.Lock()
		which, ok := c.endings.take()
		c.mu.Unlock()
		if !ok {
			select {
			case <-c.endings.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := which.carryOut(ctx, link)
		if errors.Is(err, vici.ErrDead) || ctx.Err() != nil {
			c.postpone(which)
			return
		}
		c.ended(which, err)
	}
}

func (e ending) carryOut(ctx context.Context, link *vici.Link) error {
	if e.careOf.IsValid() {
		return disconnect(ctx, link, e.name, e.careOf)
	}
	_, err := link.Terminate(ctx, e.name)
	return err
}

// postpone leaves an ending to the next connection with charon.
func (c *Charon) postpone(which ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.now = ending{}
	c.endings.add(which)
}

// ended records that a connection's IKE_SAs are gone. Should charon have
// refused, the next listing finds them again.
func (c *Charon) ended(which ending, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.now = ending{}
	if err != nil {
		c.say(slog.LevelError, "charon does not end an IKE_SA", "connection", which.name, "error", err)
	}
	if which.careOf.IsValid() {
		if err != nil {
			c.endings.failed[which] = true
		}
		return
	}
	if s := c.sessions[which.name]; s != nil && !s.wanted && s.held(absent) {
		s.ending = false
		c.settle(s)
	}
	c.tidy(which.name)
}
