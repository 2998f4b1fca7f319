package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// check looks whether the options fit together. Each alone is right by now.
func (b *builder) check() {
	if b.config.IKE.Identity == "" {
		b.config.IKE.Identity = b.config.Diameter.Identity
	}
	if err := b.config.Diameter.Codes.Validate(); err != nil {
		b.problem(b.at("diameter.codes.application"), "diameter.codes", err.Error())
	}
	b.checkTLS()
	b.checkListeners()
	b.checkPeers()
	b.checkHomeAgents()
	b.checkPrefixes()
	b.checkMobility()
}

// checkTLS demands the files of TLS where TLS is used.
func (b *builder) checkTLS() {
	d := &b.config.Diameter
	used := ""
	for i, l := range d.Listen {
		if l.TLS {
			used = fmt.Sprintf("diameter.listen[%d].tls", i)
		}
	}
	for i, p := range d.Peers {
		if p.Secured == TLS {
			used = fmt.Sprintf("diameter.peer[%d].secured", i)
		}
	}
	for key, file := range map[string]string{"certificate": d.Certificate, "key": d.Key, "ca": d.CA} {
		if used != "" && file == "" {
			b.problem(b.at(used), "diameter."+key, "this must be set, because TLS is used here (diameter.certificate, diameter.key and diameter.ca name files in PEM)")
		}
	}
}

func (b *builder) checkListeners() {
	for i, l := range b.config.Diameter.Listen {
		key := fmt.Sprintf("diameter.listen[%d].address", i)
		if err := endpoint(l.Address); err != nil {
			b.problem(b.at(key), key, err.Error())
		}
	}
}

func (b *builder) checkPeers() {
	seen := map[string]int{}
	for i, p := range b.config.Diameter.Peers {
		key := fmt.Sprintf("diameter.peer[%d]", i)
		name := strings.ToLower(p.Identity)
		if _, twice := seen[name]; twice {
			b.problem(b.at(key+".identity"), key+".identity", fmt.Sprintf("%q is listed already", p.Identity))
		}
		if strings.EqualFold(p.Identity, b.config.Diameter.Identity) {
			b.problem(b.at(key+".identity"), key+".identity", "this is the home agent itself (see diameter.identity)")
		}
		seen[name] = i
		b.checkConnection(key, p)
	}
	if len(b.config.Diameter.Peers) == 0 {
		b.problem(b.places[""], "diameter.peer", "no peer is listed, so nobody could connect (add a [[diameter.peer]] for the AAA server)")
	}
}

// checkConnection looks whether a peer can be connected to as the options say.
func (b *builder) checkConnection(key string, p Peer) {
	if p.Connect == "" {
		for _, l := range b.config.Diameter.Listen {
			if l.TLS == (p.Secured == TLS) {
				return
			}
		}
		b.problem(b.at(key+".connect"), key+".connect", fmt.Sprintf(
			"this peer is to connect to us with secured = %q, but no [[diameter.listen]] has tls = %v", p.Secured, p.Secured == TLS))
		return
	}
	if err := endpoint(p.Connect); err != nil {
		b.problem(b.at(key+".connect"), key+".connect", err.Error())
	}
	if p.Secured != Loopback {
		return
	}
	host := p.Connect
	if h, _, err := net.SplitHostPort(p.Connect); err == nil {
		host = h
	}
	if a, err := netip.ParseAddr(host); err == nil && !a.IsLoopback() {
		b.problem(b.at(key+".connect"), key+".connect", fmt.Sprintf(
			"%s is not a loopback address, which secured = \"loopback\" is for (use tls, or ipsec if that protects this link)", a))
	}
}

// endpoint checks the form host or host:port, with IPv6 addresses in brackets
// when a port follows.
func endpoint(s string) error {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "1"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && port != "0" {
		return fmt.Errorf("is %q, whose port is no number from 0 to 65535", s)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !domainName(host) {
		return fmt.Errorf("is %q (expected a name or an address, with or without a port: \"[2001:db8::1]:5868\")", s)
	}
	return nil
}

func (b *builder) checkHomeAgents() {
	key := "home_agent.addresses"
	seen := map[netip.Addr]bool{}
	for _, a := range b.config.HomeAgent.Addresses {
		if seen[a] {
			b.problem(b.at(key), key, fmt.Sprintf("%s is listed twice", a))
		}
		seen[a] = true
		if b.config.Mobility.HomeLink == Physical && !b.onHomePrefix(a) {
			b.problem(b.at(key), key, fmt.Sprintf("%s is on none of the home prefixes (with a physical home link the home agent is a node on it)", a))
		}
	}
	if len(b.config.HomeAgent.Addresses) == 0 {
		b.problem(b.at(key), key, "no address is listed (at least one is needed)")
	}
}

func (b *builder) onHomePrefix(a netip.Addr) bool {
	for _, p := range b.config.Prefixes {
		if p.Prefix.Contains(a) {
			return true
		}
	}
	return false
}

func (b *builder) checkPrefixes() {
	if len(b.config.Prefixes) == 0 {
		b.problem(b.places[""], "home_prefix", "no home prefix is listed, so no home address could be given (add a [[home_prefix]])")
	}
	for i, p := range b.config.Prefixes {
		key := fmt.Sprintf("home_prefix[%d]", i)
		for _, earlier := range b.config.Prefixes[:i] {
			if p.Prefix.Overlaps(earlier.Prefix) {
				b.problem(b.at(key+".prefix"), key+".prefix", fmt.Sprintf("%s overlaps %s, which is listed already", p.Prefix, earlier.Prefix))
			}
		}
		b.checkRange(key, p)
	}
}

func (b *builder) checkRange(key string, p HomePrefix) {
	for name, a := range map[string]netip.Addr{"first": p.First, "last": p.Last} {
		if a.IsValid() && !p.Prefix.Contains(a) {
			b.problem(b.at(key+"."+name), key+"."+name, fmt.Sprintf("%s is not in %s", a, p.Prefix))
		}
	}
	if p.First.IsValid() && p.Last.IsValid() && p.Last.Less(p.First) {
		b.problem(b.at(key+".last"), key+".last", fmt.Sprintf("%s comes before first, %s", p.Last, p.First))
	}
	for _, a := range p.Reserved {
		if !p.Prefix.Contains(a) {
			b.problem(b.at(key+".reserved"), key+".reserved", fmt.Sprintf("%s is not in %s", a, p.Prefix))
		}
	}
}

func (b *builder) checkMobility() {
	m := &b.config.Mobility
	if (m.HomeLink == Physical) != (m.Interface != "") {
		b.problem(b.at("mobility.home_link"), "mobility.interface", "a physical home link needs the name of its interface, a virtual one has none")
	}
	if len(m.TunnelDevice) > 15 || strings.ContainsAny(m.TunnelDevice, "/ ") {
		b.problem(b.at("mobility.tunnel_device"), "mobility.tunnel_device", "is no name of a network device (at most 15 characters, without blanks and slashes)")
	}
	for i, n := range m.Networks {
		for _, p := range b.config.Prefixes {
			if n.Prefix.Overlaps(p.Prefix) {
				key := fmt.Sprintf("mobility.network[%d].prefix", i)
				b.problem(b.at(key), key, fmt.Sprintf("%s overlaps the home prefix %s", n.Prefix, p.Prefix))
			}
		}
	}
}
