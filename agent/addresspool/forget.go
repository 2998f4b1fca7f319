package addresspool

import "time"

// Forgotten returns the users whose leases were forgotten since the last call,
// so that the caller forgets them too. Some may have a new lease by now.
func (p *Pool) Forgotten() []string {
	users := p.forgotten
	p.forgotten = nil
	return users
}

// forget makes the address of a released lease free.
func (p *Pool) forget(l *lease) {
	l.zone.released.remove(l)
	p.drop(l)
}

// drop makes the address free of a lease that is in no list.
func (p *Pool) drop(l *lease) {
	delete(p.addresses, l.address)
	if l.zone.chooser != nil {
		l.zone.chooser.give(numberOf(l.address))
	}
	if p.users[l.user] == l {
		delete(p.users, l.user)
		p.forgotten = append(p.forgotten, l.user)
		return
	}
	p.notFormer(l)
}

// trim forgets the leases released first, whose hold-down is over, while more
// than RememberMax are not in use.
func (p *Pool) trim(now time.Time) {
	for len(p.addresses)-p.inUse > p.rememberMax {
		oldest := p.oldest()
		if oldest == nil || p.isHeldDown(oldest, now) {
			return
		}
		p.forget(oldest)
	}
}

// oldest is the lease that was released first.
func (p *Pool) oldest() (oldest *lease) {
	for _, zones := range [...][]*zone{p.ranges, p.rests} {
		for _, z := range zones {
			if l := z.released.first; l != nil && (oldest == nil || l.released.Before(oldest.released)) {
				oldest = l
			}
		}
	}
	return oldest
}
