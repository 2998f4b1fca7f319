package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/addresspool"
)

// check looks whether the options fit together. Those that are wrong by
// themselves are missing here, which must not be reported again.
func (b *builder) check() {
	if b.config.IKE.Identity == "" {
		b.config.IKE.Identity = b.config.Diameter.Identity
	}
	b.checkDiameter()
	b.checkHomeAgents()
	b.checkPrefixes()
	b.checkNetworks()
	b.checkMobileNodes()
	b.checkMobility()
	b.checkMetrics()
}

func (b *builder) checkHomeAgents() {
	const key = "home_agent.addresses"
	seen := map[netip.Addr]bool{}
	for _, a := range b.config.HomeAgent.Addresses {
		if seen[a] {
			b.failed(key, "%s is listed twice", a)
		}
		seen[a] = true
		if b.config.Mobility.HomeLink == Physical && !b.onHomePrefix(a) {
			b.failed(key, "%s is on none of the home prefixes (with a physical home link the home agent is a node on it)", a)
		}
	}
	if len(seen) == 0 {
		b.failed(key, "no address is listed (at least one is needed)")
	}
	if len(seen) > maxHomeAgents {
		b.failed(key, "%d addresses are listed (at most %d)", len(seen), maxHomeAgents)
	}
}

func (b *builder) onHomePrefix(a netip.Addr) bool {
	return slices.ContainsFunc(b.config.Prefixes, func(p HomePrefix) bool { return p.Prefix.Contains(a) })
}

func (b *builder) checkPrefixes() {
	if len(b.config.Prefixes) == 0 {
		b.failed("home_prefix", "no home prefix is listed, so no home address could be given (add a [[home_prefix]])")
	}
	for i, p := range b.config.Prefixes {
		key := fmt.Sprintf("home_prefix[%d]", i)
		for _, earlier := range b.config.Prefixes[:i] {
			if p.Prefix.Overlaps(earlier.Prefix) {
				b.failed(key+".prefix", "%s overlaps %s, which is listed already", p.Prefix, earlier.Prefix)
			}
		}
		if p.Prefix.IsValid() {
			b.checkAgentIn(key, p.Prefix)
			b.checkRange(key, p)
		}
		if p.Preferred.Exceeds(p.Valid) {
			b.failed(key+".preferred_lifetime", "%s is longer than valid_lifetime, %s", p.Preferred, p.Valid)
		}
	}
}

// checkAgentIn asks for a home agent in each home prefix: mobile nodes look for
// one by an anycast address of their prefix, and take those of other prefixes
// for no home agents of theirs (RFC 6275 sections 10.5 and 11.4.1).
func (b *builder) checkAgentIn(key string, prefix netip.Prefix) {
	agents := b.config.HomeAgent.Addresses
	if len(agents) > 0 && !slices.ContainsFunc(agents, prefix.Contains) {
		b.failed(key+".prefix", "none of home_agent.addresses is in %s (mobile nodes look there for their home agent)", prefix)
	}
}

func (b *builder) checkRange(key string, p HomePrefix) {
	inside := func(name string, a netip.Addr) bool {
		if a.IsValid() && !p.Prefix.Contains(a) {
			b.failed(key+"."+name, "%s is not in %s", a, p.Prefix)
			return false
		}
		return true
	}
	for _, a := range p.Reserved {
		inside("reserved", a)
	}
	if !inside("first", p.First) || !inside("last", p.Last) {
		return
	}
	if p.First.IsValid() && p.Last.IsValid() && p.Last.Less(p.First) {
		b.failed(key+".last", "%s comes before first, %s", p.Last, p.First)
		return
	}
	_, err := addresspool.New(addresspool.Config{
		Prefixes: []addresspool.Prefix{{Prefix: p.Prefix, First: p.First, Last: p.Last}},
		Reserved: slices.Concat(p.Reserved, b.config.HomeAgent.Addresses),
	})
	if err != nil {
		b.failed(key+".prefix", "no home address can be given: %v", errors.Unwrap(err))
	}
}

// checkNetworks compares each network with the one before it in their order:
// of two that overlap the shorter comes first, and only others inside it lie
// between them.
func (b *builder) checkNetworks() {
	order := make([]int, len(b.config.Mobility.Networks))
	for i := range order {
		order[i] = i
	}
	network := func(i int) netip.Prefix { return b.config.Mobility.Networks[i].Prefix }
	slices.SortStableFunc(order, func(i, j int) int { return network(i).Compare(network(j)) })
	var outer netip.Prefix
	for _, i := range order {
		key := fmt.Sprintf("mobility.network[%d].prefix", i)
		for _, p := range b.config.Prefixes {
			if network(i).Overlaps(p.Prefix) {
				b.failed(key, "%s overlaps the home prefix %s", network(i), p.Prefix)
			}
		}
		if network(i).Overlaps(outer) {
			b.failed(key, "%s overlaps %s, which is listed too", network(i), outer)
			continue
		}
		outer = network(i)
	}
}

// minRefreshRequest is the unit of the lifetimes of bindings: what is asked for
// later comes too late.
const minRefreshRequest = 4 * time.Second

func (b *builder) checkMobility() {
	m := &b.config.Mobility
	if (m.HomeLink == Physical) != (m.Interface != "") && !b.wrong["mobility.home_link"] {
		b.failedAt("mobility.home_link", "mobility.interface", "a physical home link needs the name of its interface, a virtual one has none")
	}
	if m.RefreshRequest > 0 && m.RefreshRequest < minRefreshRequest {
		b.failed("mobility.refresh_request", "%s is too short (must be 0s or at least %s)", brief(m.RefreshRequest), brief(minRefreshRequest))
	}
	if shortest, longest := m.MinPrefixInterval, m.MaxPrefixInterval; longest != 0 && longest < shortest {
		b.failed("mobility.max_prefix_advertisement_interval", "%s is shorter than mobility.min_prefix_advertisement_interval, %s (must not be, unless it is 0s)", brief(longest), brief(shortest))
	}
	// Until a request is answered or taken back, the address its user leaves
	// must not go to another one.
	if timeout := b.config.Limits.EffectTimeout; m.HoldDown < timeout {
		b.failed("mobility.hold_down", "%s is too short (must be at least limits.effect_timeout, %s)", brief(m.HoldDown), brief(timeout))
	}
}
