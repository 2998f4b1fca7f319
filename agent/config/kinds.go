package config

import (
	"fmt"
	"net/netip"
	"strings"

	"homeagent/agent/lifetime"
)

// The kinds of strings. What their functions refuse is reported as a value of
// another kind than expected.
var (
	text = parsed("a string that is not empty", func(s string) (string, error) {
		if s == "" {
			return "", fmt.Errorf("it is empty")
		}
		return s, nil
	})
	boolean = kind[bool]{"true or false", func(value any) (bool, error) {
		b, ok := value.(bool)
		if !ok {
			return false, wanted("true or false, without quotes", value)
		}
		return b, nil
	}}
	path       = parsed("a path that begins with /", absolutePath)
	socketPath = parsed(fmt.Sprintf("a path of at most %d octets that begins with /", maxSocketPath), func(s string) (string, error) {
		if len(s) > maxSocketPath {
			return "", fmt.Errorf("it has %d octets", len(s))
		}
		return absolutePath(s)
	})
	// A device is a network interface as the kernel takes it.
	device = parsed("a name of a network interface, of at most 15 octets", func(s string) (string, error) {
		if s == "" || len(s) > 15 || s == "." || s == ".." || strings.ContainsAny(s, "/: \t\n\x00") {
			return "", fmt.Errorf("it is no name of an interface")
		}
		return s, nil
	})
	// A credential is a file name in a folder of systemd's.
	credential = parsed("a name of letters, digits, dots, hyphens and underscores", func(s string) (string, error) {
		if strings.Trim(s, letters+digits+"._-") != "" || strings.Trim(s, ".") == "" {
			return "", fmt.Errorf("it is no name of a credential")
		}
		return s, nil
	})
	identity = parsed("a domain name such as \"ha.example.com\"", func(s string) (string, error) {
		if !domainName(s) {
			return "", fmt.Errorf("it is no domain name")
		}
		return s, nil
	})
	address = parsed("a unicast IPv6 address such as \"2001:db8::1\"", unicastAddress)
	// Addresses are one or those of a range.
	addresses      = parsed(fmt.Sprintf("a unicast IPv6 address such as \"2001:db8::1\", or a range of up to %d such as \"2001:db8::1-2001:db8::f\"", maxHomeAgents), addressRange)
	prefixLifetime = parsed("\"forever\", a duration such as \"720h\", or a point in time such as \"2027-01-31T00:00:00Z\"", lifetime.Parse)
	prefix         = parsed("an IPv6 prefix such as \"2001:db8:1::/64\", without bits after its length", func(s string) (netip.Prefix, error) {
		p, err := netip.ParsePrefix(s)
		if err == nil && (p != p.Masked() || !unicast(p.Addr())) {
			err = fmt.Errorf("%s is not a plain prefix", p)
		}
		return p, err
	})
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"

	maxSocketPath = 107 // of sun_path, with its terminating NUL
	maxHomeAgents = 1000
)

func absolutePath(s string) (string, error) {
	if !strings.HasPrefix(s, "/") || strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("it is not absolute")
	}
	return s, nil
}

func unicastAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err == nil && !unicast(a) {
		err = fmt.Errorf("%s is not a global unicast IPv6 address", a)
	}
	return a, err
}

func addressRange(s string) ([]netip.Addr, error) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	first, err := unicastAddress(from)
	if err != nil {
		return nil, err
	}
	last, err := unicastAddress(to)
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for a := first; a.Compare(last) <= 0; a = a.Next() {
		if all = append(all, a); len(all) > maxHomeAgents {
			return nil, fmt.Errorf("these are more than %d addresses", maxHomeAgents)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it ends before it begins")
	}
	return all, nil
}

func unicast(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast()
}

// domainName reports whether s has the form of a DiameterIdentity that is a
// name (RFC 6733 section 4.3.1).
func domainName(s string) bool {
	if len(s) == 0 || len(s) > 255 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters+digits+"-_") != "" {
			return false
		}
	}
	return true
}
