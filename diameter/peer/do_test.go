package peer_test

import (
	"bufio"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// str is a request of ours, for a host or for any of the realm.
func str(host string) *diameter.Message {
	const m = diameter.AVPMandatory
	req := &diameter.Message{
		Header: diameter.Header{Flags: diameter.FlagProxiable, Command: diam.SessionTermination, Application: app},
		AVPs:   []diameter.AVP{diameter.NewUTF8(avp.SessionID, 0, m, "s")},
	}
	if host != "" {
		req.Add(diameter.NewUTF8(avp.DestinationHost, 0, m, host))
	}
	return req
}

// an outcome is what Do returned.
type outcome struct {
	answer *diameter.Message
	err    error
}

// do calls Do in another goroutine.
func do(ctx context.Context, table *peer.Table, to string, req *diameter.Message) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		answer, err := table.Do(ctx, to, req)
		done <- outcome{answer, err}
	}()
	return done
}

// grant answers a request with success.
func (f *far) grant(m *diameter.Message) {
	f.t.Helper()
	f.write(diameter.NewAnswer(m, id, diameter.Success).Append(nil))
}

func TestDo(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	connected(t, table, them)
	for _, to := range []string{them, "AAA.home.example", realm} {
		req := str(them)
		done := do(t.Context(), table, to, req)
		got := f.request(diam.SessionTermination)
		if got.Flags != diameter.FlagRequest|diameter.FlagProxiable || got.EndToEnd == 0 {
			t.Errorf("header %v with flags %#x", got.Header, got.Flags)
		}
		f.grant(got)
		if o := <-done; o.err != nil || result(t, o.answer) != diameter.Success {
			t.Errorf("to %s: %v", to, o)
		}
		if req.Flags != diameter.FlagProxiable || req.HopByHop != 0 {
			t.Error("the caller's request was modified")
		}
	}
	if c := status(t, table, them).Counters; c.RequestsSent != 3 || c.AnswersReceived != 3 {
		t.Errorf("counters %+v", c)
	}
}

func TestDoWithoutPeer(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	for _, to := range []string{them, realm, "nobody.example", ""} {
		if _, err := table.Do(t.Context(), to, str("")); !errors.Is(err, peer.ErrNoPeer) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := do(ctx, table, them, str(them))
		late := f.request(diam.SessionTermination)
		if o := <-done; !errors.Is(o.err, context.DeadlineExceeded) {
			t.Errorf("got %v", o)
		}
		f.grant(late)
		synctest.Wait()
		if n := status(t, table, them).Counters.UnknownAnswers; n != 1 {
			t.Errorf("%d unknown answers, want the late one", n)
		}
	})
}

// TestDoOnFullConnection: the peer reads nothing, and so much waits to be written
// that nothing more is taken.
func TestDoOnFullConnection(t *testing.T) {
	t.Parallel()
	configure := func() peer.Config {
		c := config()
		c.Limits.Outgoing = 1
		return c
	}
	bubble(t, configure, func(t *testing.T, table *peer.Table, net *pipes) {
		nc, err := net.dial(t.Context(), listening)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write(base.NewCER(caps(them)).Append(nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := diameter.ReadFrame(bufio.NewReader(nc), diameter.MaxMessage); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			if _, err := table.Do(ctx, them, str(them)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if d := time.Since(begin); d != time.Second {
				t.Errorf("took %v", d)
			}
		}
		if n := status(t, table, them).Counters.RequestsSent; n != 2 {
			t.Errorf("%d requests were taken, want 2", n)
		}
		time.Sleep(10 * time.Second)
		if s := status(t, table, them); s.State != "Closed" || !strings.Contains(s.LastError, "writing to the peer") {
			t.Errorf("%s, because %q", s.State, s.LastError)
		}
	})
}

// TestAnswersInAnyOrder: and a wrong command is no answer.
func TestAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	connected(t, table, them)
	const n = 50
	seen := map[uint32]bool{}
	var asked []*diameter.Message
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := table.Do(t.Context(), them, str(them)); err != nil {
				t.Error(err)
			}
		})
	}
	for range n {
		m := f.request(diam.SessionTermination)
		if seen[m.EndToEnd] || seen[m.HopByHop] {
			t.Errorf("identifiers used twice: %v", m.Header)
		}
		seen[m.EndToEnd], seen[m.HopByHop] = true, true
		asked = append(asked, m)
	}
	wrong := diameter.NewAnswer(asked[0], id, diameter.Success)
	wrong.Command = diam.AbortSession
	f.write(wrong.Append(nil))
	for i := range asked {
		f.grant(asked[n-1-i])
	}
	all.Wait()
	if c := status(t, table, them).Counters; c.UnknownAnswers != 1 || c.AnswersReceived != n {
		t.Errorf("counters %+v", c)
	}
}

// TestKeptEndToEndIdentifier: that of a request sent before a restart.
func TestKeptEndToEndIdentifier(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	connected(t, table, them)
	req := str(them)
	req.EndToEnd, req.Flags = 0x12345678, req.Flags|diameter.FlagRetransmit
	done := do(t.Context(), table, them, req)
	got := f.request(diam.SessionTermination)
	if got.EndToEnd != 0x12345678 || got.Flags&diameter.FlagRetransmit == 0 {
		t.Errorf("header %v, flags %#x", got.Header, got.Flags)
	}
	f.grant(got)
	<-done
}

// TestFailover: the request goes to the other peer of the realm, with the T bit
// and the same End-to-End Identifier.
func TestFailover(t *testing.T) {
	t.Parallel()
	troubles := map[string]func(f *far){
		"lost":         func(f *far) { f.nc.Close() },
		"suspected":    func(*far) {},
		"disconnected": func(f *far) { f.ask(base.NewDPR(id, base.Rebooting)) },
	}
	for name, befall := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, two, func(t *testing.T, table *peer.Table, net *pipes) {
				f, g := net.connect(t, listening).open(them), net.connect(t, listening).open(other)
				g.alive.Store(true)
				synctest.Wait()
				done := do(t.Context(), table, them, str("somebody.home.example"))
				first := f.request(diam.SessionTermination)
				befall(f)
				second := g.request(diam.SessionTermination)
				if second.EndToEnd != first.EndToEnd || second.Flags != first.Flags|diameter.FlagRetransmit {
					t.Errorf("first %v with %#x, second %v with %#x", first.Header, first.Flags, second.Header, second.Flags)
				}
				g.grant(second)
				if o := <-done; o.err != nil {
					t.Error(o.err)
				}
			})
		})
	}
}

// TestNoFailover: the peer that failed is the destination itself, or there is no
// other.
func TestNoFailover(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config func() peer.Config
		to     *diameter.Message
	}{
		{"fixed destination", two, str(them)},
		{"no other peer", config, str("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, tt.config, func(t *testing.T, table *peer.Table, net *pipes) {
				f := net.connect(t, listening).open(them)
				if len(table.Peers()) > 1 {
					net.connect(t, listening).open(other).alive.Store(true)
				}
				synctest.Wait()
				done := do(t.Context(), table, them, tt.to)
				f.request(diam.SessionTermination)
				f.nc.Close()
				if o := <-done; !errors.Is(o.err, peer.ErrNoPeer) {
					t.Errorf("got %v", o)
				}
			})
		})
	}
}

// TestSuspicionIsNoEnd: without another peer, a suspect may still answer.
func TestSuspicionIsNoEnd(t *testing.T) {
	t.Parallel()
	bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		synctest.Wait()
		done := do(t.Context(), table, them, str(""))
		asked := f.request(diam.SessionTermination)
		f.request(diam.DeviceWatchdog)
		time.Sleep(33 * time.Second)
		if s := status(t, table, them); s.Health != "SUSPECT" {
			t.Fatalf("health %s", s.Health)
		}
		if _, err := table.Do(t.Context(), them, str("")); !errors.Is(err, peer.ErrNoPeer) {
			t.Errorf("asking a suspect: %v", err)
		}
		f.grant(asked)
		if o := <-done; o.err != nil {
			t.Error(o.err)
		}
		synctest.Wait()
		again := do(t.Context(), table, them, str(""))
		f.grant(f.request(diam.SessionTermination))
		if o := <-again; o.err != nil {
			t.Error(o.err)
		}
	})
}

// TestEndToEndIdentifiers differ from those of an instance that starts a second
// later, as after a restart.
func TestEndToEndIdentifiers(t *testing.T) {
	t.Parallel()
	var first [2]uint32
	for i := range first {
		bubble(t, config, func(t *testing.T, _ *peer.Table, _ *pipes) {
			time.Sleep(time.Duration(i) * time.Second)
			start(t, config(), newPipes().use, func(table *peer.Table) { first[i] = table.EndToEnd() })
		})
	}
	if first[0]>>20 == first[1]>>20 {
		t.Errorf("identifiers %#x and %#x begin alike", first[0], first[1])
	}
}
