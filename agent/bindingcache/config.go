package bindingcache

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"homeagent/agent/lifetime"
	"homeagent/agent/mobility"
)

// LingerTime is how long a de-registered binding is remembered:
// MAX_DELETE_BCE_TIMEOUT of RFC 6275 section 12.
const LingerTime = 10 * time.Second

// A HomeLink is what the home prefixes are on.
type HomeLink uint8

// Kinds of home links.
const (
	// VirtualHomeLink has no nodes: the prefixes are routed to the home
	// agent, and there is neither duplicate address detection nor proxying.
	VirtualHomeLink HomeLink = iota
	PhysicalHomeLink
)

// A HomePrefix is a prefix that home addresses are taken from (RFC 6275 section
// 10.6.1).
type HomePrefix struct {
	Prefix           netip.Prefix
	Valid, Preferred lifetime.Lifetime
}

// Config is what the judgement of Binding Updates depends on.
type Config struct {
	Authority  Authority
	HomeAgents []netip.Addr // the addresses that registrations are taken at
	Prefixes   []HomePrefix
	HomeLink   HomeLink

	// MaxLifetime cuts what mobile nodes ask for, down to units of 4 seconds.
	// Zero leaves it to the protocol's own limit.
	MaxLifetime time.Duration
	// MaxBindings is how many there may be at a time; 0 is no limit. Nothing
	// is thrown out to make room (RFC 6275 section 10.3.1).
	MaxBindings int
	// MobileRouters allows bindings with the R flag (RFC 3963).
	MobileRouters bool
	// RequireAlternateCareOf refuses registrations from away whose care-of
	// address stands in the IPv6 header only, where ESP does not protect it
	// (RFC 4877 section 4.3).
	RequireAlternateCareOf bool
	// AllowUnprotected accepts Binding Updates outside of IPsec. Anyone can
	// then redirect anyone's packets; for trials only.
	AllowUnprotected bool
	// FollowIKE says that the key management protocol's endpoint can be moved
	// with the mobile node: the K bit may be granted.
	FollowIKE bool
	// VolatileStore says that bindings do not survive a restart, which is when
	// a refresh is advised before the end (RFC 6275 section 10.3.1).
	VolatileStore bool
	// RefreshRequest is how long before expiry a Binding Refresh Request is
	// sent, and again each time half of what remains has gone by. Zero sends
	// none.
	RefreshRequest time.Duration
}

func (cfg *Config) validate() error {
	if cfg.Authority == nil {
		return errors.New("configuring the binding cache: an Authority is needed")
	}
	if len(cfg.HomeAgents) == 0 {
		return errors.New("configuring the binding cache: at least one home agent address is needed")
	}
	for _, a := range cfg.HomeAgents {
		if !routable(a) {
			return fmt.Errorf("configuring the binding cache: home agent address %s is not a routable IPv6 unicast address", a)
		}
	}
	for _, p := range cfg.Prefixes {
		if !p.Prefix.IsValid() || !routable(p.Prefix.Addr().Next()) || p.Prefix != p.Prefix.Masked() {
			return fmt.Errorf("configuring the binding cache: home prefix %s is not a routable IPv6 prefix without host bits", p.Prefix)
		}
	}
	return cfg.validateLimits()
}

func (cfg *Config) validateLimits() error {
	if d := cfg.MaxLifetime; d != 0 && d < mobility.LifetimeUnit {
		return fmt.Errorf("configuring the binding cache: maximum lifetime of %s (must be at least %s, or 0 for no limit)", d, mobility.LifetimeUnit)
	}
	if cfg.MaxBindings < 0 {
		return fmt.Errorf("configuring the binding cache: at most %d bindings (must be at least 1, or 0 for no limit)", cfg.MaxBindings)
	}
	if d := cfg.RefreshRequest; d != 0 && d < minRequestInterval {
		return fmt.Errorf("configuring the binding cache: refresh request %s before expiry (must be at least %s, or 0 for none)", d, minRequestInterval)
	}
	return nil
}

// prefixOf returns the home prefix that an address is in.
func (cfg *Config) prefixOf(home netip.Addr) (HomePrefix, bool) {
	for _, p := range cfg.Prefixes {
		if p.Prefix.Contains(home) {
			return p, true
		}
	}
	return HomePrefix{}, false
}

// routable reports whether a is what RFC 6275 calls a unicast routable address:
// one that a node can be reached at from beyond its link.
func routable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast()
}
