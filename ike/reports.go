package ike

import (
	"context"
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

// run makes the calls until ctx ends.
func (r *reports) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		queue := r.queue
		r.queue = nil
		r.mu.Unlock()
		for _, f := range queue {
			f()
		}
	}
}
