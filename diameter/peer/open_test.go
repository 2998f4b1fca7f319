package peer_test

import (
	"testing"

	"homeagent/diameter"
)

func TestRequestOverAcceptedConnection(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	if code := f.ask(hmr("s")); code != diameter.Success {
		t.Errorf("result %v", code)
	}
	connected(t, table, them)
}
