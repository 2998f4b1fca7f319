package ike

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"homeagent/ike/vici"
)

// poll compares from time to time until ctx ends. A failing comparison ends it
// only if the connection is dead.
func (c *Charon) poll(ctx context.Context, link *vici.Link) {
	parts, sas := time.NewTicker(c.cfg.Poll), time.NewTicker(c.cfg.SAPoll)
	defer parts.Stop()
	defer sas.Stop()
	err := c.listSAs(ctx, link) // events before this connection were missed
	for {
		if err != nil && ctx.Err() == nil {
			c.report(err)
		}
		select {
		case <-parts.C:
			err = c.compare(ctx, link)
		case <-sas.C:
			err = c.listSAs(ctx, link)
		case <-ctx.Done():
			return
		}
	}
}

// report records an error that concerns no session in particular.
func (c *Charon) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastError, c.lastErrorAt = err, time.Now()
	if !errors.Is(err, vici.ErrDead) {
		c.say(slog.LevelWarn, "charon cannot be compared", "error", err)
	}
}

// compare asks charon which keys and connections it holds and repairs what is
// not as it should be: what a foreign "swanctl --load-all" or a restart removed
// is loaded again, what is ours and not wanted is unloaded. No event tells of
// either. What is not ours is not touched.
func (c *Charon) compare(ctx context.Context, link *vici.Link) error {
	for k, list := range [partKinds]func(context.Context) ([]string, error){keyPart: link.SharedIDs, connPart: link.ConnNames} {
		c.mu.Lock()
		start := c.clock
		clear(c.gone[k])
		c.mu.Unlock()
		names, err := list(ctx)
		if err != nil {
			return fmt.Errorf("comparing charon's %ss: %w", partKind(k), err)
		}
		c.reconcile(partKind(k), names, start)
	}
	if c.cfg.AssignHomeAddress {
		if err := c.comparePools(ctx, link); err != nil {
			return fmt.Errorf("comparing charon's pools: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.reconciled++
	c.retry()
	return nil
}

// reconcile takes over which parts of a kind charon holds. What was changed
// since start, or is being changed, is known better already.
func (c *Charon) reconcile(kind partKind, names []string, start uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed := make(map[string]bool, len(names))
	removed := 0
	for _, name := range names {
		if !isOurs(name) || c.gone[kind][name] {
			continue
		}
		listed[name] = true
		removed += c.found(kind, name, start)
	}
	repaired := 0
	for name, s := range c.present[kind] {
		if !listed[name] && s.parts[kind].isCurrent(start) {
			repaired += c.missed(kind, s)
		}
	}
	c.counts.removed += uint64(removed)
	c.counts.repaired += uint64(repaired)
	if removed+repaired > 0 {
		c.say(slog.LevelWarn, "charon did not hold what it should", "part", kind, "missing", repaired, "unwanted", removed)
	}
}

// isCurrent reports whether a part was left alone since start.
func (p *part) isCurrent(start uint64) bool { return !p.busy && p.touched <= start }

// found takes over that charon holds a part. It returns 1 if it should not: it
// is left from a former life of ours and is unloaded.
func (c *Charon) found(kind partKind, name string, start uint64) int {
	s := c.sessions[name]
	if s == nil {
		s = &session{name: name}
		c.sessions[name] = s
	}
	if part := &s.parts[kind]; part.held != absent || !part.isCurrent(start) {
		return 0
	}
	c.hold(kind, s, unknown)
	c.settle(s)
	if s.wanted {
		return 0
	}
	return 1
}

// missed takes over that charon does not hold a part. It returns 1 if it
// should.
func (c *Charon) missed(kind partKind, s *session) int {
	c.hold(kind, s, absent)
	wanted := s.target() != absent
	c.settle(s)
	if wanted {
		return 1
	}
	return 0
}

// retry sees to what should be loaded and is not, those first that need it
// most: what charon refused once it may take now.
func (c *Charon) retry() {
	for _, w := range c.windows {
		for s := range w.Loaded() {
			s.refused = absent
			c.push(s, backlog)
		}
	}
}
