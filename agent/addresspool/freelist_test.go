package addresspool

import (
	"math/rand/v2"
	"testing"
)

// checkFreeList compares a free list with the plain set of free values.
func checkFreeList(t *testing.T, f *freeList, free map[uint64]bool, size int) {
	t.Helper()
	if int(f.free) != len(free) {
		t.Fatalf("%d values are free, want %d", f.free, len(free))
	}
	seen := map[uint64]bool{}
	for place := range f.free {
		v := f.at(place)
		if seen[v] || !free[v] {
			t.Fatalf("place %d holds %d: twice %v, free %v", place, v, seen[v], free[v])
		}
		seen[v] = true
	}
	if taken := size - len(free); len(f.other) > taken || len(f.place) != len(f.other) {
		t.Fatalf("%d and %d values stored for %d taken", len(f.other), len(f.place), taken)
	}
}

// FuzzFreeList takes and gives the values that the octets name.
func FuzzFreeList(f *testing.F) {
	f.Add([]byte{5}, []byte{0, 4, 0, 3, 4, 2})
	f.Add([]byte{1}, []byte{0, 0})
	f.Add([]byte{200}, []byte{199, 0, 198, 1, 199, 198, 0, 1})
	f.Fuzz(func(t *testing.T, size, values []byte) {
		if len(size) == 0 || size[0] == 0 || len(values) > 2000 {
			return
		}
		n := int(size[0])
		list, free := newFreeList(uint64(n)), map[uint64]bool{}
		for v := range n {
			free[uint64(v)] = true
		}
		for _, octet := range values {
			v := uint64(int(octet) % n)
			if free[v] {
				list.take(v)
				delete(free, v)
			} else {
				list.give(v)
				free[v] = true
			}
			checkFreeList(t, list, free, n)
		}
	})
}

// A list of many values costs memory for those that are taken only.
func TestFreeListIsSparse(t *testing.T) {
	t.Parallel()
	const size = dense
	random := rand.New(rand.NewPCG(1, 1))
	list := newFreeList(size)
	var taken []uint64
	for range 100_000 {
		if len(taken) < 50 || len(taken) < 100 && random.IntN(2) == 0 {
			v := list.at(random.Uint64N(list.free))
			list.take(v)
			taken = append(taken, v)
			continue
		}
		i := random.IntN(len(taken))
		list.give(taken[i])
		taken[i] = taken[len(taken)-1]
		taken = taken[:len(taken)-1]
	}
	if len(list.other) > len(taken) || len(list.place) != len(list.other) {
		t.Errorf("%d and %d values stored for %d taken", len(list.other), len(list.place), len(taken))
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	n := func(lo uint64) number { return number{1, lo} }
	x := newIndex([]span{{n(20), n(22)}, {n(1), n(1)}, {n(10), n(12)}})
	if x.size != 7 {
		t.Errorf("size %d, want 7", x.size)
	}
	want := []number{n(1), n(10), n(11), n(12), n(20), n(21), n(22)}
	for i, address := range want {
		if got := x.address(uint64(i)); got != address {
			t.Errorf("address(%d) = %v, want %v", i, got, address)
		}
		if got, ok := x.number(address); !ok || got != uint64(i) {
			t.Errorf("number(%v) = %d, %v, want %d", address, got, ok, i)
		}
	}
	for _, absent := range []number{n(0), n(2), n(9), n(13), n(19), n(23), {0, 10}, {2, 10}} {
		if got, ok := x.number(absent); ok {
			t.Errorf("number(%v) = %d, want none", absent, got)
		}
	}
}
