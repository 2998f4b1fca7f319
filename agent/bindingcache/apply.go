package bindingcache

import (
	"net/netip"
	"time"

	"homeagent/agent/mobility"
)

// Apply judges a Binding Update that has just arrived.
func (c *Cache) Apply(u Update, now time.Time) Outcome {
	j := c.judge(&u, now)
	if reason := j.run(validity[:]); reason != 0 {
		return c.refuse(j, reason)
	}
	if e := j.entry; e != nil {
		e.received(u.Message.Sequence)
		if e.job != nil && !e.probing() {
			e.held = u.clone()
			return c.outcome(e, Held)
		}
	}
	out := c.admit(j)
	if e := c.entries[j.home]; e != nil {
		c.settle(e)
	}
	return out
}

// received remembers the sequence number of a valid update (RFC 6275 section
// 9.5.1).
func (e *entry) received(sequence uint16) {
	e.last = sequence
	if e.binding.HomeAddress.IsValid() {
		e.binding.Sequence = sequence
	}
}

// admit judges a valid update whose turn has come, and starts the work that it
// takes.
func (c *Cache) admit(j *judgement) Outcome {
	if reason := j.run(admission[:]); reason != 0 {
		out := c.refuse(j, reason)
		if e := j.entry; reason == NoRegistration && e != nil && e.probing() {
			out.Work = c.remove(e, Removed).Work // it went home before it was registered
		}
		return out
	}
	e := j.entry
	if e == nil {
		e = &entry{home: j.home, last: j.update.Message.Sequence, timer: timer{index: idle}}
		c.entries[j.home] = e
	}
	switch {
	case j.update.deregisters():
		return c.start(e, j.deregistration(e))
	case e.binding.Active() || j.probed || c.cfg.HomeLink == VirtualHomeLink:
		c.reserve(e, j.networks)
		return c.start(e, j.registration(e))
	default:
		return c.probe(e, j)
	}
}

// probe starts duplicate address detection for a first registration, or lets the
// newer update take the place of the older while it goes on: a mobile node that
// repeats its update gets one detection and one acknowledgement. The newest is
// judged again when the detection is over.
func (c *Cache) probe(e *entry, j *judgement) Outcome {
	after := j.binding()
	if e.probing() && !linkLocalToo(e.job.work.New, after) {
		e.job.update = j.update.clone()
		return c.outcome(e, Probing)
	}
	return c.start(e, &job{
		kind: probing, update: j.update.clone(),
		work: Work{Old: e.binding, New: after, Steps: []Step{Probe}},
	})
}

// linkLocalToo reports whether a link-local address has to be probed that was not
// thought of before.
func linkLocalToo(before, after Binding) bool {
	return after.Flags.Has(mobility.FlagLinkLocal) && !before.Flags.Has(mobility.FlagLinkLocal)
}

// refuse returns the reply that the reason asks for, or silence.
func (c *Cache) refuse(j *judgement, reason Reason) Outcome {
	out := Outcome{HomeAddress: j.home, Reason: c.count(reason)}
	status, ok := reason.Refusal()
	if !ok {
		return out
	}
	sequence := j.update.Message.Sequence
	if reason == OldSequence {
		sequence = j.entry.last // RFC 6275 section 9.5.1: the last accepted one
	}
	out.Reply = acknowledge(j.update, mobility.BindingAcknowledgement{Status: status, Sequence: sequence})
	return out
}

// acknowledge addresses an acknowledgement (RFC 6275 section 9.5.4). There is one
// for every update that is not discarded in silence, whatever its A bit says
// (section 10.3.1).
func acknowledge(u *Update, ack mobility.BindingAcknowledgement) *Reply {
	return &Reply{
		Message:     &ack,
		Source:      u.HomeAgent,
		Destination: u.Source,
		HomeAddress: u.HomeAddressOption,
		Interface:   u.Interface,
		Tunnelled:   u.Tunnelled,
		OnLink:      u.AtHome && !ack.Status.Accepted(),
		Asked:       u.Arrived,
	}
}

func (c *Cache) count(r Reason) Reason {
	c.counters[r]++
	return r
}

func (c *Cache) outcome(e *entry, r Reason) Outcome {
	return Outcome{HomeAddress: e.home, Reason: c.count(r)}
}

// Remove ends the binding of a home address at our own wish: its session is over,
// or an operator said so. Nothing is acknowledged; sequence numbers are forgotten,
// as the security association goes too.
func (c *Cache) Remove(home netip.Addr) Outcome {
	e := c.entries[home]
	switch {
	case e == nil:
		return Outcome{HomeAddress: home, Reason: c.count(Stale)}
	case e.job == nil || e.probing():
		out := c.remove(e, Removed)
		c.settle(e)
		return out
	}
	e.removal = Removed
	return c.outcome(e, Held)
}

// remove plans the end of a binding that no update asked for.
func (c *Cache) remove(e *entry, reason Reason) Outcome {
	work := &job{kind: removing, reason: reason, work: Work{Old: e.binding, Steps: make([]Step, 0, 3)}}
	work.tearDown(e, c.cfg.HomeLink)
	work.add(e.dirty || e.binding.HomeAddress.IsValid(), Delete)
	return c.start(e, work)
}
