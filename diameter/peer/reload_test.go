package peer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// TestSetPeers removes a peer, keeps one, and adds one.
func TestSetPeers(t *testing.T) {
	t.Parallel()
	bubble(t, two, func(t *testing.T, table *peer.Table, net *pipes) {
		leaving, staying := net.connect(t, listening).open(them), net.connect(t, listening).open(other)
		synctest.Wait()
		const added = "new.home.example"
		next := []peer.PeerConfig{{Host: added, Realm: realm, Secured: peer.SecuredLoopback}, two().Peers[1]}
		done := make(chan error, 1)
		go func() { done <- table.SetPeers(t.Context(), next) }()

		dpr := leaving.request(diam.DisconnectPeer)
		if cause, f := base.ReadDPR(dpr); f != nil || cause != base.DoNotWantToTalkToYou {
			t.Errorf("DPR with %v: %v", cause, f)
		}
		leaving.send(base.NewAnswer(dpr, id, nil))
		leaving.closed()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if code := staying.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		net.connect(t, listening).open(added)
		if code := net.connect(t, listening).ask(base.NewCER(caps(them))); code != diameter.UnknownPeer {
			t.Errorf("CEA with %v", code)
		}
		if s := table.Peers(); len(s) != 2 || s[0].Host != added || s[1].Counters.Connections != 1 {
			t.Errorf("peers %+v", s)
		}
	})
}

// TestChangedPeer is disconnected, and connected as configured now.
func TestChangedPeer(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		next := config().Peers
		next[0].Connect = "aaa"
		done := make(chan error, 1)
		go func() { done <- table.SetPeers(t.Context(), next) }()
		dpr := f.request(diam.DisconnectPeer)
		if cause, f := base.ReadDPR(dpr); f != nil || cause != base.Rebooting {
			t.Errorf("DPR with %v: %v", cause, f)
		}
		f.send(base.NewAnswer(dpr, id, nil))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		g := net.taken(t).accept(them)
		if code := g.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

func TestSetPeersRefuses(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	if err := table.SetPeers(t.Context(), []peer.PeerConfig{{Host: us}}); err == nil {
		t.Error("we are our own peer")
	}
	if err := table.Check(nil, []peer.PeerConfig{{Host: us}}); err == nil {
		t.Error("we may be our own peer")
	}
	if err := table.Check(nil, []peer.PeerConfig{{Host: other, Secured: peer.SecuredLoopback}}); err != nil {
		t.Errorf("Check: %v", err)
	}
	if code := f.ask(hmr("s")); code != diameter.Success {
		t.Errorf("result %v", code)
	}
	idle, err := peer.New(config())
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.SetPeers(t.Context(), nil); !errors.Is(err, peer.ErrNotRunning) {
		t.Errorf("before Run: %v", err)
	}
}

// TestSetPeersNeedNotBeWaitedFor: the change goes on when the caller leaves, and
// the end of the Table waits for it.
func TestSetPeersNeedNotBeWaitedFor(t *testing.T) {
	t.Parallel()
	running(t, config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		next := config().Peers
		next[0].Realm = ""
		if err := table.SetPeers(ctx, next); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		f.request(diam.DisconnectPeer)
		cancel()
		if d := stopped(); d != 4*time.Second {
			t.Errorf("took %v, want what was left of 5 s", d)
		}
	})
}
