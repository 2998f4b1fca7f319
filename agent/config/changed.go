package config

import (
	"net/netip"
	"reflect"
	"slices"

	"homeagent/agent/lifetime"
)

// live are the options, and the sections that can stand several times, which a
// running daemon takes over. The others are of things that mobile nodes, peers
// or the kernel hold on to: they take effect at a restart.
var live = []string{
	"diameter.certificate", "diameter.key", "diameter.ca", "diameter.strict_vector", "diameter.peer",
	"home_prefix.valid_lifetime", "home_prefix.preferred_lifetime",
	"mobility.max_lifetime", "mobility.refresh_request", "mobility.require_alternate_care_of", "mobility.network", "mobile_node",
	"limits.sessions", "limits.authorization",
	"log.level",
}

// Live reports whether a running daemon takes over a change of the option.
func (o Option) Live() bool {
	return slices.Contains(live, o.Key) || o.Repeated && slices.Contains(live, o.section())
}

// repeated are the sections that can stand several times, and the options of them
// that are looked at apart from the rest.
var repeated = map[string]func(*Config) any{
	"diameter.listen":  func(c *Config) any { return c.Diameter.Listen },
	"diameter.peer":    func(c *Config) any { return c.Diameter.Peers },
	"home_prefix":      func(c *Config) any { return withoutLifetimes(c.Prefixes) },
	"mobile_node":      func(c *Config) any { return c.MobileNodes },
	"mobility.network": func(c *Config) any { return c.Mobility.Networks },

	"home_prefix.valid_lifetime":     func(c *Config) any { return lifetimes(c, func(p HomePrefix) lifetime.Lifetime { return p.Valid }) },
	"home_prefix.preferred_lifetime": func(c *Config) any { return lifetimes(c, func(p HomePrefix) lifetime.Lifetime { return p.Preferred }) },
}

func withoutLifetimes(prefixes []HomePrefix) []HomePrefix {
	bare := slices.Clone(prefixes)
	for i := range bare {
		bare[i].Valid, bare[i].Preferred = lifetime.Lifetime{}, lifetime.Lifetime{}
	}
	return bare
}

// lifetimes are those that end.
func lifetimes(c *Config, of func(HomePrefix) lifetime.Lifetime) map[netip.Prefix]lifetime.Lifetime {
	all := map[netip.Prefix]lifetime.Lifetime{}
	for _, p := range c.Prefixes {
		if l := of(p); l != (lifetime.Lifetime{}) {
			all[p.Prefix] = l
		}
	}
	return all
}

// Changes are the options, and the sections that can stand several times, in
// which two configurations differ, in the order of the manual.
type Changes struct {
	Live  []string // a running daemon takes them over
	Fixed []string // take effect at a restart
}

// Compare tells in what a configuration differs from the one before.
func Compare(before, now *Config) Changes {
	var found Changes
	for _, o := range options() {
		key, value := o.Key, o.get
		if apart := repeated[key]; apart != nil {
			value = apart
		} else if o.Repeated {
			key, value = o.section(), repeated[o.section()]
		}
		if slices.Contains(found.Live, key) || slices.Contains(found.Fixed, key) ||
			reflect.DeepEqual(value(before), value(now)) {
			continue
		}
		if o.Live() {
			found.Live = append(found.Live, key)
		} else {
			found.Fixed = append(found.Fixed, key)
		}
	}
	return found
}

// WithFixed is a configuration with what takes effect at a restart as in the one
// in force: what a daemon has that took over the rest.
func (c *Config) WithFixed(inForce *Config) *Config {
	mixed := *inForce
	mixed.places = c.places
	mixed.Diameter.Certificate, mixed.Diameter.Key, mixed.Diameter.CA = c.Diameter.Certificate, c.Diameter.Key, c.Diameter.CA
	mixed.Diameter.StrictVector, mixed.Diameter.Peers = c.Diameter.StrictVector, c.Diameter.Peers
	mixed.Mobility.MaxLifetime, mixed.Mobility.Networks = c.Mobility.MaxLifetime, c.Mobility.Networks
	mixed.Mobility.RefreshRequest = c.Mobility.RefreshRequest
	mixed.Mobility.RequireAlternateCareOf = c.Mobility.RequireAlternateCareOf
	mixed.MobileNodes = c.MobileNodes
	mixed.Limits.Sessions, mixed.Limits.Authorization = c.Limits.Sessions, c.Limits.Authorization
	mixed.Log = c.Log
	mixed.Prefixes = withLifetimesOf(c.Prefixes, inForce.Prefixes)
	return &mixed
}

// CheckMixed tells whether mobile nodes and networks of a configuration that
// [Config.WithFixed] made are possible with the rest of it, which the one that was read
// may have had otherwise. The error is of type [Problems].
func (c *Config) CheckMixed() error {
	b := &builder{config: *c, places: c.places, wrong: map[string]bool{}}
	b.config.MobileNodes = slices.Clone(c.MobileNodes)
	b.checkNetworks()
	b.checkMobileNodes()
	for i := range b.problems {
		b.problems[i].Text += "; until a restart what is in force counts (systemctl restart homeagent takes all of it over)"
	}
	return b.err()
}

// withLifetimesOf are the prefixes in force, as long as the same ones are to last now.
func withLifetimesOf(now, inForce []HomePrefix) []HomePrefix {
	mixed := slices.Clone(inForce)
	for i := range mixed {
		for _, p := range now {
			if p.Prefix == mixed[i].Prefix {
				mixed[i].Valid, mixed[i].Preferred = p.Valid, p.Preferred
			}
		}
	}
	return mixed
}
