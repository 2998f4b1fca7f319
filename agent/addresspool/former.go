package addresspool

import (
	"slices"
	"time"
)

// FormerMax bounds the leases that Former returns for one user.
const FormerMax = 32

// Former returns the leases that a user left for another address and that are held
// down, oldest first, so that the caller keeps them beside the user's lease: the
// [FormerMax] left last, if there are more.
func (p *Pool) Former(user string, now time.Time) (all []Lease) {
	for _, l := range p.former[user] {
		if now.Sub(l.released) < p.holdDown {
			all = append(all, l.view())
		}
	}
	return all[max(len(all)-FormerMax, 0):]
}

// makeNewest makes a lease the one that its user has, or had last.
func (p *Pool) makeNewest(l *lease) {
	before := p.users[l.user]
	if before == l {
		return
	}
	p.notFormer(l)
	p.users[l.user] = l
	if before != nil {
		p.former[l.user] = append(p.former[l.user], before)
	}
}

// notFormer is for a lease that is its user's newest again, or is forgotten.
func (p *Pool) notFormer(l *lease) {
	i := slices.Index(p.former[l.user], l)
	if i < 0 {
		return
	}
	rest := slices.Delete(p.former[l.user], i, i+1)
	p.former[l.user] = rest
	if len(rest) == 0 {
		delete(p.former, l.user)
	}
}
