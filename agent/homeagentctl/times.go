package main

import (
	"fmt"
	"time"
)

// Points in time are shown as RFC 3339 has them, in the local zone, which is told;
// in tables as the time until or since then.
const (
	pointFormat = "2006-01-02T15:04:05-07:00"
	exactFormat = "2006-01-02T15:04:05.000-07:00"
)

// point is a point in time and how far it is.
func point(t time.Time) string {
	return t.Local().Format(pointFormat) + " (" + distance(t) + ")"
}

// pointOr is point, or what stands for none.
func pointOr(none string, t *time.Time) string {
	if t == nil {
		return none
	}
	return point(*t)
}

// distance is how far a point in time is: in 2h 3m, or 5m 10s ago.
func distance(t time.Time) string {
	if d := time.Until(t); d > 0 {
		return "in " + span(d)
	}
	return ago(t)
}

// ago is how long something is past.
func ago(t time.Time) string { return span(time.Since(t)) + " ago" }

// since is how long something has lasted.
func since(t time.Time) string {
	if t.IsZero() {
		return "ever"
	}
	return span(time.Since(t))
}

// in is what is left until a point in time, if there is one.
func in(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return distance(*t)
}

// span is a duration in its two largest units.
func span(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return units(d, day, "d", time.Hour, "h")
	case d >= time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	case d >= time.Minute:
		return units(d, time.Minute, "m", time.Second, "s")
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d%s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d%s", rest, smallName)
	}
	return text
}
