package config

import (
	"math"
	"strings"
	"time"
)

const day = 24 * time.Hour

// options is the whole configuration. Decoding, defaults, the manual and the
// sample file are made from it.
func options() []Option {
	var all []Option
	for _, section := range [][]Option{
		diameterOptions(), listenOptions(), peerOptions(), codeOptions(),
		homeAgentOptions(), prefixOptions(), mobileNodeOptions(), ikeOptions(), mobilityOptions(), networkOptions(),
		storeOptions(), controlOptions(), metricsOptions(), limitOptions(), logOptions(),
	} {
		for _, o := range section {
			_, o.Repeated = arrays()[o.section()]
			all = append(all, o)
		}
	}
	return all
}

func (o Option) section() string { return o.Key[:strings.LastIndex(o.Key, ".")] }

// Describe lists every option, in the order of the sample configuration.
func Describe() []Option { return options() }

// arrays are the arrays of tables, and how an element is added to each.
func arrays() map[string]func(*Config) {
	return map[string]func(*Config){
		"diameter.listen":  func(c *Config) { c.Diameter.Listen = append(c.Diameter.Listen, Listen{}) },
		"diameter.peer":    func(c *Config) { c.Diameter.Peers = append(c.Diameter.Peers, Peer{}) },
		"home_prefix":      func(c *Config) { c.Prefixes = append(c.Prefixes, HomePrefix{}) },
		"mobile_node":      func(c *Config) { c.MobileNodes = append(c.MobileNodes, MobileNode{}) },
		"mobility.network": func(c *Config) { c.Mobility.Networks = append(c.Mobility.Networks, MobileNetwork{}) },
	}
}

func last[T any](all []T) *T { return &all[len(all)-1] }

func diameterOptions() []Option {
	return []Option{
		required("diameter.identity", "The home agent's DiameterIdentity, its Origin-Host. Peers must know it by this name.", identity, func(c *Config) *string { return &c.Diameter.Identity }),
		required("diameter.realm", "The home agent's realm, its Origin-Realm.", identity, func(c *Config) *string { return &c.Diameter.Realm }),
		option("diameter.certificate", "", "File in PEM with the certificate for TLS; it must name diameter.identity as a DNS name.", path, func(c *Config) *string { return &c.Diameter.Certificate }),
		option("diameter.key", "", "File in PEM with the certificate's private key. It has to belong to root or the daemon's user; the group homeagent must be able to read it, and nobody else.", path, func(c *Config) *string { return &c.Diameter.Key }),
		option("diameter.ca", "", "File in PEM with the certificates of the authorities that vouch for peers.", path, func(c *Config) *string { return &c.Diameter.CA }),
		option("diameter.watchdog", `"30s"`, "Time of silence after which a peer is asked whether it is there (Twinit of RFC 3539).", duration(6*time.Second, time.Hour), func(c *Config) *time.Duration { return &c.Diameter.Watchdog }),
		option("diameter.reconnect", `"30s"`, "Longest pause between two attempts to connect to a peer (Tc of RFC 6733).", duration(time.Second, time.Hour), func(c *Config) *time.Duration { return &c.Diameter.Reconnect }),
		option("diameter.strict_vector", "true", "Whether requests are refused whose MIPv6-Bootstrap-Vector has flags that contradict each other.", boolean, func(c *Config) *bool { return &c.Diameter.StrictVector }),
	}
}

func listenOptions() []Option {
	return []Option{
		required("diameter.listen.address", "Address to accept peers at: host or host:port, the port being 5868 with TLS and 3868 without if it is not given.", text, func(c *Config) *string { return &last(c.Diameter.Listen).Address }),
		option("diameter.listen.tls", "true", "Whether connections here begin with TLS.", boolean, func(c *Config) *bool { return &last(c.Diameter.Listen).TLS }),
	}
}

func peerOptions() []Option {
	peer := func(c *Config) *Peer { return last(c.Diameter.Peers) }
	return []Option{
		required("diameter.peer.identity", "The peer's DiameterIdentity. With TLS its certificate must name it.", identity, func(c *Config) *string { return &peer(c).Identity }),
		option("diameter.peer.realm", "", "The peer's realm; any if it is not given.", identity, func(c *Config) *string { return &peer(c).Realm }),
		option("diameter.peer.connect", "", "Address to connect to: host or host:port. Without it the peer connects to us.", text, func(c *Config) *string { return &peer(c).Connect }),
		option("diameter.peer.secured", `"tls"`, "What protects the connection: TLS, or on your word IPsec, or being on this host (loopback). With none, no request that carries a key is taken.", oneOf(TLS, IPsec, Loopback, NotAtAll), func(c *Config) *Secured { return &peer(c).Secured }),
		option("diameter.peer.bootstrapper", "false", "Whether this peer may bootstrap mobile nodes, as an AAA server does.", boolean, func(c *Config) *bool { return &peer(c).Bootstrapper }),
		{Key: "diameter.peer.fixed_key_id", Type: "a number from -2147483648 to 2147483647",
			Help: "The key id to use for a server that sends no MIPv6-AAA-Key-Id. Without it such requests are refused.",
			set:  setFixedKeyID},
		option("diameter.peer.origins", "[]", "Servers behind this peer whose requests it may bring, by their Origin-Host.", list(identity), func(c *Config) *[]string { return &peer(c).Origins }),
		option("diameter.peer.relays", "[]", "Agents that may stand between such a server and this peer (Route-Record); the key passes through their hands.", list(identity), func(c *Config) *[]string { return &peer(c).Relays }),
		option("diameter.peer.user_realms", "[]", "Realms of the users this peer may speak for; any if it is empty.", list(identity), func(c *Config) *[]string { return &peer(c).UserRealms }),
		option("diameter.peer.legacy_ipaddress", "false", "Whether addresses of 16 bare octets are taken from this peer, beside the Address type of RFC 6733.", boolean, func(c *Config) *bool { return &peer(c).LegacyIPAddress }),
	}
}

func setFixedKeyID(c *Config, value any) error {
	id, err := number[int32](math.MinInt32, math.MaxInt32).read(value)
	if err == nil {
		last(c.Diameter.Peers).FixedKeyID = &id
	}
	return err
}

func codeOptions() []Option {
	code := func(key, def, name string, at func(*Config) *uint32) Option {
		return option("diameter.codes."+key, def, "Code of "+name+".", number[uint32](0, math.MaxUint32), at)
	}
	return []Option{
		code("application", "4278222553", "the application (Application-Id), from the vendor-specific range", func(c *Config) *uint32 { return &c.Diameter.Codes.Application }),
		code("vendor", "32473", "the vendor of the AVPs below (Vendor-Id)", func(c *Config) *uint32 { return &c.Diameter.Codes.Vendor }),
		code("amr", "16777214", "the commands AMR and AMA", func(c *Config) *uint32 { return &c.Diameter.Codes.AMR }),
		code("hmr", "16777215", "the commands HMR and HMA", func(c *Config) *uint32 { return &c.Diameter.Codes.HMR }),
		code("bootstrap_vector", "1", "MIPv6-Bootstrap-Vector", func(c *Config) *uint32 { return &c.Diameter.Codes.BootstrapVector }),
		code("mobile_node_address", "2", "MIPv6-Mobile-Node-Address", func(c *Config) *uint32 { return &c.Diameter.Codes.MobileNodeAddress }),
		code("home_agent_address", "3", "MIPv6-Home-Agent-Address", func(c *Config) *uint32 { return &c.Diameter.Codes.HomeAgentAddress }),
		code("aaa_key", "4", "MIPv6-AAA-Key", func(c *Config) *uint32 { return &c.Diameter.Codes.AAAKey }),
		code("pana_aaa_key", "5", "PANA-AAA-Key", func(c *Config) *uint32 { return &c.Diameter.Codes.PANAAAAKey }),
		code("aaa_key_id", "6", "MIPv6-AAA-Key-Id", func(c *Config) *uint32 { return &c.Diameter.Codes.AAAKeyID }),
		code("pana_aaa_key_id", "7", "PANA-AAA-Key-Id", func(c *Config) *uint32 { return &c.Diameter.Codes.PANAAAAKeyID }),
		code("mac", "8", "MAC", func(c *Config) *uint32 { return &c.Diameter.Codes.MAC }),
		code("pana_session_id", "9", "PANA-Session-Id", func(c *Config) *uint32 { return &c.Diameter.Codes.PANASessionID }),
	}
}
