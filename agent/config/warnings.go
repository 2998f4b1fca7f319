package config

import (
	"errors"
	"slices"
)

// Warnings tell what is allowed in a configuration that was loaded, and most
// likely not meant; [Config.Locate] tells where each was set. A home agent that has
// mobile nodes of its own may do without a peer that bootstraps any.
func (c *Config) Warnings() []*OptionError {
	var all []*OptionError
	mayBootstrap := func(p Peer) bool { return p.Bootstrapper }
	if peers := c.Diameter.Peers; len(peers) > 0 && len(c.MobileNodes) == 0 && !slices.ContainsFunc(peers, mayBootstrap) {
		all = append(all, &OptionError{"diameter.peer[0].bootstrapper", errors.New(
			"no peer may bootstrap mobile nodes, so every HMR is refused (write bootstrapper = true in the [[diameter.peer]] of the AAA server)")})
	}
	return all
}
