package ike

import (
	"context"
	"errors"

	"homeagent/ike/vici"
)

// endings are the names of connections whose IKE_SAs are to be ended. It is
// under Charon's lock.
type endings struct {
	names map[string]bool
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

func (e *endings) any() (string, bool) {
	for name := range e.names {
		return name, true
	}
	return "", false
}

// end ends IKE_SAs until ctx ends.
func (c *Charon) end(ctx context.Context, link *vici.Link) {
	for {
		c.mu.Lock()
		name, ok := c.endings.any()
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
			return // the next connection goes on
		}
		c.ended(name, err)
	}
}

// ended records that a connection's IKE_SAs are gone. Should charon have
// refused, the next listing finds them again.
func (c *Charon) ended(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.endings.names, name)
	if err != nil {
		c.cfg.Log.Error("charon does not end an IKE_SA", "connection", name, "error", err)
	}
	if s := c.sessions[name]; s != nil && !s.wanted && s.held(absent) {
		s.ending = false
		c.settle(s)
	}
}
