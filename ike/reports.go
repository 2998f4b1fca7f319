package ike

import (
	"context"
	"log/slog"
	"sync"
)

// reports are callbacks on their way to their receiver: in order, never
// dropped, and without holding up whoever reports.
type reports struct {
	mu    sync.Mutex
	queue []func()
	wake  chan struct{}
}

func newReports() *reports { return &reports{wake: make(chan struct{}, 1)} }

func (r *reports) add(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, f)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run makes the calls until ctx ends, and then those that are left.
func (r *reports) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
			r.deliver()
		case <-ctx.Done():
			r.deliver()
			return
		}
	}
}

func (r *reports) deliver() {
	r.mu.Lock()
	queue := r.queue
	r.queue = nil
	r.mu.Unlock()
	for _, f := range queue {
		f()
	}
}

// say logs without holding up the caller, who has the lock: a log may be slow.
func (c *Charon) say(level slog.Level, message string, args ...any) {
	c.reports.add(func() { c.cfg.Log.Log(context.Background(), level, message, args...) })
}

// heard is the level of what is told to a callback, too, if there is one.
func heard(callback bool) slog.Level {
	if callback {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
