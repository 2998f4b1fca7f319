package mobility

import (
	"math"
	"time"
)

// LifetimeUnit is what the lifetimes of bindings are counted in (RFC 6275
// section 6.1.7).
const LifetimeUnit = 4 * time.Second

// MaxLifetime is the longest lifetime that a message can carry: 3 days and 49
// minutes.
const MaxLifetime Lifetime = math.MaxUint16

// A Lifetime is a time span on the wire, in units of 4 seconds.
type Lifetime uint16

// LifetimeOf returns the longest lifetime that is not longer than d: nothing is
// promised beyond d, and the two low bits of its seconds are dropped as RFC 6275
// section 10.3.1 says. Spans that do not fit are cut to 0 and [MaxLifetime].
func LifetimeOf(d time.Duration) Lifetime {
	return Lifetime(min(max(d/LifetimeUnit, 0), time.Duration(MaxLifetime)))
}

// Duration returns the time span.
func (l Lifetime) Duration() time.Duration { return time.Duration(l) * LifetimeUnit }

// String returns the time span as [time.Duration] prints it.
func (l Lifetime) String() string { return l.Duration().String() }
