package bindingcache

import (
	"time"

	"homeagent/agent/mobility"
)

// minRequestInterval limits the rate of Binding Refresh Requests to one mobile
// node (RFC 6275 section 9.5.5).
const minRequestInterval = 4 * time.Second

// Next returns the time at which [Cache.Expire] should be called, and whether
// there is anything to wait for. It may turn out that nothing is due yet then.
func (c *Cache) Next() (time.Time, bool) {
	e := c.timers.first()
	if e == nil {
		return time.Time{}, false
	}
	return e.timer.at, true
}

// Expire returns what is due: bindings that have to end, and mobile nodes to be
// asked for a refresh. It stops after limit outcomes, so that a lock is not held
// for thousands; Next then returns a time that is past.
func (c *Cache) Expire(now time.Time, limit int) []Outcome {
	var outs []Outcome
	for len(outs) < limit {
		e := c.timers.first()
		if e == nil || e.timer.at.After(now) {
			break
		}
		c.timers.disarm(e)
		if e.job != nil { // armed again when the work is done
			continue
		}
		if !c.due(e).After(now) {
			outs = append(outs, c.expire(e, now))
		}
		c.settle(e)
	}
	return outs
}

// due is when something has to happen to an entry at rest.
func (c *Cache) due(e *entry) time.Time {
	end := c.end(e)
	if !e.request.IsZero() && e.request.Before(end) {
		return e.request
	}
	return end
}

// end is when the binding of an entry ends: with its lifetime, but not later than
// its home prefix (RFC 6275 section 10.3.1).
func (c *Cache) end(e *entry) time.Time {
	b := e.binding
	if !b.Active() {
		return b.Expires
	}
	prefix, ok := c.cfg.prefixOf(e.home)
	if !ok {
		return time.Time{}
	}
	if end := prefix.Valid.Deadline(); !end.IsZero() && end.Before(b.Expires) {
		return end
	}
	return b.Expires
}

func (c *Cache) expire(e *entry, now time.Time) Outcome {
	switch {
	case c.end(e).After(now):
		return c.askRefresh(e, now)
	case !e.binding.Active():
		return c.remove(e, Forgotten)
	case e.binding.Expires.After(now):
		return c.remove(e, PrefixInvalid)
	default:
		return c.remove(e, Expired)
	}
}

// firstRequest is when to ask for a refresh of a new binding: never if that would
// be at once.
func (c *Cache) firstRequest(b Binding) time.Time {
	lead := c.cfg.RefreshRequest
	if lead == 0 || b.Lifetime.Duration() <= lead {
		return time.Time{}
	}
	return b.Expires.Add(-lead)
}

// askRefresh sends a Binding Refresh Request to the home address (RFC 6275 section
// 9.5.5) and settles when to repeat it; any update that is accepted ends that.
func (c *Cache) askRefresh(e *entry, now time.Time) Outcome {
	wait := e.binding.Expires.Sub(now) / 2
	e.request = now.Add(wait)
	if wait < minRequestInterval {
		e.request = time.Time{}
	}
	out := c.outcome(e, RefreshRequested)
	out.Reply = &Reply{
		Message:     new(mobility.BindingRefreshRequest),
		Source:      e.binding.HomeAgent,
		Destination: e.home,
	}
	return out
}
