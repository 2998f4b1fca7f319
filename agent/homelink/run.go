package homelink

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/agent/homelink/neighbor"
	"homeagent/agent/homelink/packetport"
)

// Run serves the link until ctx ends, and returns nil then. An interface that
// cannot be opened at first is an error; one that goes away later is waited for.
func (l *Link) Run(ctx context.Context) error {
	port, err := l.cfg.Open(l.cfg.Interface)
	if err != nil {
		return err
	}
	for {
		err := l.serve(ctx, port)
		if ctx.Err() != nil {
			return nil
		}
		l.log.Error("the home link is gone; addresses on it are neither probed nor defended", "error", err)
		if port = l.reopen(ctx); port == nil {
			return nil
		}
		l.log.Info("the home link is back")
	}
}

// reopen returns nil when ctx ends.
func (l *Link) reopen(ctx context.Context) Port {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopenPause):
		}
		port, err := l.cfg.Open(l.cfg.Interface)
		if err == nil {
			return port
		}
		l.log.Debug("the home link cannot be opened yet", "error", err)
	}
}

// serve works until ctx ends or the port fails, and closes the port.
func (l *Link) serve(ctx context.Context, port Port) error {
	l.attach(port)
	defer l.detach()
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, func() { port.Close() })()
	group.Go(func() error { return l.receive(port) })
	group.Go(func() error { return l.keepTime(ctx) })
	return group.Wait()
}

// attach makes a port that was just opened the one to use.
func (l *Link) attach(port Port) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.port = port
	for _, g := range l.machine.Groups() {
		l.note(port.Join(g))
	}
	l.machine.Rebind(port.LinkAddress(), port.Source(), time.Now())
	l.apply()
	select {
	case <-l.ready:
	default:
		close(l.ready)
	}
}

// detach ends what waits for an answer from the link.
func (l *Link) detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.port = nil
	for home := range l.waiting {
		l.fail(home, ErrDown)
	}
}

func (l *Link) receive(port Port) error {
	b := make([]byte, packetport.MaxPacket)
	for {
		n, from, err := port.Receive(b)
		if err != nil {
			return err
		}
		l.take(b[:n], from)
	}
}

func (l *Link) take(packet []byte, from neighbor.LinkAddress) {
	message, flaw := neighbor.Parse(packet)
	l.mu.Lock()
	defer l.mu.Unlock()
	if flaw != neighbor.Sound {
		l.flaws[flaw]++
		return
	}
	l.machine.Receive(message, from)
	l.apply()
}

// keepTime does what is due until ctx ends.
func (l *Link) keepTime(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("serving the %s: %w", l, ctx.Err())
		case <-l.kick:
		case <-timer.C:
		}
		if d, ok := l.advance(); ok {
			timer.Reset(d)
		} else {
			timer.Stop()
		}
	}
}

// advance returns how long it is until something is due, if anything is.
func (l *Link) advance() (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.machine.Advance(now)
	l.carryOut(l.machine.Effects())
	next, ok := l.machine.Next()
	return next.Sub(now), ok
}
