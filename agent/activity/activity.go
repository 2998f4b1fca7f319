// Package activity counts what the home agent answers and how long that takes,
// for the operator's live view.
//
// It knows numbers and nothing of what they count. Exported: [Answers] with Add
// and Read, and [Stopwatch]. All that is counted since the start is told; rates
// are the difference of two readings.
package activity

import (
	"maps"
	"math/bits"
	"net/netip"
	"sync"
	"time"
)

// buckets are the powers of two of microseconds up to a bit over a minute; what
// takes longer is in the last one.
const buckets = 28

// Answers counts answers by their result, and their times. The zero Answers is
// ready. Its methods may be called from several goroutines.
type Answers struct {
	mu      sync.Mutex
	results map[string]uint64
	times   [buckets]uint64
	sum     time.Duration
}

// A Reading is what was counted since the start.
type Reading struct {
	Results map[string]uint64
	// Sum is the time of all answers together, and Times counts them: those of
	// less than 2^i microseconds, and not in an earlier one, under i.
	Sum   time.Duration
	Times []uint64
}

// Add counts an answer.
func (a *Answers) Add(result string, took time.Duration) {
	took = max(0, took)
	i := min(bits.Len64(uint64(took.Microseconds())), buckets-1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.results == nil {
		a.results = map[string]uint64{}
	}
	a.results[result]++
	a.times[i]++
	a.sum += took
}

// Read tells what was counted; Times ends with the last one that is not 0.
func (a *Answers) Read() Reading {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := Reading{Results: maps.Clone(a.results), Sum: a.sum}
	for i, n := range a.times {
		if n > 0 {
			r.Times = append(make([]uint64, 0, i+1), a.times[:i+1]...)
		}
	}
	return r
}

// Bound is the time that the answers under an index of Reading.Times stayed below.
func Bound(i int) time.Duration { return time.Microsecond << i }

// mostWatched bounds the memory of a Stopwatch, should answers never come.
const mostWatched = 16384

// A Stopwatch remembers when something of an address began. The zero Stopwatch is
// ready. Its methods may be called from several goroutines.
type Stopwatch struct {
	mu    sync.Mutex
	began map[netip.Addr]time.Time
}

// Begin remembers a beginning, if none is.
func (s *Stopwatch) Begin(a netip.Addr, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began == nil || len(s.began) >= mostWatched {
		s.began = map[netip.Addr]time.Time{}
	}
	if _, ok := s.began[a]; !ok {
		s.began[a] = now
	}
}

// End forgets it and tells how long it has been; false if nothing was begun.
func (s *Stopwatch) End(a netip.Addr, now time.Time) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began, ok := s.began[a]
	delete(s.began, a)
	return now.Sub(began), ok
}
