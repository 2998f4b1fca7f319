package ike

import (
	"context"
	"fmt"

	"homeagent/ike/vici"
)

// doubts are the names of connections whose mobile nodes have ended what, as far as
// is known, was their last CHILD_SA of a kind. It is under Charon's lock.
type doubts struct {
	names map[string]bool
	wake  chan struct{}
}

func newDoubts() *doubts {
	return &doubts{names: make(map[string]bool), wake: make(chan struct{}, 1)}
}

func (d *doubts) add(name string) {
	d.names[name] = true
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *doubts) take() (string, bool) {
	for name := range d.names {
		delete(d.names, name)
		return name, true
	}
	return "", false
}

// doubt takes note that a mobile node has ended CHILD_SAs for t, and has charon asked
// what it has, as there may be others of which the news is still to come.
func (c *Charon) doubt(s *session, t Tunnels) {
	s.ended = s.ended.or(t.without(s.tunnelled()))
	if s.ended != (Tunnels{}) {
		c.doubts.add(s.name)
	}
}

// resolve settles doubts until ctx ends. What cannot be settled is left to the
// next listing of all.
func (c *Charon) resolve(ctx context.Context, link *vici.Link) {
	for {
		c.mu.Lock()
		name, ok := c.doubts.take()
		c.mu.Unlock()
		if !ok {
			select {
			case <-c.doubts.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if err := c.ask(ctx, link, name); err != nil && ctx.Err() == nil {
			c.report(err)
		}
	}
}

// ask has charon tell of the IKE_SAs of one connection. Without an IKE_SA nothing
// is concluded; with news that came meanwhile charon is asked again.
func (c *Charon) ask(ctx context.Context, link *vici.Link, name string) error {
	c.mu.Lock()
	start := c.clock
	c.mu.Unlock()
	var listed []ikeSA
	for sa, err := range link.ListSAs(ctx, name) {
		if err != nil {
			return fmt.Errorf("asking charon for the CHILD_SAs of %s: %w", name, err)
		}
		if sa.Name == name && sa.IsEstablished() {
			listed = append(listed, seen(sa))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[name]
	switch {
	case s == nil || !s.wanted || len(listed) == 0:
	case s.touched > start:
		c.doubt(s, s.ended)
	default:
		c.correct(s, listed)
	}
	return nil
}
