//go:build kerneltest

package strongswan_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"homeagent/diameter/lab/strongswan"
	"homeagent/ike/charontest"
	"homeagent/ike/vici"
)

func start(t *testing.T) *charontest.Daemon {
	t.Helper()
	daemon, err := charontest.Start(charontest.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := daemon.Stop(); err != nil {
			t.Error(err)
		}
	})
	return daemon
}

func TestAsk(t *testing.T) {
	daemon := start(t)
	err := strongswan.Ask(t.Context(), daemon.Socket(), func(_ context.Context, link *vici.Link) error {
		if link.Version == "" {
			t.Error("no version")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAskOnceAndReturnItsError(t *testing.T) {
	daemon := start(t)
	refused, calls := errors.New("refused"), 0
	err := strongswan.Ask(t.Context(), daemon.Socket(), func(context.Context, *vici.Link) error {
		calls++
		return refused
	})
	if !errors.Is(err, refused) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestInitiateSaysWhatStrongswanSaid(t *testing.T) {
	daemon := start(t)
	err := strongswan.Initiate(t.Context(), daemon.Socket(), "home", "mobility")
	if err == nil || !strings.Contains(err.Error(), "initiating mobility of home") || !strings.Contains(err.Error(), "not found") {
		t.Errorf("got %v", err)
	}
}

func TestEndChildSaysWhatStrongswanSaid(t *testing.T) {
	daemon := start(t)
	err := strongswan.EndChild(t.Context(), daemon.Socket(), "payload")
	if err == nil || !strings.Contains(err.Error(), "ending payload") || !strings.Contains(err.Error(), "no matching SAs") {
		t.Errorf("got %v", err)
	}
}

func TestInitiateEndsWithItsContext(t *testing.T) {
	daemon := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := strongswan.Initiate(ctx, daemon.Socket(), "home", "mobility"); err == nil {
		t.Error("no error")
	}
}
