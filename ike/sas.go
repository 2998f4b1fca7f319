package ike

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeagent/ike/vici"
)

// follow takes charon's events until ctx ends. They are complete while the
// connection lives; what happened before is found by listing.
func (c *Charon) follow(ctx context.Context, link *vici.Link) {
	for {
		select {
		case e := <-link.Events():
			c.observe(e)
		case <-ctx.Done():
			return
		}
	}
}

// observe takes one event.
func (c *Charon) observe(e vici.Event) {
	if !isOurs(e.SA.Name) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[e.SA.Name]
	if s == nil || !s.wanted {
		if e.Kind == vici.Up { // while it was being forgotten
			c.endings.add(ending{name: e.SA.Name})
		}
		return
	}
	c.clock++
	s.touched = c.clock
	switch e.Kind {
	case vici.Up:
		c.up(s, seen(e.SA))
	case vici.Down:
		c.down(s, e.SA.UniqueID)
	case vici.Rekeyed:
		if i := s.find(e.Old); i >= 0 {
			s.sas[i].id = e.SA.UniqueID // CHILD_SAs stay
			c.window(s).Rekeyed(s)
			return
		}
		c.up(s, seen(e.SA))
	case vici.ChildUp, vici.ChildDown, vici.ChildRekeyed:
		c.observeChild(s, e)
	}
}

// up records an established IKE_SA.
func (c *Charon) up(s *session, sa ikeSA) {
	if s.find(sa.id) >= 0 {
		return
	}
	now := time.Now()
	s.assumed = false
	s.sas = append(s.sas, sa)
	c.apply(c.window(s).Established(s, now), urgent)
	c.say(heard(c.cfg.OnUp != nil), "a mobile node has authenticated", "user_name", s.cred.UserName, "home_address", s.cred.HomeAddress, "care_of_address", sa.careOf)
	if c.cfg.OnUp != nil {
		report := s.established(sa, now)
		c.reports.add(func() { c.cfg.OnUp(report) })
	}
	c.gain(s)
}

// down records that an IKE_SA is gone. An evicted session is loaded again at
// once when it was the last.
func (c *Charon) down(s *session, id uint32) {
	i := s.find(id)
	if i < 0 {
		return
	}
	s.sas, s.ended = slices.Delete(s.sas, i, i+1), Tunnels{}
	if len(s.sas) == 0 {
		c.bereave(s)
	}
}

// bereave records that a session has no IKE_SA any more.
func (c *Charon) bereave(s *session) {
	now := time.Now()
	c.apply(c.window(s).Down(s, now), urgent)
	c.say(heard(c.cfg.OnDown != nil), "a mobile node's IKE_SA is gone", "user_name", s.cred.UserName, "home_address", s.cred.HomeAddress)
	if c.cfg.OnDown != nil {
		report := s.lost(now)
		c.reports.add(func() { c.cfg.OnDown(report) })
	}
}

// listSAs compares charon's IKE_SAs with those known. What changed while the
// listing ran was told by an event and is left as it is.
func (c *Charon) listSAs(ctx context.Context, link *vici.Link) error {
	c.mu.Lock()
	start := c.clock
	c.mu.Unlock()
	listed := make(map[string][]ikeSA)
	for sa, err := range link.ListSAs(ctx, "") {
		if err != nil {
			return fmt.Errorf("comparing charon's IKE_SAs: %w", err)
		}
		if isOurs(sa.Name) && sa.IsEstablished() {
			listed[sa.Name] = append(listed[sa.Name], seen(sa))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings.retry()
	for name, sas := range listed {
		if s := c.sessions[name]; s == nil || !s.wanted {
			c.endings.add(ending{name: name})
		} else if s.touched <= start {
			c.correct(s, sas)
		}
	}
	for name, s := range c.sessions {
		if s.wanted && s.touched <= start && len(listed[name]) == 0 && (s.assumed || len(s.sas) > 0) {
			s.sas, s.ended, s.assumed = nil, Tunnels{}, false
			c.bereave(s)
		}
	}
	return nil
}

// correct takes over what was listed of a session, one IKE_SA at least.
func (c *Charon) correct(s *session, listed []ikeSA) {
	for _, sa := range listed {
		i := s.find(sa.id)
		switch {
		case i >= 0:
			s.sas[i] = sa
		case s.assumed && (sa.careOf == s.cred.CareOf || !s.cred.CareOf.IsValid()):
			s.sas = append(s.sas, sa) // no news
		default:
			c.up(s, sa)
		}
	}
	known := len(s.sas)
	s.sas = slices.DeleteFunc(s.sas, func(sa ikeSA) bool {
		return !slices.ContainsFunc(listed, func(l ikeSA) bool { return l.id == sa.id })
	})
	if len(s.sas) < known {
		s.ended = Tunnels{} // perhaps it has gone with its IKE_SA
	}
	s.assumed = false
	c.want(s, s.wishes.without(s.ended).or(s.tunnelled()))
	s.ended = Tunnels{}
}
