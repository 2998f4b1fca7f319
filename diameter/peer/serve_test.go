package peer_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// TestHeaderIsJudged has a row for each check of the header, in their order.
func TestHeaderIsJudged(t *testing.T) {
	t.Parallel()
	const r, p, e = diameter.FlagRequest, diameter.FlagProxiable, diameter.FlagError
	denied := diameter.AuthorizationRejected
	tests := []struct {
		name   string
		header diameter.Header
		denied bool
		want   diameter.ResultCode
	}{
		{"ours", diameter.Header{Flags: r | p, Command: command, Application: app}, false, diameter.Success},
		{"not proxiable", diameter.Header{Flags: r, Command: command, Application: app}, false, diameter.Success},
		{"retransmission", diameter.Header{Flags: r | p | diameter.FlagRetransmit, Command: command, Application: app}, false, diameter.Success},
		{"reserved bits are ignored", diameter.Header{Flags: r | p | 0x0f, Command: command, Application: app}, false, diameter.Success},
		{"E bit", diameter.Header{Flags: r | p | e, Command: command, Application: app}, false, diameter.InvalidHeaderBits},
		{"E bit and unknown application", diameter.Header{Flags: r | p | e, Command: command, Application: 1}, false, diameter.InvalidHeaderBits},
		{"unknown application", diameter.Header{Flags: r | p, Command: command, Application: 1}, false, diameter.ApplicationUnsupported},
		{"relay application", diameter.Header{Flags: r | p, Command: command, Application: base.Relay}, false, diameter.ApplicationUnsupported},
		{"unknown command", diameter.Header{Flags: r | p, Command: 16777214, Application: app}, false, diameter.CommandUnsupported},
		{"our command in the base application", diameter.Header{Flags: r | p, Command: command}, false, diameter.CommandUnsupported},
		{"DWR in our application", diameter.Header{Flags: r, Command: diam.DeviceWatchdog, Application: app}, false, diameter.CommandUnsupported},
		{"ASR", diameter.Header{Flags: r | p, Command: diam.AbortSession}, false, diameter.Success},
		{"RAR", diameter.Header{Flags: r | p, Command: diam.ReAuth}, false, diameter.Success},
		{"STR", diameter.Header{Flags: r | p, Command: diam.SessionTermination}, false, diameter.Success},
		{"denied", diameter.Header{Flags: r | p, Command: command, Application: app}, true, denied},
		{"denied before the E bit", diameter.Header{Flags: r | p | e, Command: command, Application: app}, true, denied},
		{"denied before the application", diameter.Header{Flags: r | p, Command: command, Application: 1}, true, denied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			c.Handler = handler{admit: func(peer.Info, diameter.Header) *diameter.Failure {
				if tt.denied {
					return &diameter.Failure{Code: denied}
				}
				return nil
			}}
			f := dialTo(t, start(t, c)).open(them)
			m := hmr("s")
			m.Header = tt.header
			answer := f.answer(f.send(m))
			if code := result(t, answer); code != tt.want {
				t.Errorf("result %v, want %v", code, tt.want)
			}
			if got, want := answer.Flags&^diameter.FlagError, tt.header.Flags&p; got != want {
				t.Errorf("flags %#x, want %#x", got, want)
			}
			if answer.AVPs[0].Code != avp.SessionID {
				t.Errorf("the first AVP is %v, want Session-Id", answer.AVPs[0])
			}
			if code := f.ask(base.NewDWR(id)); code != diameter.Success {
				t.Errorf("DWA with %v", code)
			}
		})
	}
}

// TestUnreadableRequest: an answer, and then the end, as the next message could
// not be found.
func TestUnreadableRequest(t *testing.T) {
	t.Parallel()
	good := hmr("s").Append(nil)
	change := func(at int, octets ...byte) []byte {
		b := append([]byte(nil), good...)
		copy(b[at:], octets)
		return b
	}
	tests := []struct {
		name   string
		frame  []byte
		denied bool
		want   diameter.ResultCode
	}{
		{"version 2", change(0, 2), false, diameter.UnsupportedVersion},
		{"length 19", change(1, 0, 0, 19), false, diameter.InvalidMessageLength},
		{"length 0", change(1, 0, 0, 0), false, diameter.InvalidMessageLength},
		{"length 22", change(1, 0, 0, 22), false, diameter.InvalidMessageLength},
		{"length 16 MiB", change(1, 0xff, 0xff, 0xfc), false, diameter.InvalidMessageLength},
		{"denied first", change(0, 2), true, diameter.AuthorizationRejected},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			if tt.denied {
				c.Handler = handler{admit: func(peer.Info, diameter.Header) *diameter.Failure {
					return &diameter.Failure{Code: diameter.AuthorizationRejected}
				}}
			}
			f := dialTo(t, start(t, c)).open(them)
			f.write(tt.frame)
			if code := result(t, f.next()); code != tt.want {
				t.Errorf("result %v, want %v", code, tt.want)
			}
			f.closed()
		})
	}
}

// TestGarbage: what cannot be a message gets no answer but a reset.
func TestGarbage(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	f.write([]byte("GET / HTTP/1.1\r\nHost: ha.example\r\n\r\n"))
	f.closed()
	eventually(t, "the reason is known", func() bool { return status(t, table, them).LastError != "" })
	if got, want := status(t, table, them).LastError, "reading a Diameter frame: version 71 (must be 1)"; got != want {
		t.Errorf("last error %q, want %q", got, want)
	}
}

// TestFaultReachesHandler: whose place in the order of checks is the handler's
// business.
func TestFaultReachesHandler(t *testing.T) {
	t.Parallel()
	c := config()
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		if req.Fault == nil {
			return diameter.NewAnswer(req, identity, diameter.Success)
		}
		return diameter.NewFailure(req, identity, req.Fault)
	}}
	f := dialTo(t, start(t, c)).open(them)
	m := hmr("s")
	m.HopByHop, m.EndToEnd = 8, 9
	frame := append(m.Append(nil), 0, 0, 0, 1, 0x40, 0, 0, 4)
	frame[2], frame[3] = byte(len(frame)>>8), byte(len(frame))
	f.write(frame)
	answer := f.answer(m)
	if code := result(t, answer); code != diameter.InvalidAVPLength {
		t.Errorf("result %v", code)
	}
	checkFailed(t, answer, 1)
}

func TestInfo(t *testing.T) {
	t.Parallel()
	infos := make(chan peer.Info, 2)
	c := config()
	c.Peers[0].Realm = ""
	c.Handler = handler{
		admit: func(p peer.Info, _ diameter.Header) *diameter.Failure { infos <- p; return nil },
		serve: func(_ context.Context, p peer.Info, _ *diameter.Message) *diameter.Message { infos <- p; return nil },
	}
	f := dialTo(t, start(t, c)).open(them)
	f.send(hmr("s"))
	want := peer.Info{Host: them, Realm: realm, Secured: peer.SecuredLoopback, Transport: peer.TCP, Product: "far",
		Local: netip.MustParseAddrPort(f.nc.RemoteAddr().String()), Remote: netip.MustParseAddrPort(f.nc.LocalAddr().String())}
	for range 2 {
		if diff := cmp.Diff(want, <-infos, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("unexpected information (-want +got):\n%s", diff)
		}
	}
}

// TestUnknownAnswersAreDropped: nothing may be answered to an answer.
func TestUnknownAnswersAreDropped(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table).open(them)
	for i := range uint32(100) {
		answer := hmr("s")
		answer.Flags, answer.HopByHop = 0, i
		f.send(answer)
	}
	f.send(base.NewCEA(base.NewCER(caps(them)), caps(them), nil))
	if code := f.ask(base.NewDWR(id)); code != diameter.Success {
		t.Errorf("DWA with %v", code)
	}
	if n := status(t, table, them).Counters.UnknownAnswers; n != 101 {
		t.Errorf("%d unknown answers, want 101", n)
	}
}

// TestSlowRequestDelaysNoOther of the same connection.
func TestSlowRequestDelaysNoOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	c := config()
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		if session(req) == "slow" {
			<-release
		}
		return diameter.NewAnswer(req, identity, diameter.Success)
	}}
	f := dialTo(t, start(t, c)).open(them)
	slow := f.send(hmr("slow"))
	f.ask(hmr("quick"))
	close(release)
	f.answer(slow)
}

func session(m *diameter.Message) string {
	a, _ := m.Find(avp.SessionID, 0)
	return string(a.Data)
}

// TestTooManyRequests: those above workers and queue are refused at once.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	var h slow
	configure := func() peer.Config {
		c := h.config()
		c.Limits.Workers, c.Limits.Queue = 2, 3
		return c
	}
	bubble(t, configure, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		var accepted []*diameter.Message
		for range 5 {
			accepted = append(accepted, f.send(hmr("s")))
		}
		synctest.Wait()
		if s := status(t, table, them); s.Counters.InProgress != 2 || s.Counters.Queued != 3 {
			t.Errorf("%d in progress, %d waiting", s.Counters.InProgress, s.Counters.Queued)
		}
		if code := f.ask(hmr("s")); code != diameter.TooBusy {
			t.Errorf("one too many: %v", code)
		}
		// TOO_BUSY is for requests to a specific server only.
		anyServer := hmr("s")
		anyServer.AVPs = anyServer.AVPs[:3]
		if code := f.ask(anyServer); code != diameter.UnableToDeliver {
			t.Errorf("one too many for any server: %v", code)
		}
		close(h.release)
		for range accepted {
			if code := result(t, f.next()); code != diameter.Success {
				t.Errorf("accepted: %v", code)
			}
		}
		if code := f.ask(hmr("s")); code != diameter.Success {
			t.Errorf("afterwards: %v", code)
		}
		if n := status(t, table, them).Counters.TooBusy; n != 2 {
			t.Errorf("%d refused, want 2", n)
		}
	})
}

// two is a configuration with two peers that connect to us.
func two() peer.Config {
	c := config()
	c.Peers = append(c.Peers, peer.PeerConfig{Host: other, Realm: realm, Secured: peer.SecuredLoopback})
	return c
}

// TestSlowPeerDelaysNoOther: one peer's requests take all its workers and fill
// its queue.
func TestSlowPeerDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := two()
	c.Limits.Workers, c.Limits.Queue = 2, 2
	c.Handler = handler{serve: func(ctx context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
		if p.Host == them {
			<-ctx.Done()
		}
		return diameter.NewAnswer(req, identity, diameter.Success)
	}}
	c.Timers.Drain = time.Millisecond
	table := start(t, c)
	f, g := dialTo(t, table).open(them), dialTo(t, table).open(other)
	for range 10 {
		f.send(hmr("s"))
	}
	for range 10 {
		if code := g.ask(hmr("t")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	}
}

// TestHandlerMaySayNothing: then nothing is sent, and a retransmission is a new
// request.
func TestHandlerMaySayNothing(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := config()
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		if calls.Add(1) == 1 {
			return nil
		}
		return diameter.NewAnswer(req, identity, diameter.Success)
	}}
	f := dialTo(t, start(t, c)).open(them)
	m := f.send(hmr("s"))
	eventually(t, "the handler is called", func() bool { return calls.Load() == 1 })
	f.write(m.Append(nil))
	f.answer(m)
}

// TestAnswerIsTheRequests: identifiers and bits that a handler gets wrong.
func TestAnswerIsTheRequests(t *testing.T) {
	t.Parallel()
	c := config()
	c.Handler = handler{serve: func(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
		answer := diameter.NewAnswer(req, identity, diameter.Success)
		answer.Flags |= diameter.FlagRequest | diameter.FlagRetransmit
		answer.HopByHop, answer.EndToEnd = 0, 0
		return answer
	}}
	f := dialTo(t, start(t, c)).open(them)
	if a := f.answer(f.send(hmr("s"))); a.Flags != diameter.FlagProxiable {
		t.Errorf("flags %#x", a.Flags)
	}
}
