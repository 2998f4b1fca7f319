package mobilitysocket

import (
	"sync"
	"time"
)

// Rate and depth of the token bucket for Binding Errors, as RFC 4443 section 2.4
// (f) suggests them for a small device; a home agent owes hardly any.
const (
	errorInterval = 100 * time.Millisecond
	errorBurst    = 10
)

// A limiter is a token bucket.
type limiter struct {
	mu    sync.Mutex
	full  time.Time // when the bucket was, or will be, full
	every time.Duration
	burst int
}

func newLimiter() limiter { return limiter{every: errorInterval, burst: errorBurst} }

// allow takes a token if there is one.
func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full.Before(now) {
		l.full = now
	}
	full := l.full.Add(l.every)
	if full.Sub(now) > time.Duration(l.burst)*l.every {
		return false
	}
	l.full = full
	return true
}
