package addresspool

import (
	"net/netip"
	"time"
)

// A Lease says whose an address is.
type Lease struct {
	UserName string
	Address  netip.Addr
	// Released is when the user gave it up, zero while in use.
	Released time.Time
}

// A Pool holds the leases of home addresses. It is not safe for use by several
// goroutines. Times given to it never run backwards by more than the clock's
// corrections; where they do, hold-downs last longer or shorter by as much.
type Pool struct {
	holdDown    time.Duration
	rememberMax int
	random      func() uint64
	reserved    map[netip.Addr]bool
	spans       []span  // of all ranges
	ranges      []*zone // in the order of the configuration
	rests       []*zone // for each home prefix, its addresses outside of ranges
	elsewhere   *zone   // addresses in use that are not served any more

	users     map[string]*lease   // each user's newest lease
	former    map[string][]*lease // its earlier ones, in the order in which it left them
	addresses map[netip.Addr]*lease
	withheld  map[string][]*lease // by user, until Free
	inUse     int
	forgotten []string
}

// A lease is an address that is not free. It is in its zone's list of released
// leases unless it is in use or withheld.
type lease struct {
	user          string // empty: nobody's, to be avoided
	address       netip.Addr
	zone          *zone
	inUse         bool
	released      time.Time
	duplicate     bool // another node was seen to use it
	withheld      bool // only its user can have it, for as long as it takes
	before, after *lease
}

// A Claim is an address that Assign or Claim gave to a user. Undo or Withhold takes
// it back.
type Claim struct {
	UserName string
	Address  netip.Addr
	at       time.Time
	taken    *lease    // nil: the user had it in use already
	released time.Time // when the user had given up the address taken, zero if it was not the user's
	before   *lease    // the user's lease until then
	moved    bool      // before was in use
	withheld bool      // the address was, for the user
	// Former is another user who had the address last, if Take gave it.
	Former string
}

// Assign gives the user an address: the one the user has, else the one it had
// last, else a free one drawn at random, else the one that another user released
// first, if its hold-down is over. The error is [Exhausted].
func (p *Pool) Assign(user string, now time.Time) (Claim, error) {
	if l := p.users[user]; l != nil && !l.duplicate && p.refusal(l.address) == 0 {
		return p.give(user, l.address, now), nil
	}
	for _, z := range p.ranges {
		if n, ok := z.chooser.choose(p.random); ok {
			return p.give(user, n.addr(), now), nil
		}
	}
	for _, z := range p.ranges {
		if l := z.released.first; l != nil && !p.isHeldDown(l, now) {
			p.forget(l)
			return p.give(user, l.address, now), nil
		}
	}
	return Claim{}, Exhausted
}

// Claim gives the user a certain address, of a range or not: the AAA server's
// choice. Another address the user has is released and held down. The error is
// a [Refusal] other than Exhausted.
func (p *Pool) Claim(user string, address netip.Addr, now time.Time) (Claim, error) {
	if r := p.refusal(address); r != 0 {
		return Claim{}, r
	}
	l := p.addresses[address]
	switch {
	case l == nil:
		return p.give(user, address, now), nil
	case l.inUse && l.user != user:
		return Claim{}, OtherUser
	case l.duplicate && (l.inUse || p.isHeldDown(l, now)):
		return Claim{}, InUse
	case l.user == user:
		return p.give(user, address, now), nil
	case p.isHeldDown(l, now):
		return Claim{}, HeldDown
	}
	p.forget(l)
	return p.give(user, address, now), nil
}

// Serves tells whether an address is of a home prefix.
func (p *Pool) Serves(address netip.Addr) bool { return p.zoneOf(address) != p.elsewhere }

// Refuses tells whether an address is [NotServed] or [Reserved], so that no user can
// ever have it.
func (p *Pool) Refuses(address netip.Addr) (Refusal, bool) {
	r := p.refusal(address)
	return r, r != 0
}

// Holder tells who has an address in use.
func (p *Pool) Holder(address netip.Addr) (user string, inUse bool) {
	l := p.addresses[address]
	if l == nil || !l.inUse {
		return "", false
	}
	return l.user, true
}

// Take is Claim on an operator's word, who knows that nobody uses the address any
// more, or that it is the user itself who does: no hold-down keeps it back. The
// error is [NotServed], [Reserved] or [OtherUser].
func (p *Pool) Take(user string, address netip.Addr, now time.Time) (Claim, error) {
	if r := p.refusal(address); r != 0 {
		return Claim{}, r
	}
	l := p.addresses[address]
	switch {
	case l == nil || l.user == user:
		return p.give(user, address, now), nil
	case l.inUse || l.withheld:
		return Claim{}, OtherUser
	}
	p.forget(l)
	c := p.give(user, address, now)
	c.Former = l.user
	return c, nil
}

// refusal tells why nobody can have an address, zero if somebody can.
func (p *Pool) refusal(address netip.Addr) Refusal {
	z := p.zoneOf(address)
	switch {
	case z == p.elsewhere:
		return NotServed
	case p.reserved[address] || isReserved(z.prefix, numberOf(address)):
		return Reserved
	}
	return 0
}

// give leases an address that is free or was the user's own.
func (p *Pool) give(user string, address netip.Addr, now time.Time) Claim {
	c := Claim{UserName: user, Address: address, at: now, before: p.users[user]}
	l := p.addresses[address]
	if l != nil && l.inUse {
		return c
	}
	if c.before != nil && c.before.inUse {
		c.moved = true
		p.release(c.before, now)
	}
	if l == nil {
		l = p.hold(user, address)
	} else {
		c.released, c.withheld = l.released, l.withheld
		p.unlist(l)
	}
	l.duplicate = false
	p.use(l)
	c.taken = l
	p.trim(now)
	return c
}

// hold makes an address not free.
func (p *Pool) hold(user string, address netip.Addr) *lease {
	l := &lease{user: user, address: address, zone: p.zoneOf(address)}
	p.addresses[address] = l
	if l.zone.chooser != nil {
		l.zone.chooser.take(numberOf(address))
	}
	return l
}

// use makes a lease its user's, and in use.
func (p *Pool) use(l *lease) {
	l.inUse, l.released = true, time.Time{}
	l.zone.inUse++
	p.inUse++
	p.makeNewest(l)
}

// Release ends the user's lease and returns it: the address is held down for
// others, and remembered for the user until the space is needed. It returns
// false if the user has no lease in use.
func (p *Pool) Release(user string, now time.Time) (Lease, bool) {
	l := p.users[user]
	if l == nil || !l.inUse {
		return Lease{}, false
	}
	p.release(l, now)
	p.trim(now)
	return l.view(), true
}

// release ends the use of a lease. An address that nobody can have any more is
// forgotten at once.
func (p *Pool) release(l *lease, now time.Time) {
	l.inUse, l.released = false, now
	l.zone.inUse--
	p.inUse--
	if p.refusal(l.address) != 0 {
		p.drop(l)
		return
	}
	l.zone.released.append(l)
}

// Lease returns the user's newest lease, in use or released, until it is
// forgotten.
func (p *Pool) Lease(user string) (Lease, bool) {
	l := p.users[user]
	if l == nil {
		return Lease{}, false
	}
	return l.view(), true
}

func (l *lease) view() Lease {
	return Lease{UserName: l.user, Address: l.address, Released: l.released}
}

// Avoid keeps an address from being given, as another node was found to use it
// on the home link: for the hold-down from now, or from its release where it is
// leased. Its user gets another one at the next Assign.
func (p *Pool) Avoid(address netip.Addr, now time.Time) {
	if p.refusal(address) != 0 {
		return
	}
	l := p.addresses[address]
	switch {
	case l == nil:
		l = p.hold("", address)
	case !l.inUse && !l.withheld:
		l.zone.released.remove(l)
	}
	l.duplicate = true
	if l.withheld {
		l.released = now
	} else if !l.inUse {
		l.released = now
		l.zone.released.append(l)
	}
}

// zoneOf finds where an address belongs.
func (p *Pool) zoneOf(address netip.Addr) *zone {
	for _, rest := range p.rests {
		if !rest.prefix.Contains(address) {
			continue
		}
		n := numberOf(address)
		for _, z := range p.ranges {
			if z.prefix == rest.prefix && z.chooser.contains(n) {
				return z
			}
		}
		return rest
	}
	return p.elsewhere
}

func (p *Pool) isHeldDown(l *lease, now time.Time) bool {
	return !l.inUse && (l.withheld || now.Sub(l.released) < p.holdDown)
}
