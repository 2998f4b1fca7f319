package peer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// listen opens all listeners, or none.
func (t *Table) listen(ctx context.Context) error {
	for _, l := range t.config.Listeners {
		transport := TCP
		if l.TLS {
			transport = TLS
		}
		nl, err := t.listener(ctx, withPort(l.Address, transport))
		if err != nil {
			t.stopListening()
			return fmt.Errorf("listening for Diameter peers at %q: %w", l.Address, err)
		}
		t.listeners = append(t.listeners, nl)
	}
	return nil
}

func (t *Table) stopListening() {
	for _, l := range t.listeners {
		l.Close() // failing, it is closed already
	}
}

// accept lets strangers into the doorway until ctx ends. Errors of accepting
// are passing ones, such as too many open files.
func (t *Table) accept(ctx context.Context, l net.Listener, overTLS bool) {
	for {
		nc, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return
		}
		if err != nil {
			t.strangers.warn(ctx, "could not accept a connection", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		place, ok := t.doorway.enter(nc)
		if !ok {
			continue
		}
		t.running.Go(func() {
			defer place.leave()
			if err := t.greet(ctx, nc, overTLS, place); err != nil && ctx.Err() == nil {
				t.refusedHere(addrPort(nc.RemoteAddr()), err)
			}
		})
	}
}

const acceptPause = 100 * time.Millisecond

// greet sets up TLS and waits for the CER. If it is a peer's, the connection is
// the peer's from then on. An error is why it came to no CER.
func (t *Table) greet(ctx context.Context, nc net.Conn, overTLS bool, place place) error {
	if err := nc.SetDeadline(time.Now().Add(t.config.Timers.Handshake)); err != nil {
		nc.Close()
		return err
	}
	if overTLS {
		secure := tls.Server(nc, t.tls.Load().server)
		if err := secure.HandshakeContext(ctx); err != nil {
			nc.Close()
			return handshakeFailed(err, t.lists)
		}
		nc = secure
	}
	c := t.newConn(nc, false)
	m, err := c.readCER()
	if err != nil {
		c.reset(err)
		return err
	}
	p, reason, f := t.judgeCER(c, m)
	if f != nil {
		t.refusedHere(c.remote, &refused{reason: reason, host: c.caps.Host, err: fmt.Errorf("refused the CER of %q: %w", c.caps.Host, f)})
		c.refuse(base.NewCEA(m, c.own, f), place.yield)
		return nil
	}
	place.leave()
	t.running.Go(c.write)
	p.converse(c, func(c *conn) error {
		if !p.notify(notice{kind: cameIn, conn: c}) {
			return errEnded
		}
		return nil
	})
	return nil
}

// tlsHandshake is the first octet of TLS (RFC 8446 section 5.1), which no Diameter
// message begins with.
const tlsHandshake = 22

// readCER reads the first message, which must be a CER (RFC 6733 section 5.6.1).
func (c *conn) readCER() (*diameter.Message, error) {
	if first, err := c.in.Peek(1); err == nil && first[0] == tlsHandshake && c.transport == TCP {
		return nil, refuse(ReasonProtection, "waiting for CER: the other end speaks TLS, and this listener does not")
	}
	m, err := c.next()
	if err != nil {
		return nil, fmt.Errorf("waiting for CER: %w", err)
	}
	if !m.Request() || m.Application != 0 || m.Command != diam.CapabilitiesExchange {
		return nil, refuse(ReasonMalformed, "waiting for CER: got a %v", m.Header)
	}
	return m, nil
}

func (t *Table) newConn(nc net.Conn, initiated bool) *conn {
	c := newConn(nc, initiated, t.config.Limits, t.config.Timers)
	c.own = t.own(c)
	return c
}

// listenTCP and dialTCP are the real network.
func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}
