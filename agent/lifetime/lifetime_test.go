package lifetime_test

import (
	"testing"
	"time"

	"homeagent/agent/lifetime"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestLifetimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text          string
		want          lifetime.Lifetime
		end, deadline time.Time
		ended         bool
	}{
		{"forever", lifetime.Lifetime{}, time.Time{}, time.Time{}, false},
		{"720h0m0s", lifetime.For(720 * time.Hour), now.Add(720 * time.Hour), time.Time{}, false},
		{"0s", lifetime.For(0), now, time.Time{}, true},
		{"2026-01-01T01:00:00Z", lifetime.Until(now.Add(time.Hour)), now.Add(time.Hour), now.Add(time.Hour), false},
		{"2026-01-01T00:00:00Z", lifetime.Until(now), now, now, true},
		{"2025-01-01T00:00:00Z", lifetime.Until(now.AddDate(-1, 0, 0)), now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0), true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			got, err := lifetime.Parse(tt.text)
			if err != nil || got != tt.want || got.String() != tt.text {
				t.Errorf("read %v, error %v, want %v", got, err, tt.want)
			}
			if !got.Equal(tt.want) || got.End(now) != tt.end || got.Deadline() != tt.deadline || got.Ended(now) != tt.ended {
				t.Errorf("ends %v, deadline %v, ended %t", got.End(now), got.Deadline(), got.Ended(now))
			}
		})
	}
}

func TestParseOtherWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]lifetime.Lifetime{
		"90m": lifetime.For(90 * time.Minute), "2026-01-01T02:00:00+01:00": lifetime.Until(now.Add(time.Hour)),
	} {
		if got, err := lifetime.Parse(text); err != nil || got != want {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "never", "-1h", "1500ms", "2026-01-01", "12"} {
		if got, err := lifetime.Parse(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestExceeds(t *testing.T) {
	t.Parallel()
	forever, day, hour := lifetime.Lifetime{}, lifetime.For(24*time.Hour), lifetime.For(time.Hour)
	soon, late := lifetime.Until(now.Add(2*time.Hour)), lifetime.Until(now.Add(48*time.Hour))
	for _, tt := range []struct {
		a, b lifetime.Lifetime
		want bool
	}{
		{day, hour, true}, {late, soon, true}, {hour, day, false}, {hour, hour, false}, {soon, late, false},
		{late, hour, false}, {day, soon, false}, {forever, hour, false}, {hour, forever, false}, {forever, forever, false},
	} {
		if got := tt.a.Exceeds(tt.b); got != tt.want {
			t.Errorf("%v exceeds %v: %t", tt.a, tt.b, got)
		}
	}
}

func TestUntilForgetsTheMonotonicClock(t *testing.T) {
	t.Parallel()
	at := time.Now()
	if lifetime.Until(at) != lifetime.Until(at.Round(0).Local()) {
		t.Error("one point in time makes two lifetimes")
	}
	if lifetime.For(-time.Hour) != lifetime.For(0) {
		t.Error("a lifetime is less than nothing")
	}
}
