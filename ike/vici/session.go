package vici

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	govici "github.com/strongswan/govici/vici"
)

// dialRetries bounds how often EAGAIN (charon's listen backlog is full) is
// answered by waiting for a moment and dialling again.
const (
	dialRetries = 20
	dialPause   = 10 * time.Millisecond
)

// A session is one connection to charon.
type session struct {
	*govici.Session
	gate *gate
	turn chan struct{} // holds one token while a call is under way
}

// open dials one session. Its gate lets no events through yet.
func (c *Client) open(ctx context.Context) (*session, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to charon at %s: %w (is strongSwan running, and is its vici plugin's socket there?)", c.cfg.Socket, err)
	}
	g := newGate(conn)
	s, err := govici.NewSession(govici.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return g, nil }))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a VICI session: %w", err), g.Close())
	}
	return &session{Session: s, gate: g, turn: make(chan struct{}, 1)}, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	for try := 1; ; try++ {
		conn, err := dialer.DialContext(ctx, "unix", c.cfg.Socket)
		if c.cfg.Dial != nil {
			conn, err = c.cfg.Dial(ctx)
		}
		if !errors.Is(err, syscall.EAGAIN) || try == dialRetries {
			return conn, err
		}
		if err := sleep(ctx, dialPause); err != nil {
			return nil, err
		}
	}
}

// subscribe registers for events and lets them through afterwards, to c.
// govici holds a lock while it registers that the delivery of an event needs,
// hence the gate; and it takes no context, hence the watchdog.
func (s *session) subscribe(ctx context.Context, c chan<- govici.Event, events ...string) error {
	s.NotifyEvents(c)
	stop := context.AfterFunc(ctx, func() { s.close() })
	defer stop()
	if err := s.Subscribe(events...); err != nil {
		return fmt.Errorf("subscribing to charon's events: %w", errors.Join(err, ctx.Err()))
	}
	s.gate.open()
	// Events held so far follow the next answer.
	if _, err := s.Call(ctx, "version", nil); err != nil {
		return fmt.Errorf("subscribing to charon's events: %w", err)
	}
	return nil
}

// close ends the session. What it may say is of no interest to anybody.
func (s *session) close() { _ = s.gate.Close() }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
