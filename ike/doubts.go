package ike

import (
	"context"
	"fmt"
	"net/netip"

	"homeagent/ike/vici"
)

// doubts are the names of connections whose mobile nodes may not want any more
// what they wanted once. It is under Charon's lock.
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

// Registered takes note that a Binding Update of a mobile node was accepted: it
// is content with the CHILD_SAs it has. Should it have wanted more, charon is
// asked what it has; what follows is reported by [Config.OnTunnels]. Registered
// does not wait for that.
func (c *Charon) Registered(home netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[ConnectionName(home)]
	if s == nil || !s.wanted || s.cred.HomeAddress != home {
		return
	}
	c.doubt(s)
}

// doubt has charon asked what a mobile node has, if it seems to be less than it
// wanted: there may be CHILD_SAs of which the news is still to come.
func (c *Charon) doubt(s *session) {
	if has := s.tunnelled(); has.or(s.wishes) != has {
		c.doubts.add(s.name)
	}
}

// resolve settles doubts until ctx ends. One that cannot be settled comes back
// with the next Binding Update.
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

// ask has charon tell of the IKE_SAs of one connection, and takes what their
// CHILD_SAs are for as what the mobile node wants. Without an IKE_SA, or with
// news that came meanwhile, nothing is concluded.
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
	if s == nil || !s.wanted || s.touched > start || len(listed) == 0 {
		return nil
	}
	c.correct(s, listed)
	c.want(s, s.tunnelled())
	return nil
}
