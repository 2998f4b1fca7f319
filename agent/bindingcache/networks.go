package bindingcache

import (
	"net/netip"
	"slices"

	"homeagent/agent/mobility"
)

// checkNetworks settles which mobile networks are reached through the binding
// (RFC 3963 section 6.2): all that the update names, or all that are known for
// this home address if it names none.
func checkNetworks(j *judgement) Reason {
	m := j.update.Message
	if j.update.deregisters() || !m.Flags.Has(mobility.FlagMobileRouter) {
		return 0
	}
	if !j.cache.cfg.MobileRouters {
		return RouterNotPermitted
	}
	if len(m.NetworkPrefixes) > 0 {
		return j.namedNetworks(m.NetworkPrefixes)
	}
	if len(j.grant.Prefixes) == 0 {
		return NetworkUnknown
	}
	return j.setNetworks(slices.Clone(j.grant.Prefixes))
}

func (j *judgement) namedNetworks(named []mobility.NetworkPrefix) Reason {
	networks := make([]netip.Prefix, len(named))
	for i, n := range named {
		prefix, ok := n.Prefix()
		if !ok || !routable(prefix.Addr()) {
			return NetworkInvalid
		}
		if !j.grant.allows(prefix) {
			return NetworkNotAuthorized
		}
		networks[i] = prefix
	}
	return j.setNetworks(networks)
}

// allows reports whether p is, or is a part of, a network of the mobile router.
func (g *Grant) allows(p netip.Prefix) bool {
	return slices.ContainsFunc(g.Prefixes, func(own netip.Prefix) bool {
		return own.Bits() <= p.Bits() && own.Contains(p.Addr())
	})
}

// setNetworks takes the networks over if every one of them can be forwarded: none
// is another mobile router's already, holds the way to itself, or holds us.
func (j *judgement) setNetworks(networks []netip.Prefix) Reason {
	slices.SortFunc(networks, netip.Prefix.Compare)
	networks = slices.Compact(networks)
	for _, p := range networks {
		if owner, ok := j.cache.networks[p]; ok && owner != j.home {
			return NetworkInvalid
		}
		if slices.ContainsFunc(j.cache.cfg.HomeAgents, p.Contains) {
			return NetworkInvalid
		}
		if p.Contains(j.careOf) {
			return CareOfIsHome
		}
	}
	j.networks = networks
	return 0
}
