package mobilitysocket

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"homeagent/agent/mobilitysocket/ratelimit"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// Protocol is the Next Header value of the Mobility Header (RFC 6275 section 6.1).
const Protocol = 135

// Rate and depth of the token bucket for Binding Errors, as RFC 4443 section 2.4
// (f) suggests them for a small device; a home agent owes hardly any.
const (
	errorInterval = 100 * time.Millisecond
	errorBurst    = 10
)

// ErrRateLimited says that a Binding Error was not sent because too many were.
var ErrRateLimited = errors.New("sending a Binding Error: more than the rate limit")

// A Conn is what a [Socket] does for those who process Mobility Headers.
type Conn interface {
	// Run hands received packets to handle, one after the other, until ctx
	// ends, and returns nil then.
	Run(ctx context.Context, handle func(*Packet)) error
	// Ready is closed once Run receives.
	Ready() <-chan struct{}
	// Marks reports whether the kernel tells packets' marks, which it does since
	// Linux 5.19.
	Marks() bool
	// Send sends one packet. It does not wait for the network.
	Send(Outgoing) error
	// SendError sends a Binding Error within a rate limit; see ErrRateLimited.
	SendError(Outgoing) error
	Counters() Counters
}

var (
	_ Conn = (*Socket)(nil)
	_ Conn = (*Fake)(nil)
)

// A Config is how a socket is opened. The zero value is fit for use but for Log.
type Config struct {
	// ReceiveBuffer is the size of the receive buffer in octets,
	// rawsocket.DefaultReceiveBuffer if zero.
	ReceiveBuffer int
	// Protect, if set, is called before each packet with the socket's descriptor
	// and the packet's Association. xfrm.ProtectSocket is meant.
	Protect func(fd int, association uint32, from, to netip.Addr) error
	Log     *slog.Logger
}

// A Socket receives and sends Mobility Headers in one network namespace.
type Socket struct {
	raw    *rawsocket.Socket
	log    *slog.Logger
	ready  chan struct{}
	errors ratelimit.Limiter

	limited   atomic.Uint64
	discarded [Discards]atomic.Uint64
}

// Open opens the socket in the network namespace of the calling thread; it needs
// CAP_NET_RAW. Packets wait in its buffer until Run is called.
func Open(cfg Config) (*Socket, error) {
	raw, err := rawsocket.Open(rawsocket.Config{Protocol: Protocol, ReceiveBuffer: cfg.ReceiveBuffer, Protect: cfg.Protect})
	if err != nil {
		return nil, err
	}
	cfg.Log.Debug("mobility header socket is open", "receive_buffer", raw.ReceiveBuffer())
	return &Socket{
		raw:    raw,
		log:    cfg.Log,
		ready:  make(chan struct{}),
		errors: ratelimit.Limiter{Every: errorInterval, Burst: errorBurst},
	}, nil
}

// Marks implements [Conn].
func (s *Socket) Marks() bool { return s.raw.Marks() }

// Run implements [Conn]; it must be called once.
func (s *Socket) Run(ctx context.Context, handle func(*Packet)) error {
	close(s.ready)
	receive := func(raw *rawsocket.Packet) { s.receive(raw, handle) }
	return s.raw.Serve(ctx, receive, func(err error) {
		s.log.Warn("receiving mobility headers failed, which is tried again", "error", err)
	})
}

func (s *Socket) receive(raw *rawsocket.Packet, handle func(*Packet)) {
	p := &Packet{
		Source:      raw.Source,
		HomeAddress: raw.HomeAddress,
		Destination: raw.Destination,
		Interface:   raw.Interface,
		Mark:        raw.Mark,
		Payload:     raw.Payload,
	}
	if d := p.judge(); d != Kept {
		s.discarded[d].Add(1)
		return
	}
	handle(p)
}

// Ready implements [Conn].
func (s *Socket) Ready() <-chan struct{} { return s.ready }

// String names the task.
func (s *Socket) String() string { return "mobility header socket" }

// Send implements [Conn].
func (s *Socket) Send(o Outgoing) error {
	return s.raw.Send(rawsocket.Outgoing{
		Source:      o.Source,
		Destination: o.Destination,
		CareOf:      o.CareOf,
		Interface:   o.Interface,
		Association: o.Association,
		TunnelEnd:   o.TunnelEnd,
		Payload:     o.Payload,
	})
}

// SendError implements [Conn]: RFC 6275 section 9.3.3 limits Binding Errors like
// the error messages of ICMPv6 (RFC 4443 section 2.4 (f)).
func (s *Socket) SendError(o Outgoing) error {
	if !s.errors.Allow(time.Now()) {
		s.limited.Add(1)
		return ErrRateLimited
	}
	return s.Send(o)
}

// Close closes the socket. Run ends with an error if it still runs.
func (s *Socket) Close() error { return s.raw.Close() }

// Counters tell what a socket did since it was opened.
type Counters struct {
	Socket rawsocket.Counters
	// ErrorsLimited counts Binding Errors that were not sent.
	ErrorsLimited uint64
	// Discarded counts packets that were not handed over, in addition to
	// those that Socket counts.
	Discarded [Discards]uint64
}

// Counters implements [Conn].
func (s *Socket) Counters() Counters {
	c := Counters{Socket: s.raw.Counters(), ErrorsLimited: s.limited.Load()}
	for i := range s.discarded {
		c.Discarded[i] = s.discarded[i].Load()
	}
	return c
}
