package peer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
)

// counting answers each request that it is called for with another
// Acct-Multi-Session-Id.
func counting(calls *atomic.Int32, code func(n int32) diameter.ResultCode) handler {
	return handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		n := calls.Add(1)
		answer := diameter.NewAnswer(req, identity, code(n))
		answer.Add(diameter.NewUnsigned32(avp.AcctMultiSessionID, 0, 0, uint32(n)))
		return answer
	}}
}

func success(int32) diameter.ResultCode { return diameter.Success }

func proxyInfo(host, state string) diameter.AVP {
	const m = diameter.AVPMandatory
	return diameter.NewGroup(avp.ProxyInfo, 0, m,
		diameter.NewUTF8(avp.ProxyHost, 0, m, host), diameter.NewUTF8(avp.ProxyState, 0, m, state))
}

// TestRetransmission: the same answer, whether or not the T bit is set, over the
// same connection or another, and the handler is called once.
func TestRetransmission(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := two()
	c.Handler = counting(&calls, success)
	table := start(t, c)
	direct, relay := dialTo(t, table).open(them), dialTo(t, table).open(other)

	first := direct.answer(direct.send(hmr("s")))
	again := hmr("s")
	again.Flags |= diameter.FlagRetransmit
	again.EndToEnd = first.EndToEnd
	if diff := cmp.Diff(first.AVPs, direct.answer(direct.send(again)).AVPs); diff != "" {
		t.Errorf("unexpected answer to a retransmission (-want +got):\n%s", diff)
	}

	relayed := hmr("s")
	relayed.EndToEnd = first.EndToEnd
	relayed.Add(proxyInfo(other, "1"), proxyInfo(other, "2"), diameter.NewUTF8(avp.RouteRecord, 0, diameter.AVPMandatory, them))
	got := relay.answer(relay.send(relayed))
	if diff := cmp.Diff(append(first.AVPs, relayed.AVPs[4:6]...), got.AVPs); diff != "" {
		t.Errorf("unexpected answer by way of a relay (-want +got):\n%s", diff)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the handler was called %d times", n)
	}
	if n := status(t, table, them).Counters.Duplicates + status(t, table, other).Counters.Duplicates; n != 2 {
		t.Errorf("%d duplicates counted, want 2", n)
	}
}

// TestOtherRequests are not retransmissions.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*diameter.Message)
	}{
		{"other End-to-End Identifier", func(m *diameter.Message) { m.EndToEnd++ }},
		{"other originator", func(m *diameter.Message) {
			m.AVPs[1] = diameter.NewUTF8(avp.OriginHost, 0, diameter.AVPMandatory, other)
		}},
		{"other session", func(m *diameter.Message) {
			m.AVPs[0] = diameter.NewUTF8(avp.SessionID, 0, diameter.AVPMandatory, "t")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c := config()
			c.Handler = counting(&calls, success)
			f := dialTo(t, start(t, c)).open(them)
			first := f.send(hmr("s"))
			f.answer(first)
			m := hmr("s")
			m.EndToEnd = first.EndToEnd
			tt.change(m)
			f.ask(m)
			if n := calls.Load(); n != 2 {
				t.Errorf("the handler was called %d times", n)
			}
		})
	}
}

// TestRetransmissionOfWhatIsInProgress waits for the same answer, also when the
// first connection is gone.
func TestRetransmissionOfWhatIsInProgress(t *testing.T) {
	t.Parallel()
	var h slow
	configure := func() peer.Config {
		c := h.config()
		c.Peers = two().Peers
		return c
	}
	bubble(t, configure, func(t *testing.T, table *peer.Table, net *pipes) {
		f, g := net.connect(t, listening).open(them), net.connect(t, listening).open(other)
		first := f.send(hmr("s"))
		<-h.begun
		again := hmr("s")
		again.EndToEnd = first.EndToEnd
		g.send(again)
		g.silent(time.Second)
		f.nc.Close()
		synctest.Wait()
		close(h.release)
		if code := result(t, g.answer(again)); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		if len(h.begun) > 0 {
			t.Error("the handler was called twice")
		}
	})
}

// TestRetransmissionAfterLoss: the answer found no connection, but is kept.
func TestRetransmissionAfterLoss(t *testing.T) {
	t.Parallel()
	var h slow
	bubble(t, h.config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		first := f.send(hmr("s"))
		<-h.begun
		f.nc.Close()
		synctest.Wait()
		close(h.release)
		synctest.Wait()
		g := net.connect(t, listening).open(them)
		g.next() // DWR, after a failure
		again := hmr("s")
		again.EndToEnd = first.EndToEnd
		if code := g.ask(again); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		if len(h.begun) > 0 {
			t.Error("the handler was called twice")
		}
	})
}

// TestCrowdOfRetransmissions: only so many may wait.
func TestCrowdOfRetransmissions(t *testing.T) {
	t.Parallel()
	var h slow
	bubble(t, h.config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		first := f.send(hmr("s"))
		for range 100 {
			f.write(first.Append(nil))
		}
		synctest.Wait()
		busy := len(f.messages)
		for range busy {
			if code := result(t, f.next()); code != diameter.TooBusy {
				t.Errorf("result %v", code)
			}
		}
		close(h.release)
		for range 101 - busy {
			if code := result(t, f.answer(first)); code != diameter.Success {
				t.Errorf("result %v", code)
			}
		}
		if busy < 50 {
			t.Errorf("%d refused, want most", busy)
		}
	})
}

// TestTransientAnswerIsNotKept: a retransmission is served anew.
func TestTransientAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := config()
	c.Handler = counting(&calls, func(n int32) diameter.ResultCode {
		if n == 1 {
			return diameter.TooBusy
		}
		return diameter.Success
	})
	f := dialTo(t, start(t, c)).open(them)
	first := f.send(hmr("s"))
	if code := result(t, f.answer(first)); code != diameter.TooBusy {
		t.Errorf("first: %v", code)
	}
	f.write(first.Append(nil))
	if code := result(t, f.answer(first)); code != diameter.Success {
		t.Errorf("second: %v", code)
	}
}

// TestAnswersAreForgotten after their time, and not before four minutes.
func TestAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	configure := func() peer.Config {
		c := config()
		c.Handler = counting(&calls, success)
		return c
	}
	bubble(t, configure, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		first := f.send(hmr("s"))
		f.answer(first)
		for i, want := range []int32{1, 2} {
			for range 20 { // keep the connection
				time.Sleep([]time.Duration{12, 4}[i] * time.Second)
				f.ask(hmr("other"))
				calls.Add(-1)
			}
			f.write(first.Append(nil))
			f.answer(first)
			if n := calls.Load(); n != want {
				t.Errorf("the handler was called %d times, want %d", n, want)
			}
		}
	})
}
