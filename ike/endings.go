package ike

import (
	"context"
	"errors"
	"log/slog"

	"homeagent/ike/vici"
)

// An ending is one IKE_SA of a connection, or all of them.
type ending struct {
	name string
	sa   uint32 // 0 for all
}

// endings are the IKE_SAs that are to be ended. It is under Charon's lock.
type endings struct {
	due  map[ending]bool
	now  ending // being ended, zero for none
	wake chan struct{}
}

func newEndings() *endings {
	return &endings{due: make(map[ending]bool), wake: make(chan struct{}, 1)}
}

func (e *endings) add(which ending) {
	e.due[which] = true
	select {
	case e.wake <- struct{}{}:
	default:
	}
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
		if errors.Is(err, vici.ErrDead) {
			c.postpone(which)
			return
		}
		c.ended(which, err)
	}
}

func (e ending) carryOut(ctx context.Context, link *vici.Link) error {
	var err error
	if e.sa != 0 {
		_, err = link.TerminateSA(ctx, e.sa)
	} else {
		_, err = link.Terminate(ctx, e.name)
	}
	return err
}

// postpone leaves an ending to the next connection with charon. Should charon
// have started anew, ids mean other IKE_SAs, which a listing sorts out.
func (c *Charon) postpone(which ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.now = ending{}
	if which.sa == 0 {
		c.endings.add(which)
	}
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
	if s := c.sessions[which.name]; which.sa == 0 && s != nil && !s.wanted && s.held(absent) {
		s.ending = false
		c.settle(s)
	}
}
