package peer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A throttle bounds what is told of what strangers can cause.
type throttle struct {
	log *slog.Logger

	mu         sync.Mutex
	until      time.Time
	left       int
	suppressed int
}

const (
	throttlePeriod = time.Minute
	throttleLines  = 10
)

// warn logs at most throttleLines lines in each throttlePeriod, and how many
// were left out before.
func (t *throttle) warn(ctx context.Context, msg string, args ...any) {
	leftOut, ok := t.allow(time.Now())
	if !ok {
		return
	}
	if leftOut > 0 {
		args = append(args, "lines_left_out", leftOut)
	}
	t.log.WarnContext(ctx, msg, args...)
}

// skip counts a line that is not worth telling.
func (t *throttle) skip() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.suppressed++
}

// allow reports whether a line may be told now, and how many were not before it.
func (t *throttle) allow(now time.Time) (leftOut int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.After(t.until) {
		t.until, t.left = now.Add(throttlePeriod), throttleLines
	}
	if t.left == 0 {
		t.suppressed++
		return 0, false
	}
	t.left--
	leftOut, t.suppressed = t.suppressed, 0
	return leftOut, true
}
