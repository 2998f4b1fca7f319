package peer

import "fmt"

// String names the transport as RFC 6733 does.
func (t Transport) String() string { return name([]string{"TLS/TCP", "TCP"}, int(t)) }

// String is the protection as the configuration spells it.
func (s Secured) String() string { return name([]string{"tls", "ipsec", "loopback", "none"}, int(s)) }

func name(names []string, i int) string {
	if i >= 0 && i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown (%d)", i)
}
