package registration

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/bench"
)

const (
	// witnesses are nodes whose bindings stay while all others end.
	witnesses = 64
	// slack is left between the last refresh and the common end.
	slack = 8 * time.Second
)

// expiry is what came of bindings that ended at once.
type expiry struct {
	bindings int
	took     time.Duration
	// meanwhile are refreshes by others, one at a time.
	meanwhile bench.Sample
}

// expire lets all bindings but those of the witnesses end at the same moment: the
// lifetimes of the others are cut to a common end, and the daemon sleeps until all
// of them are over, as they end within the four seconds that lifetimes count in.
func (s *section) expire(ctx context.Context) error {
	n := s.cfg.Nodes - witnesses
	s.report.Stepf("letting %d bindings end at once", n)
	rate := s.results.over(loads[1], func(one *round) float64 { return one[refresh].Rate() })
	end := time.Now().Add(time.Duration(float64(n)/rate*1.5)*time.Second + slack)
	_, err := bench.Run(ctx, outstanding, n, func(ctx context.Context, i int) error {
		return s.update(ctx, witnesses+i, max(time.Until(end).Truncate(mobility.LifetimeUnit), mobility.LifetimeUnit))
	})
	if err != nil {
		return err
	}
	if err := s.rig.daemon.pause(); err != nil {
		return err
	}
	select {
	case <-time.After(max(time.Until(end), mobility.LifetimeUnit) + time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.watchEnd(ctx, n)
}

// watchEnd wakes the daemon and waits until nothing is left of n bindings.
func (s *section) watchEnd(ctx context.Context, n int) error {
	s.results.expiry.bindings = n
	over, tell := context.WithCancel(ctx)
	var watching errgroup.Group
	start := time.Now()
	if err := s.rig.daemon.goOn(); err != nil {
		tell()
		return err
	}
	watching.Go(func() error {
		defer tell()
		return s.awaitBindings(ctx, witnesses)
	})
	for i := 0; over.Err() == nil; i++ {
		one, err := bench.Run(ctx, 1, 1, func(ctx context.Context, _ int) error { return s.update(ctx, i%witnesses, lifetime) })
		if err != nil {
			tell()
			return err
		}
		s.results.expiry.meanwhile.Add(one)
	}
	s.results.expiry.took = time.Since(start)
	if err := watching.Wait(); err != nil {
		return err
	}
	return s.check(witnesses)
}

// awaitBindings waits until the daemon has n bindings.
func (s *section) awaitBindings(ctx context.Context, n int) error {
	for {
		if have, err := s.rig.daemon.bound(ctx); err != nil || have == n {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
