package ike

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"homeagent/ike/vici"
)

// Each session has pools of its own where addresses are assigned (RFC 4877 section
// 9): charon would give those of a shared one to whoever comes first. They hold the
// home address only, which never changes for their name: one that is left behind does
// no harm. There are two: charon leaves the address to the IKE_SA that had it until
// that is destroyed, and a mobile node that lost it and comes from elsewhere has its
// next IKE_SA before.
//
// They are loaded before the connection, and unloaded after it, which charon refuses
// as long as the address is leased. As they are no more than a part of the
// connection, they have no lane. They cannot be listed: see vici.Link.HasPool. But
// "swanctl --load-pools", which removes those of others without a lease, removes one
// then that nobody can have a lease of, the sentinel.
const (
	sentinel  = prefix + "sentinel"
	spareName = "-spare"
)

// sentinelAddr is of the discard prefix (RFC 6666).
var sentinelAddr = netip.MustParseAddr("100::")

// pools is what charon holds of them. It is under Charon's lock.
type pools struct {
	loaded  map[string]bool // names of sessions whose pools charon holds, or may hold
	due     map[string]bool // those of them to be unloaded, if they are idle still
	guarded bool            // the sentinel is loaded
	wake    chan<- struct{}
}

func newPools(wake chan<- struct{}) *pools {
	return &pools{loaded: make(map[string]bool), due: make(map[string]bool), wake: wake}
}

// poolNames are the pools of a connection: that for the next IKE_SA is the second
// while the first is taken.
func poolNames(name string) []string { return []string{name, name + spareName} }

// poolsOf are the pools that a connection assigns its mobile node's address from.
func (c *Charon) poolsOf(name string) []string {
	if !c.cfg.AssignHomeAddress {
		return nil
	}
	return poolNames(name)
}

// pooled records that a session's pools are about to be loaded.
func (p *pools) pooled(name string) {
	p.loaded[name] = true
	delete(p.due, name)
}

// loadConns loads connections after their pools, without which charon would refuse
// the addresses that are asked for.
func (j *job) loadConns(ctx context.Context, link *vici.Link) error {
	pools := j.pools
	if j.guards() {
		pools = append(slices.Clone(pools), vici.Pool{Name: sentinel, Address: sentinelAddr})
	}
	if len(pools) > 0 {
		if err := link.LoadPools(ctx, pools...); err != nil {
			return err
		}
	}
	return link.LoadConns(ctx, j.conns...)
}

// guards tells whether the job loads the sentinel.
func (j *job) guards() bool { return j.guard && len(j.pools) > 0 }

// isIdle tells whether a session has no use for its pools: it is not loaded, and no
// IKE_SA of a wanted one has the address.
func (c *Charon) isIdle(name string) bool {
	s := c.sessions[name]
	if s == nil {
		return true
	}
	conn := s.parts[connPart]
	return s.target() == absent && conn.held == absent && !conn.busy && (!s.wanted || len(s.sas) == 0 && !s.assumed)
}

// tidy has the pools of a session unloaded if they are idle.
func (c *Charon) tidy(name string) {
	if !c.pools.loaded[name] || !c.isIdle(name) {
		return
	}
	c.pools.due[name] = true
	select {
	case c.pools.wake <- struct{}{}:
	default:
	}
}

// takePool takes a session's name whose pools are to be unloaded.
func (c *Charon) takePool() (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.pools.due {
		delete(c.pools.due, name)
		if c.isIdle(name) {
			return name, true
		}
	}
	return "", false
}

// hasManyPools tells whether they must not wait until there is nothing else to do.
func (c *Charon) hasManyPools() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pools.due) > evictSlack
}

// unloadIdle unloads one session's pools, if there are any to be unloaded. It fails
// only if the connection is dead.
func (c *Charon) unloadIdle(ctx context.Context, link *vici.Link) (done bool, err error) {
	name, ok := c.takePool()
	if !ok {
		return false, nil
	}
	if err := c.unloadPools(ctx, link, name); errors.Is(err, vici.ErrDead) {
		return true, err
	}
	return true, nil
}

// unloadPools unloads a session's pools. Those of which somebody has the address
// are left to the next comparison.
func (c *Charon) unloadPools(ctx context.Context, link *vici.Link, name string) error {
	var errs []error
	for _, n := range poolNames(name) {
		_, err := link.UnloadPool(ctx, n)
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		delete(c.pools.loaded, name)
	case !errors.Is(err, vici.ErrLeased):
		c.lastError, c.lastErrorAt = err, time.Now()
	}
	return err
}

// comparePools finds out whether somebody has removed pools, and has them loaded
// again with their connections.
func (c *Charon) comparePools(ctx context.Context, link *vici.Link) error {
	c.mu.Lock()
	guarded := c.pools.guarded
	c.mu.Unlock()
	held := !guarded
	if guarded {
		var err error
		if held, err = link.HasPool(ctx, sentinel); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !held {
		c.losePools()
	}
	for name := range c.pools.loaded {
		c.tidy(name)
	}
	return nil
}

// losePools takes over that charon has lost its pools.
func (c *Charon) losePools() {
	c.pools.guarded = false
	missing := 0
	for name := range c.pools.loaded {
		s := c.sessions[name]
		if s == nil || s.parts[connPart].held == absent || s.parts[connPart].busy {
			continue // those an IKE_SA has the address of are there still
		}
		c.hold(connPart, s, unknown)
		c.settle(s)
		missing++
	}
	c.counts.repaired += uint64(missing)
	if missing > 0 {
		c.say(slog.LevelWarn, "charon did not hold what it should", "part", "pool", "missing", missing)
	}
}
