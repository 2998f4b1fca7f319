package config

import (
	"math"
	"net/netip"
	"time"

	"homeagent/agent/lifetime"
)

func homeAgentOptions() []Option {
	return []Option{
		required("home_agent.addresses", "The addresses of this box that mobile nodes register with, each configured on an interface. Mobile nodes are spread over them. Sessions with one that leaves the list are dormant from the next start on, like those of a home prefix that does.", flat(list(addresses)), func(c *Config) *[]netip.Addr { return &c.HomeAgent.Addresses }),
	}
}

func prefixOptions() []Option {
	prefixed := func(c *Config) *HomePrefix { return last(c.Prefixes) }
	return []Option{
		required("home_prefix.prefix", "A prefix that home addresses are taken from.", prefix, func(c *Config) *netip.Prefix { return &prefixed(c).Prefix }),
		option("home_prefix.first", "", "First home address to hand out; the first of the prefix if it is not given.", address, func(c *Config) *netip.Addr { return &prefixed(c).First }),
		option("home_prefix.last", "", "Last home address to hand out; the last of the prefix if it is not given.", address, func(c *Config) *netip.Addr { return &prefixed(c).Last }),
		option("home_prefix.valid_lifetime", "", "How long home addresses of the prefix are valid, as mobile nodes are told; a binding ends no later. For ever if it is not given. A duration begins anew whenever it is told, a point in time gets nearer, by which a prefix is given up.", prefixLifetime, func(c *Config) *lifetime.Lifetime { return &prefixed(c).Valid }),
		option("home_prefix.preferred_lifetime", "", "How long they are to be used for new connections; not longer than they are valid, and as long as that if it is not given.", prefixLifetime, func(c *Config) *lifetime.Lifetime { return &prefixed(c).Preferred }),
		option("home_prefix.reserved", "[]", "Addresses never to hand out, such as those of routers and servers. The home agent's own and those reserved by RFC 5453 are left out anyhow.", list(address), func(c *Config) *[]netip.Addr { return &prefixed(c).Reserved }),
	}
}

func ikeOptions() []Option {
	return []Option{
		option("ike.socket", `"/run/charon.vici"`, "strongSwan's VICI socket.", socketPath, func(c *Config) *string { return &c.IKE.Socket }),
		option("ike.identity", "", "The home agent's IKE identity (IDr); diameter.identity if it is not given.", text, func(c *Config) *string { return &c.IKE.Identity }),
		option("ike.window", "500", "Sessions loaded in strongSwan at a time for each home agent address. Its cost for an IKE_SA grows with the square of this; the others come back when they are needed.", number[int](2, 2000), func(c *Config) *int { return &c.IKE.Window }),
		option("ike.proposals", "[]", "Proposals for IKE_SAs in strongSwan's notation; its default if it is empty.", list(text), func(c *Config) *[]string { return &c.IKE.IKEProposals }),
		option("ike.esp_proposals", "[]", "Proposals for ESP in strongSwan's notation; its default if it is empty.", list(text), func(c *Config) *[]string { return &c.IKE.ESPProposals }),
		option("ike.dpd", `"2m"`, "How long a mobile node may be silent before it is asked whether it is there.", duration(5*time.Second, day), func(c *Config) *time.Duration { return &c.IKE.DPD }),
		option("ike.assign_home_address", "false", "Whether strongSwan assigns mobile nodes their home addresses by configuration payloads (INTERNAL_IP6_ADDRESS, RFC 4877 section 9): each gets that of its session, whatever it suggests, with a prefix length of 64, as strongSwan knows no other. All mobile nodes must ask then: strongSwan sets up no security association for one that does not (FAILED_CP_REQUIRED), as it sets up none for one that asks where this is false (INTERNAL_ADDRESS_FAILURE).", boolean, func(c *Config) *bool { return &c.IKE.AssignHomeAddress }),
	}
}

func mobilityOptions() []Option {
	return []Option{
		option("mobility.home_link", `"virtual"`, "What the home prefixes are: routed to the home agent without a link, or a physical link with other nodes, on which the home agent defends home addresses.", oneOf(Virtual, Physical), func(c *Config) *HomeLink { return &c.Mobility.HomeLink }),
		option("mobility.interface", "", "Interface of a physical home link.", device, func(c *Config) *string { return &c.Mobility.Interface }),
		option("mobility.max_lifetime", `"1h"`, "Longest lifetime of a binding.", duration(4*time.Second, 262140*time.Second), func(c *Config) *time.Duration { return &c.Mobility.MaxLifetime }),
		option("mobility.refresh_request", `"0s"`, "How long before the end of a binding the mobile node is asked to refresh it (RFC 6275 section 6.1.2), at least 4s; 0s for not at all, as it knows the lifetime.", duration(0, 262140*time.Second), func(c *Config) *time.Duration { return &c.Mobility.RefreshRequest }),
		option("mobility.preference", "0", "Preference of this home agent among those of a home link, as mobile nodes are told that look for one; higher is better.", number[int](0, 65535), func(c *Config) *int { return &c.Mobility.Preference }),
		option("mobility.require_alternate_care_of", "false", "Whether Binding Updates from mobile nodes away from home are refused that name the care-of address in the IPv6 header only, which ESP does not protect, and not in an Alternate Care-of Address option (RFC 4877 section 4.3).", boolean, func(c *Config) *bool { return &c.Mobility.RequireAlternateCareOf }),
		option("mobility.hold_down", `"10m"`, "How long a home address is kept back after its release before another mobile node can get it; at least limits.effect_timeout.", duration(time.Second, 30*day), func(c *Config) *time.Duration { return &c.Mobility.HoldDown }),
		option("mobility.route_optimization", "true", "Whether the home agent itself and mobile nodes away from home send each other packets on the direct way, with routing header and Home Address option, and not through the tunnel (RFC 6275 section 9.3). Mobile Prefix Solicitations need it. It takes two more objects in the kernel for each binding.", boolean, func(c *Config) *bool { return &c.Mobility.RouteOptimization }),
		option("mobility.protect_prefix_discovery", "false", "Whether mobile nodes are told of home prefixes under ESP only. Otherwise it is done under ESP where a mobile node has a security association for it (RFC 6275 section 5.4).", boolean, func(c *Config) *bool { return &c.Mobility.ProtectPrefixDiscovery }),
		option("mobility.min_prefix_advertisement_interval", `"10m"`, "How long at least a mobile node waits to be told that prefixes have changed (MinMobPfxAdvInterval of RFC 6275 section 13).", duration(time.Second, 30*day), func(c *Config) *time.Duration { return &c.Mobility.MinPrefixInterval }),
		option("mobility.max_prefix_advertisement_interval", `"24h"`, "How long at most it is before a mobile node is told of prefixes without having asked (MaxMobPfxAdvInterval); \"0s\" for not at all.", duration(0, 30*day), func(c *Config) *time.Duration { return &c.Mobility.MaxPrefixInterval }),
		option("mobility.tunnel_device", `"mip6"`, "Name of the tunnel device to mobile nodes, which the home agent makes.", device, func(c *Config) *string { return &c.Mobility.TunnelDevice }),
		option("mobility.payload_protection", `"permit"`, "Whether the packets of mobile nodes travel under ESP between them and the home agent: of those that set up a security association for it, of all (without one their packets are dropped), or of none. Who has set one up keeps to it until it deletes it, or its session ends; but only \"require\" keeps packets from whoever stops the set-up in the first place. Binding Updates always do, under their own security association or, from Linux 5.19 on, inside this one; and return routability where a mobile node asks for it. What comes out of it bears its reqid as firewall mark, which no rule of the firewall may change.", oneOf(PermitPayloadProtection, RequirePayloadProtection, ForbidPayloadProtection), func(c *Config) *PayloadProtection { return &c.Mobility.PayloadProtection }),
		option("mobility.tunnel_mtu", "1460", "MTU of the tunnel to mobile nodes in octets.", number[int](1280, 65495), func(c *Config) *int { return &c.Mobility.TunnelMTU }),
	}
}

func networkOptions() []Option {
	network := func(c *Config) *MobileNetwork { return last(c.Mobility.Networks) }
	return []Option{
		required("mobility.network.user_name", "User-Name of a mobile router (RFC 3963).", text, func(c *Config) *string { return &network(c).UserName }),
		required("mobility.network.prefix", "A prefix of the network behind it.", prefix, func(c *Config) *netip.Prefix { return &network(c).Prefix }),
	}
}

func storeOptions() []Option {
	return []Option{
		option("store.path", `"/var/lib/homeagent/state.db"`, "File that keeps sessions over restarts.", path, func(c *Config) *string { return &c.Store.Path }),
		option("store.credential", `"store-key"`, "Name of the systemd credential with the 32 octets that seal keys in the store. Without such a credential they are not sealed.", credential, func(c *Config) *string { return &c.Store.Credential }),
	}
}

func controlOptions() []Option {
	return []Option{
		option("control.socket", `"/run/homeagent/control.sock"`, "Socket at which homeagentctl reaches the daemon.", socketPath, func(c *Config) *string { return &c.Control.Socket }),
		option("control.group", "", "Group whose members may use homeagentctl, beside root and the daemon's user; by default there is none.", text, func(c *Config) *string { return &c.Control.Group }),
	}
}

func limitOptions() []Option {
	return []Option{
		option("limits.sessions", "0", "Most sessions at a time; 0 for as many as there are home addresses.", number[int](0, math.MaxInt32), func(c *Config) *int { return &c.Limits.Sessions }),
		option("limits.authorization", `"0s"`, "Longest authorization, whatever the AAA server grants; 0s for no limit.", duration(0, 10*365*day), func(c *Config) *time.Duration { return &c.Limits.Authorization }),
		option("limits.effect_timeout", `"5s"`, "How long the store and strongSwan may take for one request before it is refused.", duration(time.Second, 5*time.Minute), func(c *Config) *time.Duration { return &c.Limits.EffectTimeout }),
		option("limits.remembered", "100000", "Released home addresses that are kept in mind, to give them to the same mobile node again.", number[int](1, 10_000_000), func(c *Config) *int { return &c.Limits.Remembered }),
	}
}

func logOptions() []Option {
	return []Option{
		option("log.level", `"info"`, "What is logged.", oneOf("debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level }),
	}
}
