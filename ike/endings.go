package ike

import (
	"context"
	"errors"
	"log/slog"

	"homeagent/ike/vici"
)

// endings are the names of connections whose IKE_SAs are to be ended. It is
// under Charon's lock.
type endings struct {
	names map[string]bool
	now   string // being ended, "" for none
	wake  chan struct{}
}

func newEndings() *endings {
	return &endings{names: make(map[string]bool), wake: make(chan struct{}, 1)}
}

func (e *endings) add(name string) {
	e.names[name] = true
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// take removes a name and returns it. What is added again from then on is
// about IKE_SAs that came later.
func (e *endings) take() (string, bool) {
	for name := range e.names {
		delete(e.names, name)
		e.now = name
		return name, true
	}
	return "", false
}

// has reports whether a connection's IKE_SAs are still to be ended.
func (e *endings) has(name string) bool { return e.now == name || e.names[name] }

// end ends IKE_SAs until ctx ends.
func (c *Charon) end(ctx context.Context, link *vici.Link) {
	for {
		c.mu.Lock()
		name, ok := c.endings.take()
		c.mu.Unlock()
		if !ok {
			select {
			case <-c.endings.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		_, err := link.Terminate(ctx, name)
		if errors.Is(err, vici.ErrDead) {
			c.postpone(name)
			return
		}
		c.ended(name, err)
	}
}

// postpone leaves a connection's IKE_SAs to the next connection with charon.
func (c *Charon) postpone(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.now = ""
	c.endings.add(name)
}

// ended records that a connection's IKE_SAs are gone. Should charon have
// refused, the next listing finds them again.
func (c *Charon) ended(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.now = ""
	if err != nil {
		c.say(slog.LevelError, "charon does not end an IKE_SA", "connection", name, "error", err)
	}
	if s := c.sessions[name]; s != nil && !s.wanted && s.held(absent) {
		s.ending = false
		c.settle(s)
	}
}
