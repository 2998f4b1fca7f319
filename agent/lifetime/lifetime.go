// Package lifetime is how long a home prefix is valid, or preferred: for ever, for a
// time that begins anew whenever a node is told of it, or until a point in time,
// which is how a prefix is given up (RFC 4861 section 6.2.1, AdvValidLifetime).
//
// A [Lifetime] is made by [Parse], [For] or [Until]; its zero value is for ever. The
// package is pure, and must not know who is told.
package lifetime

import (
	"fmt"
	"time"
)

// A Lifetime can be compared with ==.
type Lifetime struct {
	limited bool
	span    time.Duration // until is zero
	until   time.Time     // in UTC
}

// For is a lifetime that never gets shorter.
func For(d time.Duration) Lifetime { return Lifetime{limited: true, span: max(d, 0)} }

// Until is a lifetime that ends.
func Until(t time.Time) Lifetime { return Lifetime{limited: true, until: t.UTC().Round(0)} }

// Parse reads what String writes: "forever", a duration of whole seconds such as "720h",
// or a point in time of RFC 3339 such as "2027-01-31T00:00:00Z".
func Parse(text string) (Lifetime, error) {
	if text == "forever" {
		return Lifetime{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return Until(t), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Second != 0 {
		return Lifetime{}, fmt.Errorf("reading the lifetime %q: it is neither \"forever\" nor a duration of whole seconds such as \"720h\" nor a time such as \"2027-01-31T00:00:00Z\"", text)
	}
	return For(d), nil
}

// Equal is ==, for those who compare by a method.
func (l Lifetime) Equal(other Lifetime) bool { return l == other }

// String is what Parse reads.
func (l Lifetime) String() string {
	switch {
	case !l.limited:
		return "forever"
	case l.until.IsZero():
		return l.span.String()
	default:
		return l.until.Format(time.RFC3339)
	}
}

// End is when it ends for somebody who is told now; the zero Time is never.
func (l Lifetime) End(now time.Time) time.Time {
	if l.limited && l.until.IsZero() {
		return now.Add(l.span)
	}
	return l.until
}

// Deadline is when it ends for everybody, whenever they were told; the zero Time is
// never.
func (l Lifetime) Deadline() time.Time { return l.until }

// Ended reports whether there is nothing left of it.
func (l Lifetime) Ended(now time.Time) bool { return l.limited && !l.End(now).After(now) }

// Exceeds reports whether l is longer than other at any time: two durations, or two
// points in time, can be told apart for good.
func (l Lifetime) Exceeds(other Lifetime) bool {
	if !l.limited || !other.limited || l.until.IsZero() != other.until.IsZero() {
		return false
	}
	return l.span > other.span || l.until.After(other.until)
}
