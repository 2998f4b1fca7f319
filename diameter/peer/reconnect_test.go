package peer_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// about checks a pause and its jitter of a quarter.
func about(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want*3/4 || got > want*5/4 {
		t.Errorf("%s after %v, want about %v", what, got, want)
	}
}

// TestBackOff: the pauses between attempts double up to Tc.
func TestBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := make(chan time.Time, 100)
		c := dialling()
		c.Listeners = nil
		start(t, c, func(table *peer.Table) {
			table.UseNetwork(nil, func(context.Context, string) (net.Conn, error) {
				attempts <- time.Now()
				return nil, errors.New("connection refused")
			})
		})
		last := <-attempts
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
			next := <-attempts
			about(t, "attempt "+string(rune('1'+i)), next.Sub(last), want*time.Second)
			last = next
		}
	})
}

// TestDialTimeout: an attempt that goes nowhere ends.
func TestDialTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 10)
		c := dialling()
		c.Listeners = nil
		table := start(t, c, func(table *peer.Table) {
			table.UseNetwork(nil, func(ctx context.Context, _ string) (net.Conn, error) {
				begin := time.Now()
				<-ctx.Done()
				took <- time.Since(begin)
				return nil, ctx.Err()
			})
		})
		if d := <-took; d != 10*time.Second {
			t.Errorf("took %v", d)
		}
		synctest.Wait()
		if s := status(t, table, them); s.LastError == "" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestPauseAfterFarewell: what the peer said decides when we connect again.
func TestPauseAfterFarewell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cause base.Cause
		pause time.Duration
	}{{base.Rebooting, time.Second}, {base.Busy, 5 * time.Minute}}
	for _, tt := range tests {
		t.Run(tt.cause.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
				f := net.taken(t).accept(them)
				f.ask(base.NewDPR(id, tt.cause))
				f.nc.Close()
				begin := time.Now()
				net.taken(t)
				about(t, "new attempt", time.Since(begin), tt.pause)
			})
		})
	}
}

// TestUnwanted: a peer that does not want to talk is left alone, until it
// connects by itself.
func TestUnwanted(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.taken(t).accept(them)
		f.ask(base.NewDPR(id, base.DoNotWantToTalkToYou))
		f.nc.Close()
		select {
		case <-net.dialled:
			t.Fatal("dialled")
		case <-time.After(24 * time.Hour):
		}
		f = net.connect(t, listening).open(them)
		if code := f.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		f.nc.Close()
		begin := time.Now()
		net.taken(t)
		about(t, "new attempt", time.Since(begin), time.Second)
	})
}

// TestFlapping: a peer that takes connections and drops them is not tried every
// second.
func TestFlapping(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		begin := time.Now()
		for range 10 {
			net.taken(t).accept(them).nc.Close()
		}
		if d := time.Since(begin); d < 90*time.Second {
			t.Errorf("10 connections within %v", d)
		}
	})
}

// TestLastingConnection: after one that lasted, the next attempt is soon.
func TestLastingConnection(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		for range 5 {
			f := net.taken(t).accept(them)
			for range 4 {
				time.Sleep(10 * time.Second)
				f.send(base.NewDWR(id))
			}
			f.nc.Close()
			synctest.Wait()
			begin := time.Now()
			g := net.taken(t)
			about(t, "new attempt", time.Since(begin), time.Second)
			g.nc.Close()
		}
	})
}

// TestNoDiallingWhileConnected: a peer that connected to us is not dialled.
func TestNoDiallingWhileConnected(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		net.taken(t).nc.Close()
		synctest.Wait()
		f := net.connect(t, listening).open(them)
		for range 100 {
			f.silent(10 * time.Second)
			f.ask(base.NewDWR(id))
		}
		if len(net.dialled) > 0 {
			t.Error("dialled")
		}
	})
}
