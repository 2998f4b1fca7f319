// Package ratelimit is a token bucket, for answers that anybody can provoke. Time is
// a parameter.
package ratelimit

import (
	"sync"
	"time"
)

// A Limiter allows Burst events at once, and one more after each Every. It may be
// used by several goroutines.
type Limiter struct {
	Every time.Duration
	Burst int

	mu   sync.Mutex
	full time.Time // when the bucket was, or will be, full
}

// Allow reports whether an event may take place now, and counts it if so.
func (l *Limiter) Allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full.Before(now) {
		l.full = now
	}
	full := l.full.Add(l.Every)
	if full.Sub(now) > time.Duration(l.Burst)*l.Every {
		return false
	}
	l.full = full
	return true
}
