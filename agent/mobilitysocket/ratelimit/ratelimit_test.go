package ratelimit_test

import (
	"testing"
	"time"

	"homeagent/agent/mobilitysocket/ratelimit"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	const every = 100 * time.Millisecond
	l, now := &ratelimit.Limiter{Every: every, Burst: 10}, time.Unix(1000, 0)
	allowed := func(tries int) (n int) {
		for range tries {
			if l.Allow(now) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		pause time.Duration
		tries int
		want  int
	}{
		{0, 1000, 10},
		{every - 1, 10, 0},
		{1, 10, 1},
		{3 * every, 10, 3},
		{time.Hour, 1000, 10},
	} {
		now = now.Add(step.pause)
		if got := allowed(step.tries); got != step.want {
			t.Errorf("after %s: %d allowed, want %d", step.pause, got, step.want)
		}
	}
}
