package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv6"

	"homeagent/agent/discovery/message"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// A Config says what is served.
type Config struct {
	Links []Link
	// Binding returns the home registration of a home address, if there is
	// one. It must not wait long, nor call the server.
	Binding func(home netip.Addr) (Binding, bool)
	// Protect, if set, is called before each packet with the socket's descriptor
	// and the reqid of the security association that it has to leave under, 0 for
	// none. xfrm.ProtectSocket is meant.
	Protect func(fd int, association uint32, from, to netip.Addr) error
	// RequireESP sends no Mobile Prefix Advertisement without ESP (RFC 6275
	// section 5.4). Otherwise one leaves in the clear where there is no security
	// association for it.
	RequireESP bool
	// MinInterval and MaxInterval are MinMobPfxAdvInterval and
	// MaxMobPfxAdvInterval of RFC 6275 section 13, for advertisements that nobody
	// has asked for. There are none if MaxInterval is 0.
	MinInterval, MaxInterval time.Duration
	Log                      *slog.Logger
	// Open opens the socket and FindInterface looks an interface up; nil
	// stands for the kernel's.
	Open          func() (Socket, error)
	FindInterface func(name string) (Interface, error)
}

// A Link is a home link.
type Link struct {
	// Interface is the name of the one on a physical home link; "" stands for
	// a virtual one, where there are no other home agents.
	Interface string
	// HomeAgents are our addresses as a home agent. Those in a home prefix are
	// what mobile nodes of that prefix are told.
	HomeAgents    []netip.Addr
	Preference    uint16 // higher is better (RFC 6275 section 7.4)
	MobileRouters bool   // mobile routers are supported (RFC 3963)
	Prefixes      []Prefix
}

// A Prefix is a home prefix as mobile nodes are told of it (RFC 6275 section 6.8).
type Prefix struct {
	Prefix             netip.Prefix
	OnLink, Autonomous bool
	Valid, Preferred   lifetime.Lifetime
}

// A Binding is a home registration.
type Binding struct {
	CareOf    netip.Addr
	HomeAgent netip.Addr // the address of ours that it was made with
	// Association is the reqid of the security association for advertisements,
	// if there is one; 0 if there cannot be.
	Association uint32
}

// A Socket sends and receives ICMPv6 messages; rawsocket.Socket is the real one.
type Socket interface {
	Serve(ctx context.Context, handle func(*rawsocket.Packet), report func(error)) error
	Send(rawsocket.Outgoing) error
	JoinAnycast(a netip.Addr, index int) error
	Close() error
}

var _ Socket = (*rawsocket.Socket)(nil)

func (cfg *Config) openSocket() (Socket, error) {
	return rawsocket.Open(rawsocket.Config{
		Protocol: 58,
		Protect:  cfg.Protect,
		// Requests come seldom and are repeated.
		ReceiveBuffer: 1 << 20,
		Types: []ipv6.ICMPType{
			ipv6.ICMPType(message.TypeRouterAdvertisement),
			ipv6.ICMPType(message.TypeAgentRequest),
			ipv6.ICMPType(message.TypePrefixSolicitation),
		},
	})
}

// An Interface is what has to be known of one.
type Interface struct {
	Index     int
	Addresses []netip.Addr
}

func findInterface(name string) (Interface, error) {
	found, err := net.InterfaceByName(name)
	if err != nil {
		return Interface{}, fmt.Errorf("finding interface %q: %w", name, err)
	}
	networks, err := found.Addrs()
	if err != nil {
		return Interface{}, fmt.Errorf("listing the addresses of interface %q: %w", name, err)
	}
	i := Interface{Index: found.Index}
	for _, n := range networks {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			i.Addresses = append(i.Addresses, p.Addr())
		}
	}
	return i, nil
}

func (cfg *Config) validate() error {
	if cfg.Binding == nil {
		return errors.New("configuring discovery: Binding is needed")
	}
	if cfg.MaxInterval < 0 || cfg.MaxInterval > 0 && cfg.MinInterval > cfg.MaxInterval {
		return fmt.Errorf("configuring discovery: the longest interval of advertisements is %s (must be 0, or at least the shortest, %s)", cfg.MaxInterval, cfg.MinInterval)
	}
	return validate(cfg.Links)
}

func validate(links []Link) error {
	for _, l := range links {
		if err := l.validate(); err != nil {
			return fmt.Errorf("configuring discovery: %w", err)
		}
	}
	return nil
}

func (l *Link) validate() error {
	for _, p := range l.Prefixes {
		switch {
		case !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() || p.Prefix != p.Prefix.Masked():
			return fmt.Errorf("home prefix %s is not an IPv6 prefix without host bits", p.Prefix)
		case p.Prefix.Bits() > maxBits:
			return fmt.Errorf("home prefix %s: length %d (must be at most %d, to leave room for the anycast address)", p.Prefix, p.Prefix.Bits(), maxBits)
		case len(l.agentsIn(p.Prefix)) == 0:
			return fmt.Errorf("home prefix %s: none of the home agent addresses %v is in it", p.Prefix, l.HomeAgents)
		}
	}
	return nil
}

// agentsIn returns our addresses in a home prefix.
func (l *Link) agentsIn(p netip.Prefix) []netip.Addr {
	var in []netip.Addr
	for _, a := range l.HomeAgents {
		if p.Contains(a) {
			in = append(in, a)
		}
	}
	return in
}

// maxBits is the length of the longest prefix with a Home-Agents anycast address.
const maxBits = 128 - anycastBits

// anycastBits is the length of an anycast ID, and homeAgentsID the one of home
// agents (RFC 2526 sections 2 and 4).
const (
	anycastBits  = 7
	homeAgentsID = 0x7e
)

// Anycast returns the Home-Agents anycast address of a prefix (RFC 2526 section 2):
// prefixes of 64 bits have interface identifiers in EUI-64 format, where the
// universal/local bit is zero.
func Anycast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As16()
	for bit := p.Bits(); bit < 128-anycastBits; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	if p.Bits() == 64 {
		a[8] &^= 0x02
	}
	a[15] |= homeAgentsID
	return netip.AddrFrom16(a)
}
