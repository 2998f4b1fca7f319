package vici

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	govici "github.com/strongswan/govici/vici"
)

// A lane is a session for calls that charon handles one after the other.
type lane int

const (
	writeLane   lane = iota // keys and connections
	controlLane             // everything else that is answered at once
	eventLane               // events
	lanes
)

// maxRequest is the size of the largest request charon takes; it ends the
// connection when one is larger.
const maxRequest = 512 << 10

// A Link is a set of sessions with one charon. All of them live and die
// together: the first call without an answer ends the Link. Its methods may be
// called from several goroutines; calls for keys and connections wait for each
// other, and so do other calls. A call whose context ends while charon has yet
// to answer ends the Link, since what charon made of it is unknown.
type Link struct {
	client   *Client
	sessions [lanes]*session
	events   chan Event
	ctx      context.Context // ends with the Link
	cancel   context.CancelCauseFunc

	// Version is charon's version.
	Version string

	// Since is when charon was started, give or take a second.
	Since time.Time
}

// connect dials all sessions of a Link and gets to know charon.
func (c *Client) connect(ctx context.Context) (*Link, error) {
	l := &Link{client: c, events: make(chan Event)}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	err := l.start(ctx)
	if err != nil {
		l.kill(err)
		return nil, err
	}
	return l, nil
}

func (l *Link) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.client.cfg.CallTimeout)
	defer cancel()
	for i := range l.sessions {
		s, err := l.client.open(ctx)
		if err != nil {
			return err
		}
		l.sessions[i] = s
	}
	received := make(chan govici.Event, 2*credits)
	go l.pump(received)
	if err := l.sessions[eventLane].subscribe(ctx, received, eventNames...); err != nil {
		return err
	}
	stats, err := l.Stats(ctx)
	if err != nil {
		return err
	}
	l.Since = stats.Since
	l.Version, err = l.version(ctx)
	return err
}

// kill ends the Link. The first cause is remembered.
func (l *Link) kill(cause error) {
	l.cancel(cause)
	for _, s := range l.sessions {
		if s != nil {
			s.close()
		}
	}
}

// call makes one call and waits for its answer.
func (l *Link) call(ctx context.Context, on lane, cmd, subject string, in *govici.Message) (*govici.Message, error) {
	if err := checkSize(in); err != nil {
		return nil, fmt.Errorf("asking charon to %s %q: %w", cmd, subject, err)
	}
	s := l.sessions[on]
	select { // govici would queue calls too, but without regard to ctx
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("asking charon to %s %q: %w", cmd, subject, ctx.Err())
	}
	timeout, cancel := context.WithTimeout(ctx, l.client.cfg.CallTimeout)
	defer cancel()
	reply, err := s.Call(timeout, cmd, in)
	switch {
	case err == nil:
		return reply, nil
	case reply != nil:
		return reply, &CommandError{Command: cmd, Subject: subject, Reason: text(reply, "errmsg")}
	}
	l.kill(fmt.Errorf("calling %s: %w", cmd, whyUnanswered(timeout, err)))
	return nil, fmt.Errorf("asking charon to %s %q: %w: %w", cmd, subject, ErrDead, context.Cause(l.ctx))
}

// whyUnanswered replaces the various errors of govici by what they mean.
func whyUnanswered(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("charon did not answer in time")
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrClosedPipe), errors.Is(err, io.EOF):
		return errGone
	}
	return err
}
