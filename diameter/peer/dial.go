package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter/peer/base"
	"homeagent/diameter/peer/machine"
)

// dialling is the attempt to connect that is under way.
type dialling struct {
	number int
	stop   context.CancelFunc
}

// cancel gives up; what the attempt still reports is of no interest.
func (d *dialling) cancel() {
	if d.stop != nil {
		d.stop()
		d.stop = nil
		d.number++
	}
}

// dial connects in another goroutine, which then reads the connection.
func (p *peer) dial() {
	ctx, stop := context.WithTimeout(context.Background(), p.table.config.Timers.Handshake)
	p.dialled.stop = stop
	number := p.dialled.number
	p.table.running.Go(func() {
		defer stop()
		c, remote, err := p.connect(ctx)
		if err != nil {
			p.notify(notice{kind: dialFailed, dial: number, err: err, remote: remote})
			return
		}
		p.table.running.Go(c.write)
		p.notify(notice{kind: dialDone, dial: number, conn: c})
		p.converse(c, p.readCEA)
	})
}

// connect sets up the transport connection, TLS included. An error comes with
// the address it is about, as far as that is known.
func (p *peer) connect(ctx context.Context) (*conn, netip.AddrPort, error) {
	nc, err := p.table.dialer(ctx, withPort(p.config.Connect, p.config.Secured.Transport()))
	if err != nil {
		return nil, addressIn(err), &refused{reason: ReasonUnreachable, err: err}
	}
	remote := addrPort(nc.RemoteAddr())
	secure, err := p.secure(ctx, nc)
	if err != nil {
		nc.Close()
		return nil, remote, err
	}
	return p.table.newConn(secure, true), remote, nil
}

// addressIn is whom an attempt to connect was made to.
func addressIn(err error) netip.AddrPort {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return addrPort(op.Addr)
	}
	return netip.AddrPort{}
}

// secure protects a connection that we initiated as is configured.
func (p *peer) secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	if err := nc.SetDeadline(time.Now().Add(p.table.config.Timers.Handshake)); err != nil {
		return nil, err
	}
	if p.config.Secured == SecuredLoopback && !isLoopback(addrPort(nc.RemoteAddr())) {
		return nil, refuse(ReasonProtection, "%v is not a loopback address", nc.RemoteAddr())
	}
	if p.config.Secured.Transport() != TLS {
		return nc, nil
	}
	secure := tls.Client(nc, clientTLS(p.table.tls.Load().own, p.config.Host))
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, handshakeFailed(err, p.table.lists)
	}
	return secure, nil
}

// readCEA reads the first message on a connection that we initiated.
func (p *peer) readCEA(c *conn) error {
	m, err := c.next()
	if err != nil {
		return fmt.Errorf("waiting for CEA: %w", err)
	}
	p.notify(notice{kind: gotCEA, conn: c, msg: m})
	return nil
}

func (p *peer) dialDone(n notice) {
	if n.dial != p.dialled.number {
		n.conn.abort(errEnded)
		return
	}
	p.dialled.stop = nil
	p.tried = n.conn.remote
	p.step(machine.IRcvConnAck, n.conn)
}

func (p *peer) dialFailed(n notice) {
	if n.dial != p.dialled.number {
		return
	}
	p.dialled.stop = nil
	p.dialled.number++
	p.tried = n.remote
	p.reason = fmt.Errorf("connecting: %w", n.err)
	p.step(machine.IRcvConnNack, nil)
}

func (p *peer) retryLater() {
	if pause, ok := p.backoff.next(time.Now()); ok {
		p.retry.Reset(pause)
		return
	}
	p.log.Info("not connecting again: the peer does not want to talk to us")
}

// withPort adds the default port of a transport to an address without one.
func withPort(address string, t Transport) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	port := PortTCP
	if t == TLS {
		port = PortTLS
	}
	if n := len(address); n > 1 && address[0] == '[' && address[n-1] == ']' {
		address = address[1 : n-1]
	}
	return net.JoinHostPort(address, port)
}

// A backoff says how long to wait before the next attempt to connect: a second
// at first, then twice as long each time, up to Tc (RFC 6733 section 2.1).
type backoff struct {
	limit    time.Duration
	attempts int
	once     time.Duration // instead, the next time
	never    bool
	since    time.Time // when the last connection opened
}

// firstPause is the pause after a connection that had lasted.
const firstPause = time.Second

// opened is a connection that was established, by whomever.
func (b *backoff) opened(now time.Time) {
	b.never, b.once, b.since = false, 0, now
}

// farewell is what the peer said when it disconnected (RFC 6733 section 5.4.3).
func (b *backoff) farewell(cause base.Cause, busy time.Duration) {
	switch cause {
	case base.Busy:
		b.once = busy
	case base.DoNotWantToTalkToYou:
		b.never = true
	}
}

// refused is a CEA that let us down. Only people can mend most reasons, so
// there is no hurry; a lost election is none of them.
func (b *backoff) refused(err error) {
	answer, ok := errors.AsType[*base.AnswerError](err)
	if !ok || answer.Code != diam.ElectionLost {
		b.once = b.limit
	}
}

// next returns the pause before the next attempt, false for no more attempts.
func (b *backoff) next(now time.Time) (time.Duration, bool) {
	if b.never {
		return 0, false
	}
	if !b.since.IsZero() && now.Sub(b.since) >= b.limit {
		b.attempts = 0
	}
	b.since = time.Time{}
	pause := b.limit
	if b.attempts < 16 {
		pause = min(pause, firstPause<<b.attempts)
	}
	b.attempts++
	if b.once > 0 {
		pause, b.once = b.once, 0
	}
	return pause*3/4 + rand.N(pause/2+1), true
}
