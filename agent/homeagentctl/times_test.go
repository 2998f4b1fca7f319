package main

import (
	"testing"
	"time"

	"testing/synctest"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": -time.Hour, "1s": 600 * time.Millisecond, "59s": 59 * time.Second, "1m": time.Minute, "5m 12s": 5*time.Minute + 12*time.Second,
		"2h 3m": 2*time.Hour + 3*time.Minute + 59*time.Second, "1h": time.Hour + 59*time.Second, "23h 59m": 24*time.Hour - time.Second,
		"1d": 24 * time.Hour, "400d 5h": 400*24*time.Hour + 5*time.Hour + time.Minute,
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPoints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		now := time.Now()
		later, before := now.Add(90*time.Minute), now.Add(-10*time.Second)
		zoned := later.Local().Format("2006-01-02T15:04:05-07:00")
		for _, tt := range [][2]string{
			{point(later), zoned + " (in 1h 30m)"}, {point(before), before.Local().Format(pointFormat) + " (10s ago)"},
			{pointOr("never", nil), "never"}, {pointOr("never", &later), zoned + " (in 1h 30m)"},
			{in(nil), "-"}, {in(&later), "in 1h 30m"}, {in(&before), "10s ago"}, {distance(now), "0s ago"},
			{since(time.Time{}), "ever"}, {since(before), "10s"}, {ago(before), "10s ago"},
		} {
			if tt[0] != tt[1] {
				t.Errorf("%q, want %q", tt[0], tt[1])
			}
		}
	})
}
