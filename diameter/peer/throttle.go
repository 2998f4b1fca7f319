package peer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A throttle logs what strangers can cause, and only so much of it.
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
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.After(t.until) {
		t.until, t.left = now.Add(throttlePeriod), throttleLines
	}
	if t.left == 0 {
		t.suppressed++
		return
	}
	t.left--
	if t.suppressed > 0 {
		args = append(args, "lines_left_out", t.suppressed)
		t.suppressed = 0
	}
	t.log.WarnContext(ctx, msg, args...)
}
