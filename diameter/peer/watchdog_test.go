package peer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// within checks that a duration is one watchdog interval with its jitter.
func within(t *testing.T, what string, d, tw time.Duration) {
	t.Helper()
	if d < tw-2*time.Second || d > tw+2*time.Second+time.Millisecond {
		t.Errorf("%s after %v, want %v with a jitter of 2 s", what, d, tw)
	}
}

var id = diameter.Identity{Host: them, Realm: realm}

func TestMutePeer(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		begin := time.Now()
		f.request(diam.DeviceWatchdog)
		within(t, "DWR", time.Since(begin), 30*time.Second)

		begin = time.Now()
		for status(t, table, them).Health != "SUSPECT" {
			time.Sleep(time.Millisecond)
		}
		within(t, "SUSPECT", time.Since(begin), 30*time.Second)
		if s := status(t, table, them); s.Open || s.Counters.Failovers != 1 {
			t.Errorf("a suspect peer is open: %v, failovers %d", s.Open, s.Counters.Failovers)
		}

		begin = time.Now()
		<-f.ended
		within(t, "closing", time.Since(begin), 30*time.Second)
		synctest.Wait()
		s := status(t, table, them)
		if s.Health != "DOWN" || s.State != "Closed" || s.LastError != "the peer did not answer DWR in time" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestSuspectThatAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		dwr := f.request(diam.DeviceWatchdog)
		time.Sleep(33 * time.Second)
		if s := status(t, table, them); s.Health != "SUSPECT" {
			t.Fatalf("health %s", s.Health)
		}
		f.send(base.NewAnswer(dwr, id, nil))
		synctest.Wait()
		if s := status(t, table, them); s.Health != "OKAY" || !s.Open {
			t.Errorf("health %s", s.Health)
		}
	})
}

// TestSuspectThatAsks: any message shows that the peer is there, and its request
// is served.
func TestSuspectThatAsks(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		f.request(diam.DeviceWatchdog)
		time.Sleep(33 * time.Second)
		if code := f.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		synctest.Wait()
		if s := status(t, table, them); s.Health != "OKAY" {
			t.Errorf("health %s", s.Health)
		}
	})
}

// TestTrafficIsSignOfLife: while messages come, no DWR goes out.
func TestTrafficIsSignOfLife(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		for range 20 {
			f.silent(27 * time.Second)
			f.ask(hmr("s"))
		}
		begin := time.Now()
		f.request(diam.DeviceWatchdog)
		within(t, "DWR", time.Since(begin), 30*time.Second)
	})
}

// TestWatchdogGoesOn: each DWR comes a jittered interval after the answer to the
// one before.
func TestWatchdogGoesOn(t *testing.T) {
	t.Parallel()
	c := func() peer.Config {
		c := config()
		c.Timers.Watchdog = 6 * time.Second
		return c
	}
	bubble(t, c, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		different := map[time.Duration]bool{}
		for range 20 {
			begin := time.Now()
			dwr := f.request(diam.DeviceWatchdog)
			within(t, "DWR", time.Since(begin), 6*time.Second)
			different[time.Since(begin)] = true
			if _, f := base.ReadDWR(dwr); f != nil {
				t.Fatalf("our DWR: %v", f)
			}
			f.send(base.NewAnswer(dwr, id, nil))
		}
		if len(different) < 10 {
			t.Errorf("%d different intervals of 20", len(different))
		}
	})
}

// TestReopen: after a failure, a peer's requests are served, but ours wait for
// three DWAs.
func TestReopen(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		net.connect(t, listening).open(them).nc.Close()
		synctest.Wait()
		f := net.connect(t, listening).open(them)
		for i := range 3 {
			synctest.Wait()
			if s := status(t, table, them); s.Health != "REOPEN" || s.Open {
				t.Fatalf("after %d answers: %s, open %v", i, s.Health, s.Open)
			}
			dwr := f.request(diam.DeviceWatchdog)
			if code := f.ask(hmr("s")); code != diameter.Success {
				t.Errorf("result %v", code)
			}
			f.send(base.NewAnswer(dwr, id, nil))
		}
		synctest.Wait()
		if s := status(t, table, them); s.Health != "OKAY" || !s.Open {
			t.Errorf("after three answers: %s", s.Health)
		}
	})
}

// TestStaleAnswerIsNoDWA: a DWA to no DWR of ours does not settle the one that
// is pending.
func TestStaleAnswerIsNoDWA(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		dwr := f.request(diam.DeviceWatchdog)
		stale := base.NewAnswer(dwr, id, nil)
		stale.HopByHop += 1000
		f.send(stale)
		time.Sleep(33 * time.Second)
		if s := status(t, table, them); s.Health != "SUSPECT" {
			t.Errorf("health %s", s.Health)
		}
	})
}

// TestDWRIsAnsweredWhateverWaits: all workers are busy and the queue is full.
func TestDWRIsAnsweredWhateverWaits(t *testing.T) {
	t.Parallel()
	c := config()
	release := make(chan struct{})
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		<-release
		return diameter.NewAnswer(req, identity, diameter.Success)
	}}
	c.Limits.Workers, c.Limits.Queue = 2, 3
	table := start(t, c)
	f := dialTo(t, table).open(them)
	defer close(release)
	for range 5 {
		f.send(hmr("s"))
	}
	dwr := f.send(base.NewDWR(diameter.Identity{Host: them, Realm: realm, OriginStateID: 3}))
	dwa := f.answer(dwr)
	if code := result(t, dwa); code != diameter.Success {
		t.Errorf("DWA with %v", code)
	}
	if a, ok := dwa.Find(avp.OriginStateID, 0); !ok {
		t.Error("DWA without Origin-State-Id")
	} else if state, _ := a.Unsigned32(); state != 7 {
		t.Errorf("DWA with Origin-State-Id %d, want our 7", state)
	}
	if s := status(t, table, them); s.OriginStateID != 3 || s.Counters.WatchdogsReceived != 1 || s.Counters.InProgress != 2 || s.Counters.Queued != 3 {
		t.Errorf("status %+v", s)
	}
}

func TestStateLossIsNoticed(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	for _, state := range []uint32{5, 5, 9, 0, 2} {
		f.ask(base.NewDWR(diameter.Identity{Host: them, Realm: realm, OriginStateID: state}))
	}
	if s := status(t, table, them); s.Counters.StateLosses != 1 || s.OriginStateID != 2 {
		t.Errorf("%d losses, Origin-State-Id %d", s.Counters.StateLosses, s.OriginStateID)
	}
}

// TestBadDWRIsAnsweredAndNoMore: the connection stays.
func TestBadDWRIsAnsweredAndNoMore(t *testing.T) {
	t.Parallel()
	f := dialTo(t, start(t, config())).open(them)
	empty := &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: diam.DeviceWatchdog}}
	if code := f.ask(empty); code != diameter.MissingAVP {
		t.Errorf("empty DWR: %v", code)
	}
	bits := base.NewDWR(id)
	bits.Flags |= diameter.FlagError
	if code := f.ask(bits); code != diameter.InvalidHeaderBits {
		t.Errorf("DWR with E bit: %v", code)
	}
	if code := f.ask(base.NewDWR(id)); code != diameter.Success {
		t.Errorf("DWR: %v", code)
	}
}
