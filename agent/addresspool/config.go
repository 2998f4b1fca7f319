package addresspool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// DefaultRememberMax is how many released leases are remembered unless
// configured otherwise.
const DefaultRememberMax = 100_000

// A Prefix is a home prefix of any length, or a range inside one.
type Prefix struct {
	Prefix netip.Prefix
	// First and Last bound the addresses that Assign chooses from, both
	// included; zero for the first and last of the prefix. Claim takes any
	// address of the prefix. One with several ranges is given once for each.
	First, Last netip.Addr
}

// A Config says which addresses there are.
type Config struct {
	// Prefixes are tried in this order.
	Prefixes []Prefix
	// Reserved are addresses that nobody gets, beside those reserved by RFCs:
	// the home agent's own, and routers'.
	Reserved []netip.Addr
	// HoldDown is how long a released address is kept from other users.
	HoldDown time.Duration
	// RememberMax bounds the released leases that are remembered so that their
	// users come back to their addresses; 0 for DefaultRememberMax, negative for
	// none. A lease that is held down counts but is not forgotten.
	RememberMax int
	// Random draws addresses; nil for crypto/rand. Addresses are to be as
	// unpredictable as those of RFC 7217, so that nobody finds mobile nodes by
	// trying.
	Random func() uint64
}

// New makes a Pool without leases. The error names the prefix or range that
// cannot be used.
func New(cfg Config) (*Pool, error) {
	if len(cfg.Prefixes) == 0 {
		return nil, errors.New("making a pool of home addresses: there is no home prefix (at least one is needed)")
	}
	if cfg.RememberMax == 0 {
		cfg.RememberMax = DefaultRememberMax
	}
	if cfg.Random == nil {
		cfg.Random = unpredictable
	}
	p := &Pool{
		holdDown: cfg.HoldDown, rememberMax: max(cfg.RememberMax, 0), random: cfg.Random,
		reserved: map[netip.Addr]bool{},
		users:    map[string]*lease{}, former: map[string][]*lease{}, addresses: map[netip.Addr]*lease{}, withheld: map[string][]*lease{},
		elsewhere: &zone{},
	}
	for _, a := range cfg.Reserved {
		p.reserved[a] = true
	}
	for _, prefix := range cfg.Prefixes {
		if err := p.add(prefix); err != nil {
			return nil, fmt.Errorf("making a pool of home addresses: %w", err)
		}
	}
	return p, nil
}

func unpredictable() uint64 {
	var octets [8]byte
	rand.Read(octets[:]) // never fails: it would end the process
	return binary.NativeEndian.Uint64(octets[:])
}

func (p *Pool) add(c Prefix) error {
	if err := c.validate(); err != nil {
		return err
	}
	s := c.span()
	for _, other := range p.spans {
		if other.overlaps(s) {
			return fmt.Errorf("%s overlaps another range", c)
		}
	}
	p.spans = append(p.spans, s)
	chooser, err := p.chooser(c, s)
	if err != nil {
		return err
	}
	p.ranges = append(p.ranges, &zone{prefix: c.Prefix, chooser: chooser})
	for _, rest := range p.rests {
		if rest.prefix == c.Prefix {
			return nil
		}
		if rest.prefix.Overlaps(c.Prefix) {
			return fmt.Errorf("home prefix %s overlaps %s", c.Prefix, rest.prefix)
		}
	}
	p.rests = append(p.rests, &zone{prefix: c.Prefix})
	return nil
}

func (p *Pool) chooser(c Prefix, s span) (chooser, error) {
	size := s.last.minus(s.first)
	if size.hi != 0 || size.lo >= dense {
		return &drawn{span: s, unavailable: func(n number) bool {
			a := n.addr()
			return p.addresses[a] != nil || p.reserved[a] || isReserved(c.Prefix, n)
		}}, nil
	}
	// So small a range touches two subnets of 64 bits at most.
	taken := append(reservedSpans(c.Prefix, s.first.hi), reservedSpans(c.Prefix, s.last.hi)...)
	for a := range p.reserved {
		taken = append(taken, span{numberOf(a), numberOf(a)})
	}
	left := []span{s}
	for _, t := range taken {
		var rest []span
		for _, s := range left {
			rest = append(rest, s.without(t)...)
		}
		left = rest
	}
	if len(left) == 0 {
		return nil, fmt.Errorf("%s has only reserved addresses", c)
	}
	return newListed(left), nil
}

// String is the prefix, with its range where it has one.
func (c Prefix) String() string {
	if !c.Prefix.IsValid() || !c.First.IsValid() && !c.Last.IsValid() {
		return fmt.Sprintf("home prefix %s", c.Prefix)
	}
	s := c.span()
	return fmt.Sprintf("range %s-%s of home prefix %s", s.first.addr(), s.last.addr(), c.Prefix)
}

func (c Prefix) validate() error {
	if !c.Prefix.IsValid() || !routable(c.Prefix.Addr()) || c.Prefix != c.Prefix.Masked() {
		return fmt.Errorf("%s is not a prefix of routable IPv6 unicast addresses without host bits", c)
	}
	for _, end := range []netip.Addr{c.First, c.Last} {
		if end.IsValid() && !c.Prefix.Contains(end) {
			return fmt.Errorf("%s is not inside it", c)
		}
	}
	if s := c.span(); s.last.compare(s.first) < 0 {
		return fmt.Errorf("%s ends before it begins", c)
	}
	return nil
}

func (c Prefix) span() span {
	s := spanOf(c.Prefix)
	if c.First.IsValid() {
		s.first = numberOf(c.First)
	}
	if c.Last.IsValid() {
		s.last = numberOf(c.Last)
	}
	return s
}

func routable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && !a.IsMulticast() && !a.IsLinkLocalUnicast() && !a.IsLoopback() && !a.IsUnspecified()
}
