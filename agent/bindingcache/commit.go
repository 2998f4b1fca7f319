package bindingcache

import (
	"slices"
	"time"

	"homeagent/agent/mobility"
)

// RetryTime is how long after a failure to take down a binding it is tried again.
const RetryTime = 5 * time.Second

// Commit says that a work is done. The outcome holds the acknowledgement, or the
// next work for the same home address.
func (c *Cache) Commit(w *Work, now time.Time) Outcome {
	e, j := c.finish(w)
	if j == nil {
		return Outcome{HomeAddress: w.HomeAddress, Reason: c.count(Stale)}
	}
	out := c.done(e, j, now)
	c.goOn(e, &out, now)
	return out
}

// Abort says that a work failed at one of its steps, and why: a reason that
// refuses, such as [DuplicateAddress], [StoreFailed] or [KernelFailed]. A
// registration is then taken back by another work, after which the update is
// refused; a binding that was to end is taken for ended and its remains are taken
// down again after [RetryTime]. Only a failure of [MoveIKE] refuses nothing.
func (c *Cache) Abort(w *Work, failed Step, cause Reason, now time.Time) Outcome {
	if _, ok := cause.Refusal(); !ok {
		cause = Failed
	}
	e, j := c.finish(w)
	if j == nil {
		return Outcome{HomeAddress: w.HomeAddress, Reason: c.count(Stale)}
	}
	out := c.failed(e, j, failed, cause, now)
	c.goOn(e, &out, now)
	return out
}

// finish finds the job of a work and takes it off its entry. There is none when
// the work was overtaken, as by a de-registration during detection.
func (c *Cache) finish(w *Work) (*entry, *job) {
	e := c.entries[w.HomeAddress]
	if e == nil || e.job == nil || e.job.work.ticket != w.ticket {
		return nil, nil
	}
	j := e.job
	e.job = nil
	return e, j
}

func (c *Cache) done(e *entry, j *job, now time.Time) Outcome {
	if j.kind == probing {
		again := c.judge(j.update, now)
		again.probed = true
		return c.admit(again)
	}
	e.dirty = e.dirty && j.kind == undoing // which goes back to what was there, no further
	c.become(e, j.work.Old, j.work.New)
	switch j.kind {
	case registering:
		e.request = c.firstRequest(e.binding)
		return c.accept(e, j)
	case deregistering:
		return c.accept(e, j)
	}
	return c.refuseLate(e, j)
}

// become makes a binding the entry's, and gives back the networks that only the
// other one had.
func (c *Cache) become(e *entry, old, new Binding) {
	e.binding = new
	c.release(e, old.Prefixes)
}

// accept acknowledges, unless the binding is to be removed at once.
func (c *Cache) accept(e *entry, j *job) Outcome {
	if e.removal != 0 {
		j.reason = NotAuthorized
		return c.refuseLate(e, j)
	}
	out := c.outcome(e, j.reason)
	out.Reply, out.DropIKE = acknowledge(j.update, c.acceptance(e.binding, j)), j.dropIKE
	return out
}

// acceptance is the acknowledgement of RFC 6275 section 10.3.1, or of section
// 10.3.2 for a binding that lingers.
func (c *Cache) acceptance(b Binding, j *job) mobility.BindingAcknowledgement {
	ack := mobility.BindingAcknowledgement{
		Status: j.status, Sequence: b.Sequence, Lifetime: b.Lifetime,
		Options: mobility.Options{RefreshAdvice: c.advice(b.Lifetime)},
	}
	if j.k {
		ack.Flags |= mobility.AckKeyManagement
	}
	if b.Flags.Has(mobility.FlagMobileRouter) {
		ack.Flags |= mobility.AckMobileRouter
	}
	return ack
}

// refuseLate refuses the update that a work had been started for, if it was for
// one.
func (c *Cache) refuseLate(e *entry, j *job) Outcome {
	out := c.outcome(e, j.reason)
	if j.update == nil {
		return out
	}
	status, _ := j.reason.Refusal()
	out.Reply = acknowledge(j.update, mobility.BindingAcknowledgement{
		Status: status, Sequence: j.update.Message.Sequence,
	})
	return out
}

// advice is the interval to put into a Binding Refresh Advice option, 0 for none:
// half of the lifetime, if the binding might not live that long (RFC 6275 section
// 10.3.1).
func (c *Cache) advice(granted mobility.Lifetime) mobility.Lifetime {
	if !c.cfg.VolatileStore {
		return 0
	}
	return granted / 2
}

func (c *Cache) failed(e *entry, j *job, step Step, cause Reason, now time.Time) Outcome {
	if step == MoveIKE && j.k {
		j.k, j.dropIKE = false, j.work.IKEFrom
		c.count(KeysLeftBehind)
		return c.done(e, j, now)
	}
	j.reason = cause
	switch j.kind {
	case registering:
		return c.undo(e, j, step)
	case deregistering:
		e.dirty = true
		c.become(e, j.work.Old, j.work.New.with(j.work.Old))
	case removing:
		c.retryLater(e, Binding{}, now)
	case undoing:
		if !e.binding.Active() {
			c.retryLater(e, j.work.Old, now)
			break
		}
		e.dirty = true
		c.release(e, j.work.Old.Prefixes)
	}
	return c.refuseLate(e, j)
}

// retryLater leaves a binding that forwards nothing as far as the cache is
// concerned, and whose expiry takes down what may be left of it, and of the one it
// was to become. Their networks are nobody else's before that.
func (c *Cache) retryLater(e *entry, attempted Binding, now time.Time) {
	e.dirty = true
	e.binding = Binding{
		HomeAddress: e.home, CareOf: e.home, HomeAgent: e.binding.HomeAgent,
		Sequence: e.last, Registered: now, Expires: now.Add(RetryTime),
	}.with(e.binding).with(attempted)
}

// undo takes back what a registration did up to the step that failed, and that
// step too, as it may have done half of its work.
func (c *Cache) undo(e *entry, j *job, failed Step) Outcome {
	work := Work{Old: j.work.New, New: e.binding}
	for _, step := range slices.Backward(upTo(j.work.Steps, failed)) {
		work.Steps = append(work.Steps, opposite(step, e.binding))
	}
	c.start(e, &job{kind: undoing, update: j.update, reason: j.reason, work: work})
	out := c.outcome(e, Undoing)
	out.Work = &e.job.work
	return out
}

// upTo returns the steps that were begun; all of them if that is not known. The
// endpoint of key management is left where it is: it follows with the next update.
func upTo(steps []Step, failed Step) []Step {
	if i := slices.Index(steps, failed); i >= 0 {
		return steps[:i+1]
	}
	if i := slices.Index(steps, MoveIKE); i >= 0 {
		return steps[:i]
	}
	return steps
}

// opposite returns what leads from behind a step of a registration back to the
// binding before: the same step towards that one, or to nothing if there was none.
func opposite(step Step, before Binding) Step {
	switch {
	case step == Store && !before.HomeAddress.IsValid():
		return Delete
	case step == Program && !before.Active():
		return Unprogram
	case step == Defend && !before.Active():
		return Relinquish
	}
	return step
}

// goOn starts what had to wait for the end of a work: a removal first, then the
// newest update.
func (c *Cache) goOn(e *entry, out *Outcome, now time.Time) {
	if e.job == nil && e.removal != 0 {
		reason := e.removal
		e.removal = 0
		if e.dirty || e.binding.HomeAddress.IsValid() {
			out.Work = c.remove(e, reason).Work
		}
	}
	if e.job == nil && e.held != nil {
		u := e.held
		e.held = nil
		next := c.admit(c.judge(u, now))
		out.Next = &next
	}
	c.settle(e)
}
