package config

import (
	"fmt"
	"math"
	"net/netip"

	"homeagent/agent/addresspool"
)

// A MobileNode is one that needs no AAA server: it has an IKEv2 pre-shared key, or
// security associations that are keyed by hand.
type MobileNode struct {
	UserName    string
	HomeAddress netip.Addr
	// HomeAgent is zero if it is not given: which address that is depends on those
	// in force, and on the one that the mobile node has already.
	HomeAgent netip.Addr
	KeyFile   string
	// SPIIn and SPIOut name the security associations for Binding Updates and
	// Acknowledgements; both are 0 for a mobile node that uses IKE. In is from the
	// mobile node.
	SPIIn, SPIOut uint32
	// PrefixSPIIn and PrefixSPIOut are for Mobile Prefix Solicitations and
	// Advertisements, 0 for none.
	PrefixSPIIn, PrefixSPIOut uint32
	Encryption                Encryption
	Integrity                 Integrity
}

// Manual tells whether its security associations are keyed by hand.
func (n *MobileNode) Manual() bool { return n.SPIIn != 0 }

// ManualDoubt is what to know before security associations are used that are not
// negotiated, as the end of a sentence about them.
const ManualDoubt = "keyed by hand, which is for tests: nothing protects from replays but the sequence numbers of Binding Updates, and the keys never change"

// Encryption is an algorithm for manual keys. Those that must never be used twice
// with one key and sequence number, such as AES-GCM, are not for manual keys (RFC
// 4106 section 9).
type Encryption string

// The encryption algorithms, all in CBC mode.
const (
	NullEncryption Encryption = "null"
	TripleDES      Encryption = "3des"
	AES128         Encryption = "aes128"
	AES192         Encryption = "aes192"
	AES256         Encryption = "aes256"
)

// Integrity is an HMAC for manual keys.
type Integrity string

// The integrity algorithms. There must be one (RFC 4877 section 4.1).
const (
	SHA1   Integrity = "sha1"
	SHA256 Integrity = "sha256"
	SHA384 Integrity = "sha384"
	SHA512 Integrity = "sha512"
)

const (
	minSPI = 256        // what is below is reserved (RFC 4303 section 2.1)
	maxSPI = 0xbfffffff // what is above strongSwan chooses from
)

func mobileNodeOptions() []Option {
	node := func(c *Config) *MobileNode { return last(c.MobileNodes) }
	spi := func(key, help string, high int64, at func(*Config) *uint32) Option {
		return option("mobile_node."+key, "", help, number[uint32](minSPI, high), at)
	}
	return []Option{
		required("mobile_node.user_name", "User-Name of a mobile node that needs no AAA server, and its IKE identity (IDi). AAA servers are refused who ask for it.", text, func(c *Config) *string { return &node(c).UserName }),
		required("mobile_node.home_address", "Its home address, of a home prefix. Nobody else gets it.", address, func(c *Config) *netip.Addr { return &node(c).HomeAddress }),
		option("mobile_node.home_agent", "", "The address of home_agent.addresses that it registers with. If it is not given, that is the one it has already, as long as that is listed, and else the first of them.", address, func(c *Config) *netip.Addr { return &node(c).HomeAgent }),
		required("mobile_node.key_file", "File with its IKEv2 pre-shared key, as a line of printable text of at least 16 octets, or for other octets as 0x and hexadecimal digits; with spi_in, the keys of its security associations, a line of the form encryption_in = 0x... for each of encryption_in, integrity_in, encryption_out and integrity_out, and the same with prefix_ before them where prefix_spi_in is set. The group homeagent must be able to read it, and nobody else.", path, func(c *Config) *string { return &node(c).KeyFile }),
		spi("spi_in", "SPI of the ESP security association from the mobile node for Binding Updates, which needs no IKE then (RFC 4877 section 6): it is "+ManualDoubt+".", maxSPI, func(c *Config) *uint32 { return &node(c).SPIIn }),
		spi("spi_out", "SPI of the one to the mobile node for Binding Acknowledgements.", math.MaxUint32, func(c *Config) *uint32 { return &node(c).SPIOut }),
		spi("prefix_spi_in", "SPI of another one from the mobile node for Mobile Prefix Solicitations, if there is one.", maxSPI, func(c *Config) *uint32 { return &node(c).PrefixSPIIn }),
		spi("prefix_spi_out", "SPI of the one to the mobile node for Mobile Prefix Advertisements.", math.MaxUint32, func(c *Config) *uint32 { return &node(c).PrefixSPIOut }),
		option("mobile_node.encryption", `"aes128"`, "Encryption of security associations that are keyed by hand, in CBC mode.", oneOf(NullEncryption, TripleDES, AES128, AES192, AES256), func(c *Config) *Encryption { return &node(c).Encryption }),
		option("mobile_node.integrity", `"sha256"`, "Integrity algorithm of security associations that are keyed by hand, an HMAC.", oneOf(SHA1, SHA256, SHA384, SHA512), func(c *Config) *Integrity { return &node(c).Integrity }),
	}
}

// checkMobileNodes looks whether each is there once, at an address that can be its
// own.
func (b *builder) checkMobileNodes() {
	users, homes, spis := map[string]bool{}, map[netip.Addr]bool{}, map[uint32]bool{}
	for i := range b.config.MobileNodes {
		n, key := &b.config.MobileNodes[i], fmt.Sprintf("mobile_node[%d]", i)
		if n.UserName != "" && users[n.UserName] {
			b.failed(key+".user_name", "%q is listed already", n.UserName)
		}
		if n.HomeAddress.IsValid() && homes[n.HomeAddress] {
			b.failed(key+".home_address", "%s is listed already", n.HomeAddress)
		}
		users[n.UserName], homes[n.HomeAddress] = true, true
		b.checkHomeAddress(key, n)
		b.checkSPIs(key, n, spis)
	}
}

func (b *builder) checkHomeAddress(key string, n *MobileNode) {
	agents := b.config.HomeAgent.Addresses
	if why := b.unusable(n.HomeAddress); n.HomeAddress.IsValid() && why != "" {
		b.failed(key+".home_address", "%s cannot be a mobile node's: %s (take another address of a home prefix)", n.HomeAddress, why)
	}
	for _, a := range agents {
		if a == n.HomeAgent {
			return
		}
	}
	if n.HomeAgent.IsValid() && len(agents) > 0 {
		b.failed(key+".home_agent", "%s is none of home_agent.addresses", n.HomeAgent)
	}
}

// unusable tells why an address can be nobody's home address, empty if it can.
func (b *builder) unusable(home netip.Addr) string {
	var pool addresspool.Config
	for _, p := range b.config.Prefixes {
		if p.Prefix.IsValid() && p.Prefix.Contains(home) {
			pool = addresspool.Config{Prefixes: []addresspool.Prefix{{Prefix: p.Prefix}}, Reserved: append(p.Reserved[:len(p.Reserved):len(p.Reserved)], b.config.HomeAgent.Addresses...)}
		}
	}
	if pool.Prefixes == nil {
		return addresspool.NotServed.String()
	}
	made, err := addresspool.New(pool)
	if err != nil {
		return "" // told of the prefix
	}
	if r, refused := made.Refuses(home); refused {
		return r.String()
	}
	return ""
}

// checkSPIs looks whether the security associations of a mobile node can be told
// apart from all others.
func (b *builder) checkSPIs(key string, n *MobileNode, seen map[uint32]bool) {
	for _, pair := range []struct {
		in, out           uint32
		inName, outName   string
		needs             uint32
		needsName, reason string
	}{
		{n.SPIIn, n.SPIOut, ".spi_in", ".spi_out", 1, "", ""},
		{n.PrefixSPIIn, n.PrefixSPIOut, ".prefix_spi_in", ".prefix_spi_out", n.SPIIn, "spi_in", "a mobile node that uses IKE negotiates it"},
	} {
		switch {
		case (pair.in == 0) != (pair.out == 0) && !b.wrong[key+pair.inName] && !b.wrong[key+pair.outName]:
			missing := pair.inName
			if pair.out == 0 {
				missing = pair.outName
			}
			b.failed(key+missing, "this must be set, because the other direction is (security associations come in pairs)")
		case pair.in != 0 && pair.needs == 0:
			b.failed(key+pair.inName, "%s is not set (%s)", pair.needsName, pair.reason)
		case pair.in != 0 && seen[pair.in]:
			b.failed(key+pair.inName, "%d is the SPI of another security association to the home agent", pair.in)
		}
		seen[pair.in] = true
	}
	if n.SPIOut != 0 && n.SPIOut == n.PrefixSPIOut {
		b.failed(key+".prefix_spi_out", "%d is spi_out, too (take another)", n.SPIOut)
	}
	if n.Manual() && b.config.Mobility.PayloadProtection == RequirePayloadProtection {
		b.failed(key+".spi_in", "mobility.payload_protection is \"require\", and payload is protected by IKE only (leave spi_in out, or set that to \"permit\")")
	}
}
