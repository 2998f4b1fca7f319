package ike

import "testing"

// A mobile node that authenticates while its earlier IKE_SA is being ended is
// ended next.
func TestAddedWhileBeingEnded(t *testing.T) {
	t.Parallel()
	e := newEndings()
	e.add("mn")
	for range 2 {
		if name, ok := e.take(); !ok || name != "mn" || !e.has("mn") {
			t.Fatalf("got %q and %v, with %v", name, ok, e)
		}
		e.add("mn")
	}
	e.take()
	e.now = ""
	if name, ok := e.take(); ok || e.has("mn") {
		t.Errorf("got %q with %v, want nothing", name, e)
	}
}
