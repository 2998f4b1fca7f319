package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (b *builder) checkDiameter() {
	if err := b.config.Diameter.Codes.Validate(); err != nil {
		b.failed("diameter.codes", "%v", err)
	}
	b.checkTLS()
	b.checkListeners()
	b.checkPeers()
}

// checkTLS demands the files of TLS where TLS is used.
func (b *builder) checkTLS() {
	d := &b.config.Diameter
	used := ""
	for i, p := range d.Peers {
		if key := fmt.Sprintf("diameter.peer[%d].secured", i); p.Secured == TLS && !b.wrong[key] {
			used = key
		}
	}
	for i, l := range d.Listen {
		if key := fmt.Sprintf("diameter.listen[%d].tls", i); l.TLS && !b.wrong[key] {
			used = key
		}
	}
	for _, file := range []struct{ key, path string }{
		{"diameter.certificate", d.Certificate}, {"diameter.key", d.Key}, {"diameter.ca", d.CA},
	} {
		if used != "" && file.path == "" {
			b.failedAt(used, file.key, "this must be set, because TLS is used here (diameter.certificate, diameter.key and diameter.ca name files in PEM)")
		}
	}
}

func (b *builder) checkListeners() {
	all := b.config.Diameter.Listen
	for i, l := range all {
		key := fmt.Sprintf("diameter.listen[%d].address", i)
		if l.Address == "" {
			continue
		}
		if err := endpoint(l.Address); err != nil {
			b.failed(key, "%v", err)
		}
		for _, earlier := range all[:i] {
			b.failedTwice(key, l, earlier)
		}
	}
}

// failedTwice notes two listeners of which the second could not be opened.
func (b *builder) failedTwice(key string, l, earlier Listen) {
	host, port := l.place()
	earlierHost, earlierPort := earlier.place()
	switch {
	case earlier.Address == "" || port != earlierPort:
	case l.Address == earlier.Address:
		b.failed(key, "%s is listed already", l.Address)
	case host == earlierHost:
		b.failed(key, "%s is the same address and port as %s, which is listed already", l.Address, earlier.Address)
	case host == everywhere || earlierHost == everywhere:
		b.failed(key, "%s is on the same port as %s, and one of them is for all addresses (leave the other one out)", l.Address, earlier.Address)
	}
}

// everywhere is the host of listeners at all addresses, which Go opens for IPv4, too.
const everywhere = "::"

// place is where a Listen is, in one spelling only.
func (l Listen) place() (host, port string) {
	host, port = splitEndpoint(l.Address)
	if port == "" {
		port = map[bool]string{true: "5868", false: "3868"}[l.TLS]
	}
	a, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && a.Unmap().IsUnspecified():
		return everywhere, port
	case err == nil:
		return a.Unmap().String(), port
	}
	return strings.ToLower(host), port
}

func (b *builder) checkPeers() {
	seen := map[string]bool{}
	for i, p := range b.config.Diameter.Peers {
		key := fmt.Sprintf("diameter.peer[%d]", i)
		name := strings.ToLower(p.Identity)
		switch {
		case p.Identity == "":
		case seen[name]:
			b.failed(key+".identity", "%q is listed already", p.Identity)
		case strings.EqualFold(p.Identity, b.config.Diameter.Identity):
			b.failed(key+".identity", "this is the home agent itself (see diameter.identity)")
		}
		seen[name] = true
		b.checkConnection(key, p)
	}
	if len(b.config.Diameter.Peers) == 0 && len(b.config.MobileNodes) == 0 {
		b.failed("diameter.peer", "no peer is listed, so nobody could connect (add a [[diameter.peer]] for the AAA server, or a [[mobile_node]] that needs none)")
	}
}

// checkConnection looks whether a peer can be connected to as the options say.
func (b *builder) checkConnection(key string, p Peer) {
	if b.wrong[key+".secured"] || b.wrong[key+".connect"] {
		return
	}
	if p.Connect == "" {
		for _, l := range b.config.Diameter.Listen {
			if l.TLS == (p.Secured == TLS) {
				return
			}
		}
		b.failed(key+".connect", "this peer is to connect to us with secured = %q, but no [[diameter.listen]] has tls = %v", p.Secured, p.Secured == TLS)
		return
	}
	if err := endpoint(p.Connect); err != nil {
		b.failed(key+".connect", "%v", err)
	}
	host, _ := splitEndpoint(p.Connect)
	if a, err := netip.ParseAddr(host); err == nil && p.Secured == Loopback && !a.IsLoopback() {
		b.failed(key+".connect", "%s is not a loopback address, which secured = \"loopback\" is for (use tls, or ipsec if that protects this link)", a)
	}
}

// endpoint checks the form host or host:port, with IPv6 addresses in brackets
// when a port follows.
func endpoint(s string) error {
	host, port := splitEndpoint(s)
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
		return fmt.Errorf("is %q, whose port is no number from 1 to 65535", s)
	}
	if err := portInAddress(s); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err == nil || domainName(host) || host == "" && port != "" {
		return nil
	}
	return errors.New("is " + strconv.Quote(s) + ` (expected a name or an address, with or without a port: "[2001:db8::1]:5868")`)
}

// portInAddress refuses an IPv6 address with a port after it and no brackets. It
// can be an address by itself, whose last group looks like a port of Diameter.
func portInAddress(s string) error {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return nil
	}
	front, port := s[:colon], s[colon+1:]
	before, err := netip.ParseAddr(front)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || !before.Is6() || portErr != nil || n == 0 {
		return nil
	}
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("is %q, whose port cannot be told from its address (did you mean \"[%s]:%s\"?)", s, front, port)
	}
	if slices.Contains([]string{"3868", "5868", "5658"}, port) {
		return fmt.Errorf("is %q, which ends as with a port (did you mean \"[%s]:%s\"? If it is an address, write \"[%[1]s]\")", s, front, port)
	}
	return nil
}

// splitEndpoint takes host and port apart. Without a port the whole is the
// host; its brackets go.
func splitEndpoint(s string) (host, port string) {
	if host, port, err := net.SplitHostPort(s); err == nil && port != "" {
		return host, port
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok {
			return inner, ""
		}
	}
	return s, ""
}
