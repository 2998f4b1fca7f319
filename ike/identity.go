package ike

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"homeagent/ike/vici"
)

// An identity is an IKE identity in the two forms charon has of it.
type identity struct {
	// text is what charon reads. It begins with the type, so that nothing
	// in the name can make it another one: charon would read "%any" as
	// everybody, "a=b" as a distinguished name, "#6162" as hexadecimal.
	text string

	// fold is equal for two identities exactly when charon takes them for
	// the same: it ignores the case of ASCII letters in all types but
	// key ids.
	fold string
}

// userIdentity is a User-Name's identity. A NAI with an @ is an
// ID_RFC822_ADDR (RFC 7296 section 3.5), one that could be a host name an
// ID_FQDN, anything else an ID_KEY_ID. That is what a mobile node with
// strongSwan sends when it is configured with the same name.
func userIdentity(name string) (identity, error) {
	kind := "keyid"
	switch {
	case name == "":
		return identity{}, fmt.Errorf("the user name is empty (must be a network access identifier, RFC 7542)")
	case strings.Contains(name, "*"):
		return identity{}, fmt.Errorf("the user name %q has an asterisk, which charon reads as a wildcard", name)
	case isAddress(name):
		return identity{}, fmt.Errorf("the user name %q is an address (must be a network access identifier, RFC 7542)", name)
	case strings.Contains(name, "@"):
		kind = "email"
	case isHostName(name):
		kind = "fqdn"
	}
	return typed(kind, name)
}

// agentIdentity is the home agent's own identity as an operator writes it.
// Unlike a User-Name it may be an address or begin with its type.
func agentIdentity(name string) (identity, error) {
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return addressIdentity(addr), nil
	}
	for _, kind := range []string{"email", "fqdn", "keyid"} {
		if rest, ok := strings.CutPrefix(name, kind+":"); ok && !strings.Contains(name, "*") && rest != "" {
			return typed(kind, rest)
		}
	}
	return userIdentity(name)
}

// addressIdentity is an ID_IPV6_ADDR or ID_IPV4_ADDR; charon takes no type in
// front of a printed address.
func addressIdentity(addr netip.Addr) identity {
	return identity{text: addr.String(), fold: "address:" + addr.String()}
}

func typed(kind, name string) (identity, error) {
	if err := checkCharacters(name); err != nil {
		return identity{}, err
	}
	id := identity{text: kind + ":" + name, fold: kind + ":" + name}
	if kind != "keyid" {
		id.fold = kind + ":" + lowerASCII(name)
	}
	if name[0] == '#' || !isPrintableASCII(name) {
		id.text = kind + ":#" + hex.EncodeToString([]byte(name))
	}
	if len(id.text) > vici.MaxOwner {
		return identity{}, fmt.Errorf("the user name %.20q... has %d octets: too long for charon (must be up to %d; up to %d if not all are printable ASCII)",
			name, len(name), vici.MaxOwner-len("email:"), (vici.MaxOwner-len("email:#"))/2)
	}
	return id, nil
}

func checkCharacters(name string) error {
	if !utf8.ValidString(name) {
		return fmt.Errorf("the user name %q is not UTF-8 (RFC 7542 section 2.1)", name)
	}
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		return fmt.Errorf("the user name %q has a control character", name)
	}
	return nil
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	if err != nil {
		_, err = netip.ParsePrefix(name)
	}
	return err == nil
}

func isHostName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || r != '-' && r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0
}

func isPrintableASCII(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// lowerASCII changes no other letters than charon does.
func lowerASCII(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, name)
}
