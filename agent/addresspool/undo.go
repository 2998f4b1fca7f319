package addresspool

import (
	"slices"
	"time"
)

// Undo takes back what a Claim gave when nothing came of it and nobody was told.
// The user has the address of before again, if there was one in use. The address
// taken back was nobody's: it is remembered for the user, and others can have it
// at once. Only if it was held down as the user's own when it was given, its
// hold-down begins anew; and if it was withheld, it is again.
func (p *Pool) Undo(c Claim) {
	l, ok := p.takeBack(c)
	switch {
	case !ok:
	case c.withheld:
		p.withhold(l)
	default:
		p.list(l, c.at)
	}
}

// Withhold is Undo for a Claim that something may remain of elsewhere: nobody but
// its user gets the address before Free, however long that takes.
func (p *Pool) Withhold(c Claim) {
	if l, ok := p.takeBack(c); ok {
		p.withhold(l)
	}
}

// Free ends the withholding of all addresses that are withheld for a user: they
// are as Undo would have left them.
func (p *Pool) Free(user string, now time.Time) {
	for _, l := range p.withheld[user] {
		l.withheld = false
		l.zone.withheld--
		p.list(l, now)
	}
	delete(p.withheld, user)
}

// takeBack ends the use of the lease of a claim, and gives its user back the lease
// of before. The lease returned is in no list. It returns false if the claim does
// not stand.
func (p *Pool) takeBack(c Claim) (*lease, bool) {
	l := c.taken
	if l == nil || !l.inUse || p.users[c.UserName] != l || p.addresses[c.Address] != l {
		return nil, false
	}
	l.inUse, l.released = false, c.at
	if c.at.Sub(c.released) >= p.holdDown {
		l.released = c.at.Add(-p.holdDown)
	}
	l.zone.inUse--
	p.inUse--
	p.restoreBefore(c)
	return l, true
}

// restoreBefore gives the user of a claim the address back that it had in use.
func (p *Pool) restoreBefore(c Claim) {
	if !c.moved {
		return
	}
	b := p.addresses[c.before.address]
	switch {
	case b == nil: // forgotten, as it is not served any more
		b = p.hold(c.UserName, c.before.address)
	case b != c.before:
		return
	default:
		p.unlist(b)
	}
	b.duplicate = c.before.duplicate
	p.use(b)
}

// withhold keeps a lease that is in no list out of them.
func (p *Pool) withhold(l *lease) {
	l.withheld = true
	p.withheld[l.user] = append(p.withheld[l.user], l)
	l.zone.withheld++
}

// list puts a lease that came to nothing among those released. It comes before all
// others unless it is held down: it is the first to be given away.
func (p *Pool) list(l *lease, now time.Time) {
	if p.isHeldDown(l, now) {
		l.zone.released.append(l)
		return
	}
	l.zone.released.prepend(l)
}

// unlist takes a lease that is not in use out of where it waits.
func (p *Pool) unlist(l *lease) {
	if !l.withheld {
		l.zone.released.remove(l)
		return
	}
	l.withheld = false
	l.zone.withheld--
	rest := slices.DeleteFunc(p.withheld[l.user], func(other *lease) bool { return other == l })
	p.withheld[l.user] = rest
	if len(rest) == 0 {
		delete(p.withheld, l.user)
	}
}
