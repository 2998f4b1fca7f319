package aaahome

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/diameter/bootstrap"
)

// A Load sends the requests of a plan.
type Load struct {
	Client *Client
	Plan   *Plan
	// Concurrency is the most requests outstanding at once; at least 1.
	Concurrency int
	// Rate is the requests started per second; 0 is as fast as answers come.
	Rate float64
	// Report is told every outcome, in the order in which they come.
	Report func(Outcome)
	// Tick, if set, is called every TickEvery. Calls of Report and Tick do not
	// overlap.
	Tick      func()
	TickEvery time.Duration
}

// Run sends all requests and returns when the last outcome is reported. When
// ctx ends it starts no more requests and gives up those outstanding; the error
// is then why.
func (l *Load) Run(ctx context.Context) error {
	if l.Concurrency < 1 || l.Rate < 0 {
		return fmt.Errorf("sending requests: concurrency %d, rate %v (must be at least 1 and 0)", l.Concurrency, l.Rate)
	}
	requests, outcomes := make(chan *bootstrap.HMR), make(chan Outcome)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.start(gctx, requests) })
	for range l.Concurrency {
		g.Go(func() error {
			for h := range requests {
				outcomes <- l.Client.Send(gctx, h)
			}
			return nil
		})
	}
	done := make(chan error, 1)
	go func() {
		done <- g.Wait()
		close(outcomes)
	}()
	l.report(outcomes)
	return <-done
}

// start hands out the requests, each at its time.
func (l *Load) start(ctx context.Context, requests chan<- *bootstrap.HMR) error {
	defer close(requests)
	began := time.Now()
	for i := range l.Plan.Count {
		if l.Rate > 0 {
			due := began.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		h, err := l.Plan.HMR(i)
		if err != nil {
			return err
		}
		select {
		case requests <- h:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (l *Load) report(outcomes <-chan Outcome) {
	var ticks <-chan time.Time
	if l.Tick != nil {
		ticker := time.NewTicker(l.TickEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case o, ok := <-outcomes:
			if !ok {
				return
			}
			l.Report(o)
		case <-ticks:
			l.Tick()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
