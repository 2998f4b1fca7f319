package strongswan_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeagent/diameter/lab/strongswan"
	"homeagent/ike/vici"
)

func TestAskWithoutStrongswan(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := strongswan.Ask(ctx, "/nowhere.vici", func(context.Context, *vici.Link) error {
		t.Error("work done without strongSwan")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "does not answer on /nowhere.vici") {
		t.Errorf("got %v", err)
	}
}
