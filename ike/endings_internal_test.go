package ike

import "testing"

// A mobile node that authenticates while its earlier IKE_SA is being ended is
// ended next.
func TestAddedWhileBeingEnded(t *testing.T) {
	t.Parallel()
	e := newEndings()
	all := ending{name: "mn"}
	e.add(all)
	for range 2 {
		if got, ok := e.take(); !ok || got != all || !e.has("mn") {
			t.Fatalf("got %v and %v, with %v", got, ok, e)
		}
		e.add(all)
	}
	e.take()
	e.now = ending{}
	if got, ok := e.take(); ok || e.has("mn") {
		t.Errorf("got %v with %v, want nothing", got, e)
	}
}
