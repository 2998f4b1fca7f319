package agent

import (
	"net/netip"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/config"
)

// bindingRules are what registrations are judged by.
func (a *Agent) bindingRules(cfg *config.Config) bindingcache.Config {
	rules := bindingcache.Config{
		Authority: authority{a, networksOf(cfg)}, HomeAgents: cfg.HomeAgent.Addresses,
		MaxLifetime: cfg.Mobility.MaxLifetime, MobileRouters: len(cfg.Mobility.Networks) > 0, FollowIKE: true,
		RequireAlternateCareOf: cfg.Mobility.RequireAlternateCareOf, RefreshRequest: cfg.Mobility.RefreshRequest,
	}
	if cfg.Mobility.HomeLink == config.Physical {
		rules.HomeLink = bindingcache.PhysicalHomeLink
	}
	for _, p := range cfg.Prefixes {
		rules.Prefixes = append(rules.Prefixes, bindingcache.HomePrefix{Prefix: p.Prefix, Valid: p.Valid, Preferred: p.Preferred})
	}
	return rules
}

// networksOf are the mobile networks of each user (RFC 3963).
func networksOf(cfg *config.Config) map[string][]netip.Prefix {
	networks := map[string][]netip.Prefix{}
	for _, n := range cfg.Mobility.Networks {
		networks[n.UserName] = append(networks[n.UserName], n.Prefix)
	}
	return networks
}

// authority lets a mobile node register the home address of its own session,
// for as long as that lasts.
type authority struct {
	agent    *Agent
	networks map[string][]netip.Prefix
}

// Grant is bindingcache.Authority's.
func (a authority) Grant(home netip.Addr, now time.Time) bindingcache.Grant {
	s, ok := a.agent.sessions.Entitled(home)
	end := s.EndsAt()
	if !ok || !end.IsZero() && !now.Before(end) {
		return bindingcache.Grant{}
	}
	keying := bindingcache.KeyedByIKE
	if s.Manual {
		keying = bindingcache.KeyedManually
	}
	return bindingcache.Grant{
		Keying: keying, Standing: bindingcache.Authorized, Identity: s.UserName, HomeAgent: s.HomeAgent, Until: end,
		Prefixes: a.networks[s.UserName], IKEPeer: s.CareOf,
	}
}
