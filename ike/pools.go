package ike

import (
	"context"
	"fmt"
	"log/slog"

	"homeagent/ike/vici"
)

// Each session has a pool of its own where addresses are assigned: charon would give
// those of a shared one to whoever comes first. A pool is named as its connection is
// and holds the home address only, which never changes for that name: one that is
// left behind does no harm. It is loaded before the connection, and unloaded after
// it unless the address is leased. As it is no more than a part of the connection,
// it has no lane.

// poolNames are the pools that a connection assigns its mobile node's address from.
func (c *Charon) poolNames(name string) []string {
	if !c.cfg.AssignHomeAddress {
		return nil
	}
	return []string{name}
}

// loadConns loads connections after their pools, without which charon would refuse
// the addresses that are asked for.
func (j *job) loadConns(ctx context.Context, link *vici.Link) error {
	if len(j.pools) > 0 {
		if err := link.LoadPools(ctx, j.pools...); err != nil {
			return err
		}
	}
	return link.LoadConns(ctx, j.conns...)
}

// mostPools is how many pools charon can list in one reply, with room to spare.
const mostPools = 4000

// comparePools repairs what compare does not see: a connection whose pool is missing
// is loaded again with it, and a pool is unloaded that outlived its connection
// because its address was leased then. Beyond mostPools, which charon could not list,
// the former waits until the connection is loaded again for another reason.
func (c *Charon) comparePools(ctx context.Context, link *vici.Link) error {
	c.mu.Lock()
	start, held := c.clock, len(c.present[connPart])
	for _, s := range c.sessions {
		if len(s.sas) > 0 && s.parts[connPart].held == absent {
			held++ // its address may be leased
		}
	}
	c.mu.Unlock()
	if held > mostPools {
		return nil
	}
	names, err := link.PoolNames(ctx)
	if err != nil {
		return fmt.Errorf("comparing charon's pools: %w", err)
	}
	for _, name := range c.reconcilePools(names, start) {
		if err := link.UnloadPool(ctx, name); err != nil {
			return fmt.Errorf("unloading a pool that nobody uses: %w", err)
		}
	}
	return nil
}

// reconcilePools takes over which pools charon holds, and returns those that may go.
// What was changed since start, or is being changed, is known better already.
func (c *Charon) reconcilePools(names []string, start uint64) (idle []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed := make(map[string]bool, len(names))
	for _, name := range names {
		listed[name] = true
		if s := c.sessions[name]; isOurs(name) && (s == nil || len(s.sas) == 0 && s.parts[connPart].held == absent && s.parts[connPart].isCurrent(start)) {
			idle = append(idle, name)
		}
	}
	missing := 0
	for name, s := range c.present[connPart] {
		if !listed[name] && s.parts[connPart].isCurrent(start) {
			c.hold(connPart, s, unknown)
			c.settle(s)
			missing++
		}
	}
	c.counts.repaired += uint64(missing)
	if missing > 0 {
		c.say(slog.LevelWarn, "charon did not hold what it should", "part", "pool", "missing", missing)
	}
	return idle
}
