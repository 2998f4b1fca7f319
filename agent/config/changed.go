package config

import (
	"reflect"
	"slices"
)

// live are the options, and the sections that can stand several times, which a
// running daemon takes over. The others are of things that mobile nodes, peers
// or the kernel hold on to: they take effect at a restart.
var live = []string{
	"diameter.certificate", "diameter.key", "diameter.ca", "diameter.strict_vector", "diameter.peer",
	"mobility.max_lifetime", "mobility.refresh_request", "mobility.require_alternate_care_of", "mobility.network",
	"limits.sessions", "limits.authorization",
	"log.level",
}

// Live reports whether a running daemon takes over a change of the option.
func (o Option) Live() bool {
	return slices.Contains(live, o.Key) || o.Repeated && slices.Contains(live, o.section())
}

// repeated are the sections that can stand several times.
var repeated = map[string]func(*Config) any{
	"diameter.listen":  func(c *Config) any { return c.Diameter.Listen },
	"diameter.peer":    func(c *Config) any { return c.Diameter.Peers },
	"home_prefix":      func(c *Config) any { return c.Prefixes },
	"mobility.network": func(c *Config) any { return c.Mobility.Networks },
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
		if o.Repeated {
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
	mixed.Diameter.Certificate, mixed.Diameter.Key, mixed.Diameter.CA = c.Diameter.Certificate, c.Diameter.Key, c.Diameter.CA
	mixed.Diameter.StrictVector, mixed.Diameter.Peers = c.Diameter.StrictVector, c.Diameter.Peers
	mixed.Mobility.MaxLifetime, mixed.Mobility.Networks = c.Mobility.MaxLifetime, c.Mobility.Networks
	mixed.Mobility.RefreshRequest = c.Mobility.RefreshRequest
	mixed.Mobility.RequireAlternateCareOf = c.Mobility.RequireAlternateCareOf
	mixed.Limits.Sessions, mixed.Limits.Authorization = c.Limits.Sessions, c.Limits.Authorization
	mixed.Log = c.Log
	return &mixed
}
