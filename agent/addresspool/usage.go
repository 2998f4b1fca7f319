package addresspool

import (
	"math"
	"net/netip"
	"time"
)

// Usage is the use of a home prefix.
type Usage struct {
	Prefix netip.Prefix
	// InUse counts leases in use, HeldDown those that were released and are kept
	// from other users, Remembered those that other users may take over.
	InUse, HeldDown, Remembered int
	// Size is the number of addresses that Assign can choose from,
	// math.MaxUint64 if there are more.
	Size uint64
}

// Usage counts the leases of every home prefix, in the order of the
// configuration. It looks at every lease that is held down.
func (p *Pool) Usage(now time.Time) []Usage {
	all := make([]Usage, len(p.rests))
	for i, rest := range p.rests {
		all[i].Prefix = rest.prefix
		p.count(&all[i], rest, now)
		for _, z := range p.ranges {
			if z.prefix == rest.prefix {
				p.count(&all[i], z, now)
			}
		}
	}
	return all
}

func (p *Pool) count(u *Usage, z *zone, now time.Time) {
	held := 0
	for l := z.released.last; l != nil && p.isHeldDown(l, now); l = l.before {
		held++
	}
	u.InUse += z.inUse
	u.HeldDown += held + z.withheld
	u.Remembered += z.released.length - held
	if z.chooser == nil {
		return
	}
	u.Size += z.chooser.size()
	if u.Size < z.chooser.size() { // wrapped
		u.Size = math.MaxUint64
	}
}
