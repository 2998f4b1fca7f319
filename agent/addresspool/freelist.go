package addresspool

import "slices"

// A freeList holds the free ones of the values 0 to size-1. All operations take
// constant time; memory grows with the values taken, not with size.
//
// It is a permutation of all values of which only the first free places count,
// and of those only the ones that differ from the identity are stored. Every
// free value below free stands at its own place. So a place below free holds
// another value than its own only where its own is taken, and that other value
// is one of those above.
type freeList struct {
	free  uint64
	other map[uint64]uint64 // place below free, its own value taken: the value it holds instead
	place map[uint64]uint64 // the inverse of other
}

func newFreeList(size uint64) *freeList {
	return &freeList{free: size, other: map[uint64]uint64{}, place: map[uint64]uint64{}}
}

// at returns the free value at a place below free: a random place gives a
// random free value.
func (f *freeList) at(place uint64) uint64 {
	if v, ok := f.other[place]; ok {
		return v
	}
	return place
}

// take removes a value that is free.
func (f *freeList) take(v uint64) {
	hole, away := f.place[v]
	if away {
		f.unset(hole)
	} else {
		hole = v
	}
	f.free--
	// The place that does not count any more gives its value to the hole.
	if moved := f.at(f.free); hole != f.free {
		f.unset(f.free)
		f.set(hole, moved)
	}
}

// give adds a value that is taken.
func (f *freeList) give(v uint64) {
	hole := f.free
	f.free++
	// A free value whose own place counts from now on goes there.
	if from, away := f.place[hole]; away {
		f.unset(from)
		hole = from
	}
	// So does v, and the value that stood in for it goes to the hole.
	if v < f.free && v != hole {
		moved := f.other[v]
		f.unset(v)
		f.set(hole, moved)
		return
	}
	f.set(hole, v)
}

func (f *freeList) set(place, v uint64) {
	if place == v {
		return
	}
	f.other[place] = v
	f.place[v] = place
}

func (f *freeList) unset(place uint64) {
	if v, ok := f.other[place]; ok {
		delete(f.other, place)
		delete(f.place, v)
	}
}

// An index numbers the addresses of several spans from 0.
type index struct {
	spans  []span
	starts []uint64 // number of the first address of each span
	size   uint64
}

// newIndex numbers the addresses of spans that do not overlap, 2^32 at most.
func newIndex(spans []span) *index {
	slices.SortFunc(spans, func(a, b span) int { return a.first.compare(b.first) })
	x := &index{spans: spans}
	for _, s := range spans {
		x.starts = append(x.starts, x.size)
		x.size += s.last.minus(s.first).lo + 1
	}
	return x
}

func (x *index) address(i uint64) number {
	at, found := slices.BinarySearch(x.starts, i)
	if !found {
		at--
	}
	return x.spans[at].first.plus(number{0, i - x.starts[at]})
}

// number finds the number of an address, if it has one.
func (x *index) number(n number) (uint64, bool) {
	at, found := slices.BinarySearchFunc(x.spans, n, func(s span, n number) int { return s.last.compare(n) })
	if !found && (at == len(x.spans) || !x.spans[at].contains(n)) {
		return 0, false
	}
	return x.starts[at] + n.minus(x.spans[at].first).lo, true
}
