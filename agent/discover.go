package agent

import (
	"net/netip"

	"homeagent/agent/bindingcache"
	"homeagent/agent/config"
	"homeagent/agent/discovery"
	"homeagent/ike"
	"homeagent/xfrm"
)

// A Discovery is the task that tells mobile nodes of their home agents and prefixes;
// discovery.Server is the real one.
type Discovery interface {
	Task
	// Bound and Unbound tell of the mobile nodes that have a binding.
	Bound(home netip.Addr)
	Unbound(home netip.Addr)
	// Reconfigure replaces what is told.
	Reconfigure(links []discovery.Link) error
}

// buildDiscovery prepares answers to mobile nodes that look for their home
// agents and prefixes (RFC 6275 sections 10.5 and 10.6).
func (a *Agent) buildDiscovery() error {
	if a.deps.Discover == nil {
		return nil
	}
	var err error
	a.discovery, err = a.deps.Discover(discovery.Config{
		Links: []discovery.Link{homeLinkOf(a.cfg)}, Binding: a.registered,
		Protect: xfrm.ProtectSocket, RequireESP: a.cfg.Mobility.ProtectPrefixDiscovery,
		MinInterval: a.cfg.Mobility.MinPrefixInterval, MaxInterval: a.cfg.Mobility.MaxPrefixInterval, Log: a.deps.Log,
	})
	return err
}

// tellDiscovery tells which mobile nodes have a binding.
func (a *Agent) tellDiscovery(o *bindingcache.Outcome) {
	if a.discovery == nil {
		return
	}
	switch o.Reason {
	case bindingcache.Registered, bindingcache.Refreshed, bindingcache.Moved:
		a.discovery.Bound(o.HomeAddress)
	case bindingcache.Deregistered, bindingcache.Expired, bindingcache.PrefixInvalid, bindingcache.Removed:
		a.discovery.Unbound(o.HomeAddress)
	}
}

// restoreDiscovery tells of the bindings that were restored.
func (a *Agent) restoreDiscovery() {
	if a.discovery == nil {
		return
	}
	for _, v := range a.registrar.Bindings() {
		if v.Active() {
			a.discovery.Bound(v.HomeAddress)
		}
	}
}

func homeLinkOf(cfg *config.Config) discovery.Link {
	link := discovery.Link{
		Interface: cfg.Mobility.Interface, HomeAgents: cfg.HomeAgent.Addresses,
		Preference: uint16(cfg.Mobility.Preference), MobileRouters: len(cfg.Mobility.Networks) > 0,
	}
	for _, p := range cfg.Prefixes {
		link.Prefixes = append(link.Prefixes, discovery.Prefix{
			Prefix: p.Prefix, OnLink: cfg.Mobility.HomeLink == config.Physical, Valid: p.Valid, Preferred: p.Preferred,
		})
	}
	return link
}

// registered finds the binding of a home address, if it is in force.
func (a *Agent) registered(home netip.Addr) (discovery.Binding, bool) {
	v, ok := a.registrar.Binding(home)
	b := discovery.Binding{CareOf: v.CareOf, HomeAgent: v.HomeAgent}
	if owner, ok := a.sessions.Owner(home); ok && a.protectsPrefixes(home) {
		b.Association = ike.PrefixReqID(owner.ReqID)
	}
	return b, ok && v.Active()
}

// protectsPrefixes tells whether there is a security association for Mobile Prefix
// Advertisements to a home address.
func (a *Agent) protectsPrefixes(home netip.Addr) bool {
	if n, manual := a.manualNode(home); manual {
		return n.DiscoversPrefixes()
	}
	return a.charon.HasPrefixSA(home)
}
