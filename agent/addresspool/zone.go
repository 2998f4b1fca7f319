package addresspool

import (
	"math"
	"math/bits"
	"net/netip"
)

// dense is the size up to which the free addresses of a range are listed.
// Larger ranges cannot fill: memory would end before half of them is leased.
const dense = 1 << 32

// draws bounds the tries to find a free address in a range that is not listed.
const draws = 128

// A zone is a set of addresses with a chooser of its own: a range, or what a
// home prefix has beside its ranges, where chooser is nil.
type zone struct {
	prefix   netip.Prefix
	chooser  chooser
	inUse    int
	withheld int
	released list // leases that may be used again: if the first is held down, so are all
}

// A chooser finds free addresses. It is told of every lease made and forgotten
// within it.
type chooser interface {
	contains(n number) bool
	choose(random func() uint64) (number, bool)
	take(n number)
	give(n number)
	size() uint64 // saturating
}

// A listed range knows its free addresses.
type listed struct {
	addresses *index
	free      *freeList
}

func newListed(spans []span) *listed {
	x := newIndex(spans)
	return &listed{addresses: x, free: newFreeList(x.size)}
}

func (l *listed) contains(n number) bool {
	_, ok := l.addresses.number(n)
	return ok
}

func (l *listed) choose(random func() uint64) (number, bool) {
	if l.free.free == 0 {
		return number{}, false
	}
	// The high word of the product is even but for one part in 2^32.
	place, _ := bits.Mul64(random(), l.free.free)
	return l.addresses.address(l.free.at(place)), true
}

func (l *listed) take(n number) {
	if i, ok := l.addresses.number(n); ok {
		l.free.take(i)
	}
}

func (l *listed) give(n number) {
	if i, ok := l.addresses.number(n); ok {
		l.free.give(i)
	}
}

func (l *listed) size() uint64 { return l.addresses.size }

// A drawn range is so large that a random address of it is almost always free.
type drawn struct {
	span
	unavailable func(number) bool
}

func (d *drawn) choose(random func() uint64) (number, bool) {
	size := d.last.minus(d.first)
	mask := size.mask()
	for range draws {
		offset := number{random() & mask.hi, random() & mask.lo}
		if offset.compare(size) > 0 {
			continue
		}
		if n := d.first.plus(offset); !d.unavailable(n) {
			return n, true
		}
	}
	return number{}, false
}

func (d *drawn) take(number) {}
func (d *drawn) give(number) {}

func (d *drawn) size() uint64 {
	if n := d.last.minus(d.first); n.hi == 0 && n.lo != math.MaxUint64 {
		return n.lo + 1
	}
	return math.MaxUint64
}

// A list of leases, doubly linked through them.
type list struct {
	first, last *lease
	length      int
}

func (l *list) append(e *lease) {
	e.before, e.after = l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.after = e
	}
	l.last = e
	l.length++
}

func (l *list) prepend(e *lease) {
	e.before, e.after = nil, l.first
	if l.first == nil {
		l.last = e
	} else {
		l.first.before = e
	}
	l.first = e
	l.length++
}

func (l *list) remove(e *lease) {
	if e.before == nil {
		l.first = e.after
	} else {
		e.before.after = e.after
	}
	if e.after == nil {
		l.last = e.before
	} else {
		e.after.before = e.before
	}
	e.before, e.after = nil, nil
	l.length--
}
