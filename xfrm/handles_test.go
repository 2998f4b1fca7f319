package xfrm

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"homeagent/xfrm/internal/object"
)

func source(i int) netip.Prefix { return object.Host(addr(fmt.Sprintf("2001:db8:1::%x", i+1))) }

func TestHandles(t *testing.T) {
	t.Parallel()
	h := newHandles()
	for i, want := range []uint32{1, 2, 3} {
		if got := h.take(source(i)); got != want {
			t.Errorf("source %d got number %d, want %d", i, got, want)
		}
	}
	if got := h.take(source(1)); got != 2 {
		t.Errorf("asked again, source 1 got number %d, want 2", got)
	}
	h.give(source(1), 2)
	if got := h.take(source(5)); got != 2 {
		t.Errorf("after one was given back source 5 got number %d, want 2", got)
	}
}

func TestHandlesLearn(t *testing.T) {
	t.Parallel()
	h := newHandles()
	for i, handle := range []uint32{7, 1, 4000000000} {
		if !h.learn(source(i), handle) {
			t.Errorf("source %d is said to be known", i)
		}
	}
	if h.learn(source(0), 3) {
		t.Error("a second filter for source 0 is said to be the only one")
	}
	h.give(source(0), 3) // which is deleted
	if got := h.take(source(0)); got != 7 {
		t.Errorf("source 0 got number %d, want 7", got)
	}
	var got []uint32
	for i := 10; i < 17; i++ {
		got = append(got, h.take(source(i)))
	}
	if want := "[2 3 4 5 6 8 9]"; fmt.Sprint(got) != want {
		t.Errorf("new sources got %v, want %s", got, want)
	}
}

// Whatever the order, no two sources have one number, and numbers stay below
// what was ever needed at once.
func TestHandlesStayApart(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	h := newHandles()
	held := make(map[netip.Prefix]uint32)
	const sources = 50
	for range 10000 {
		s := source(random.IntN(sources))
		if handle, has := held[s]; has {
			h.give(s, handle)
			delete(held, s)
			continue
		}
		handle := h.take(s)
		for other, taken := range held {
			if taken == handle {
				t.Fatalf("%s and %s both have number %d", s, other, handle)
			}
		}
		if handle < 1 || handle > sources {
			t.Fatalf("number %d for at most %d sources", handle, sources)
		}
		held[s] = handle
	}
}
