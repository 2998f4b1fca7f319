package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Sample is what came of a number of operations of one kind. Samples of several
// rounds are put together with Add.
type Sample struct {
	// Took is the time of each operation, from its start to its end.
	Took []time.Duration
	// Elapsed is the time from the start of the first to the end of the last.
	Elapsed time.Duration
}

// Run does count operations, numbered from 0, at most outstanding of them at
// once, each begun as soon as another has ended. The first error ends it.
func Run(ctx context.Context, outstanding, count int, op func(ctx context.Context, i int) error) (Sample, error) {
	if outstanding < 1 || count < 1 {
		return Sample{}, fmt.Errorf("measuring %d operations, %d at once (must be at least 1 each)", count, outstanding)
	}
	s := Sample{Took: make([]time.Duration, count)}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for range min(outstanding, count) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < count && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				begin := time.Now()
				if err := op(ctx, i); err != nil {
					return err
				}
				s.Took[i] = time.Since(begin)
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	s.Elapsed = time.Since(start)
	return s, err
}

// Add puts the operations of another round to those of s.
func (s *Sample) Add(round Sample) {
	s.Took = append(s.Took, round.Took...)
	s.Elapsed += round.Elapsed
}

// Count is the number of operations.
func (s Sample) Count() int { return len(s.Took) }

// Rate is the number of operations per second.
func (s Sample) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(len(s.Took)) / s.Elapsed.Seconds()
}

// Quantile is the time within which a share q of the operations was done: 0.5 for
// the median, 0.99 for all but the slowest hundredth. It is 0 without operations.
func (s Sample) Quantile(q float64) time.Duration {
	if len(s.Took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.Took))
	// The nearest rank: the smallest value with at least that share up to it.
	rank := int(q*float64(len(sorted)) + 0.999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median is the middle of some values, the mean of the two in the middle when
// their number is even, and 0 when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
