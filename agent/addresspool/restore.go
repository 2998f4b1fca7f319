package addresspool

import (
	"errors"
	"fmt"
	"slices"
)

// Restore brings back leases that the caller kept, into a Pool without any. Of
// several for one address the one in use stands, else the one released last. It
// is an error if two users have the same address in use: neither is to be
// trusted then.
//
// A user's newest lease is the one in use, else the one released last; the others are
// those it left for another address.
//
// A lease in use whose address is not served any more, or is reserved now,
// stands until it is released; Assign then gives its user another address.
func (p *Pool) Restore(leases []Lease) error {
	// A user's newest lease counts, so the released ones come first.
	sorted := slices.SortedStableFunc(slices.Values(leases), func(a, b Lease) int {
		if a.Released.IsZero() != b.Released.IsZero() {
			return b.Released.Compare(a.Released) // the zero Time last
		}
		return a.Released.Compare(b.Released)
	})
	var errs []error
	for _, l := range sorted {
		errs = append(errs, p.restore(l))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("restoring the leases of home addresses: %w", err)
	}
	return nil
}

func (p *Pool) restore(r Lease) error {
	if other := p.addresses[r.Address]; other != nil {
		if other.inUse {
			return fmt.Errorf("%s is leased to both %q and %q", r.Address, other.user, r.UserName)
		}
		p.forget(other)
	}
	if other := p.users[r.UserName]; other != nil && other.inUse {
		return fmt.Errorf("%q has both %s and %s", r.UserName, other.address, r.Address)
	}
	inUse := r.Released.IsZero()
	if !inUse && p.refusal(r.Address) != 0 {
		p.forgotten = append(p.forgotten, r.UserName)
		return nil
	}
	l := p.hold(r.UserName, r.Address)
	if inUse {
		p.use(l)
		return nil
	}
	l.released = r.Released
	l.zone.released.append(l)
	p.makeNewest(l)
	return nil
}
