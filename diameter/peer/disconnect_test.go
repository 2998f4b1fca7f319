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

// running runs a Table on pipes in a bubble; stopped returns how long it took
// to stop after cancel was called.
func running(t *testing.T, c func() peer.Config, test func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		table, err := peer.New(c())
		if err != nil {
			t.Fatal(err)
		}
		net.use(table)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- table.Run(ctx) }()
		<-table.Ready()
		var begin time.Time
		stop := func() { begin = time.Now(); cancel() }
		test(t, table, net, stop, func() time.Duration {
			t.Helper()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
			return time.Since(begin)
		})
	})
}

func TestEndSaysFarewell(t *testing.T) {
	t.Parallel()
	running(t, config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		cancel()
		dpr := f.request(diam.DisconnectPeer)
		if cause, failure := base.ReadDPR(dpr); failure != nil || cause != base.Rebooting {
			t.Errorf("DPR with %v: %v", cause, failure)
		}
		f.send(base.NewAnswer(dpr, id, nil))
		f.closed()
		if d := stopped(); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// TestEndWithoutDPA: a peer that does not answer cannot hold us up.
func TestEndWithoutDPA(t *testing.T) {
	t.Parallel()
	running(t, config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		cancel()
		f.request(diam.DisconnectPeer)
		f.closed()
		if d := stopped(); d != 5*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// TestEndOfStrangers: those without CER, and those we are dialling.
func TestEndOfStrangers(t *testing.T) {
	t.Parallel()
	c := func() peer.Config {
		c := config()
		c.Peers = append(c.Peers, peer.PeerConfig{Host: other, Connect: "relay", Secured: peer.SecuredLoopback})
		return c
	}
	running(t, c, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		stranger, dialled := net.connect(t, listening), net.taken(t)
		dialled.request(diam.CapabilitiesExchange)
		cancel()
		stranger.closed()
		dialled.closed()
		if d := stopped(); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// slow is a handler that answers when it is let.
type slow struct {
	begun   chan struct{}
	release chan struct{}
	ended   chan error // the context's, when Serve returned
}

// config makes the channels, which must be of the bubble, and a configuration
// with this handler.
func (s *slow) config() peer.Config {
	*s = slow{begun: make(chan struct{}, 1000), release: make(chan struct{}), ended: make(chan error, 1000)}
	c := config()
	c.Handler = s
	return c
}

func (s *slow) Admit(peer.Info, diameter.Header) *diameter.Failure { return nil }

func (s *slow) Serve(ctx context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
	s.begun <- struct{}{}
	select {
	case <-s.release:
	case <-ctx.Done():
	}
	s.ended <- ctx.Err()
	return diameter.NewAnswer(req, identity, diameter.Success)
}

// TestEndFinishesWhatIsInProgress: the answer precedes DPR, and nothing new is
// begun.
func TestEndFinishesWhatIsInProgress(t *testing.T) {
	t.Parallel()
	var h slow
	running(t, h.config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		first := f.send(hmr("s"))
		<-h.begun
		cancel()
		synctest.Wait()
		if code := f.ask(hmr("t")); code != diameter.TooBusy {
			t.Errorf("new request: %v", code)
		}
		close(h.release)
		if code := result(t, f.answer(first)); code != diameter.Success {
			t.Errorf("request in progress: %v", code)
		}
		f.send(base.NewAnswer(f.request(diam.DisconnectPeer), id, nil))
		f.closed()
		if err := <-h.ended; err != nil {
			t.Errorf("the handler's context: %v", err)
		}
		stopped()
	})
}

// TestEndCutsOffWhatTakesTooLong: the handler's context ends.
func TestEndCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	var h slow
	running(t, h.config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		f.send(hmr("s"))
		<-h.begun
		begin := time.Now()
		cancel()
		f.send(base.NewAnswer(f.request(diam.DisconnectPeer), id, nil))
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("DPR after %v", d)
		}
		if err := <-h.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context: %v", err)
		}
		stopped()
	})
}

// TestEndWaitsForOrphans: requests whose connection is gone finish, too.
func TestEndWaitsForOrphans(t *testing.T) {
	t.Parallel()
	var h slow
	running(t, h.config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		f.send(hmr("s"))
		<-h.begun
		f.nc.Close()
		cancel()
		time.Sleep(time.Second)
		close(h.release)
		if d := stopped(); d != time.Second {
			t.Errorf("took %v", d)
		}
		if err := <-h.ended; err != nil {
			t.Errorf("the handler's context: %v", err)
		}
	})
}

// TestPeerSaysFarewell: DPA with success, and then nothing more until the peer
// closes.
func TestPeerSaysFarewell(t *testing.T) {
	t.Parallel()
	var h slow
	bubble(t, h.config, func(t *testing.T, table *peer.Table, net *pipes) {
		defer close(h.release)
		f := net.connect(t, listening).open(them)
		f.send(hmr("s"))
		<-h.begun
		if code := f.ask(base.NewDPR(id, base.Rebooting)); code != diameter.Success {
			t.Errorf("DPA with %v", code)
		}
		f.send(hmr("t"))
		h.release <- struct{}{}
		f.silent(time.Second)
		f.nc.Close()
		synctest.Wait()
		if s := status(t, table, them); s.State != "Closed" || s.Health != "INITIAL" || s.LastError != "" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestPeerSaysFarewellAndStays: we close when it does not.
func TestPeerSaysFarewellAndStays(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		begin := time.Now()
		f.ask(base.NewDPR(id, base.Busy))
		f.closed()
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// TestPeerReturnsAtOnce: after DPA a peer may connect anew before it has closed
// the first connection.
func TestPeerReturnsAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		f.ask(base.NewDPR(id, base.Rebooting))
		again := net.connect(t, listening).open(them)
		f.closed()
		if code := again.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

func TestBadDPR(t *testing.T) {
	t.Parallel()
	f := dialTo(t, start(t, config())).open(them)
	if code := f.ask(base.NewDPR(id, base.Cause(7))); code != diameter.InvalidAVPValue {
		t.Errorf("DPA with %v", code)
	}
	if code := f.ask(hmr("s")); code != diameter.Success {
		t.Errorf("result %v", code)
	}
}

// TestBothSayFarewell: two DPRs cross.
func TestBothSayFarewell(t *testing.T) {
	t.Parallel()
	running(t, config, func(t *testing.T, table *peer.Table, net *pipes, cancel func(), stopped func() time.Duration) {
		f := net.connect(t, listening).open(them)
		cancel()
		ours := f.request(diam.DisconnectPeer)
		if code := f.ask(base.NewDPR(id, base.Rebooting)); code != diameter.Success {
			t.Errorf("DPA with %v", code)
		}
		f.send(base.NewAnswer(ours, id, nil))
		f.closed()
		stopped()
	})
}
