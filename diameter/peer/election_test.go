package peer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// losing is a configuration in which we connect to a peer whose identity wins
// elections against ours. That of dialling loses them.
func losing() peer.Config {
	c := dialling()
	c.Peers[0].Host = other
	return c
}

// TestElectionWon: both ends connect, and our identity is the later one, so the
// connection that we responded to stays.
func TestElectionWon(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		ours := net.taken(t)
		ours.request(diam.CapabilitiesExchange)
		theirs := net.connect(t, listening).open(them)
		ours.closed()
		if code := theirs.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		synctest.Wait()
		if s := status(t, table, them); s.State != "R-Open" || s.Counters.Connections != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestElectionLost: theirs is the later one, so the connection that we initiated
// stays. The other gets ELECTION_LOST when the CEA has come.
func TestElectionLost(t *testing.T) {
	t.Parallel()
	bubble(t, losing, func(t *testing.T, table *peer.Table, net *pipes) {
		ours := net.taken(t)
		cer := ours.request(diam.CapabilitiesExchange)
		theirs := net.connect(t, listening)
		theirCER := theirs.send(base.NewCER(caps(other)))
		theirs.silent(time.Second)
		ours.send(base.NewCEA(cer, caps(other), nil))
		if code := result(t, theirs.answer(theirCER)); code != diameter.ElectionLost {
			t.Errorf("CEA with %v", code)
		}
		theirs.closed()
		if code := ours.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		if s := status(t, table, other); s.State != "I-Open" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestElectionWithoutWinner: we lose, but the connection that should stay does
// not come about.
func TestElectionWithoutWinner(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(t *testing.T, ours *far, cer *diameter.Message)
	}{
		{"it is closed", func(_ *testing.T, ours *far, _ *diameter.Message) { ours.nc.Close() }},
		{"it is refused", func(_ *testing.T, ours *far, cer *diameter.Message) {
			ours.send(base.NewCEA(cer, caps(other), &diameter.Failure{Code: diameter.ElectionLost}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, losing, func(t *testing.T, table *peer.Table, net *pipes) {
				ours := net.taken(t)
				cer := ours.request(diam.CapabilitiesExchange)
				theirs := net.connect(t, listening)
				theirCER := theirs.send(base.NewCER(caps(other)))
				synctest.Wait()
				tt.end(t, ours, cer)
				if code := result(t, theirs.answer(theirCER)); code != diameter.Success {
					t.Errorf("CEA with %v", code)
				}
			})
		})
	}
}

// TestElectionNeverDecided: neither connection comes about; both end in time.
func TestElectionNeverDecided(t *testing.T) {
	t.Parallel()
	bubble(t, losing, func(t *testing.T, table *peer.Table, net *pipes) {
		ours := net.taken(t)
		begin := time.Now()
		ours.request(diam.CapabilitiesExchange)
		theirs := net.connect(t, listening)
		theirs.send(base.NewCER(caps(other)))
		ours.closed()
		theirs.closed()
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// TestDiallingGoesNowhere: while our attempt hangs, as behind a firewall, the
// peer connects and need not wait for the attempt to time out.
func TestDiallingGoesNowhere(t *testing.T) {
	t.Parallel()
	for _, c := range []func() peer.Config{dialling, losing} {
		host := c().Peers[0].Host
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			bubble(t, hanging(c), func(t *testing.T, table *peer.Table, pipes *pipes) {
				begin := time.Now()
				f := pipes.connect(t, listening).open(host)
				if d := time.Since(begin); d > time.Second {
					t.Errorf("CEA after %v", d)
				}
				if code := f.ask(hmr("s")); code != diameter.Success {
					t.Errorf("result %v", code)
				}
			})
		})
	}
}

// hanging has the peer's address be one that never answers.
func hanging(c func() peer.Config) func() peer.Config {
	return func() peer.Config {
		c := c()
		c.Peers[0].Connect = unreachable
		return c
	}
}

// TestOneConnectionPerPeer: a second one is rejected when the first shows that
// it is alive.
func TestOneConnectionPerPeer(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		first := net.connect(t, listening).open(them)
		second := net.connect(t, listening)
		cer := second.send(base.NewCER(caps(them)))
		first.send(base.NewAnswer(first.request(diam.DeviceWatchdog), id, nil))
		if code := result(t, second.answer(cer)); code != diameter.UnableToComply {
			t.Errorf("CEA with %v", code)
		}
		second.closed()
		if code := first.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

// TestSecondConnectionIsNotLeftWaiting: the first one neither answers nor ends.
func TestSecondConnectionIsNotLeftWaiting(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		net.connect(t, listening).open(them)
		second, third := net.connect(t, listening), net.connect(t, listening)
		begin := time.Now()
		cer := second.send(base.NewCER(caps(them)))
		synctest.Wait()
		if code := third.ask(base.NewCER(caps(them))); code != diameter.UnableToComply {
			t.Errorf("third CEA with %v", code)
		}
		if code := result(t, second.answer(cer)); code != diameter.UnableToComply {
			t.Errorf("second CEA with %v", code)
		}
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("rejected after %v", d)
		}
	})
}

// TestRestartedPeer: the first connection turns out to be dead when it is asked,
// and the second takes its place at once.
func TestRestartedPeer(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		first := net.connect(t, listening).open(them)
		second := net.connect(t, listening)
		cer := second.send(base.NewCER(caps(them)))
		first.request(diam.DeviceWatchdog)
		first.nc.Close() // as a host does that knows of no such connection
		if code := result(t, second.answer(cer)); code != diameter.Success {
			t.Errorf("CEA with %v", code)
		}
		second.request(diam.DeviceWatchdog)
		if code := second.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

// TestNewcomerThatLeaves: the second connection ends by itself.
func TestNewcomerThatLeaves(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		first := net.connect(t, listening).open(them)
		second := net.connect(t, listening)
		second.send(base.NewCER(caps(them)))
		synctest.Wait()
		second.nc.Close()
		first.request(diam.DeviceWatchdog)
		if code := first.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

// TestTablesConnectToEachOther: two Tables that both dial come to one connection,
// again and again.
func TestTablesConnectToEachOther(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			net := newPipes()
			a := start(t, node(us, "ours", them, "theirs"), net.use)
			b := start(t, node(them, "theirs", us, "ours"), net.use)
			time.Sleep(5 * time.Second)
			x, y := status(t, a, them), status(t, b, us)
			if !(x.State == "I-Open" && y.State == "R-Open" || x.State == "R-Open" && y.State == "I-Open") {
				t.Errorf("states %s and %s, because %q and %q", x.State, y.State, x.LastError, y.LastError)
			}
			answer, err := a.Do(t.Context(), them, hmr("s"))
			if err != nil || result(t, answer) != diameter.Success {
				t.Errorf("answer %v: %v", answer, err)
			}
		})
	}
}

// node is a configuration of a host that listens at a name and dials another.
func node(host, at, peerHost, peerAt string) peer.Config {
	c := config()
	c.Host = host
	c.Listeners[0].Address = at + ":1"
	c.Peers = []peer.PeerConfig{{Host: peerHost, Connect: peerAt + ":1", Secured: peer.SecuredLoopback}}
	return c
}
