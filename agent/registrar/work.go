package registrar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"homeagent/agent/bindingcache"
)

// ErrDuplicate is what a Probe found another node with.
var ErrDuplicate = errors.New("another node on the home link has the address")

// ErrNetwork is in the error of a Program that failed for a mobile network prefix
// and not for the home address.
var ErrNetwork = errors.New("a mobile network prefix cannot be forwarded")

// An errand is a work on its way.
type errand struct {
	work *bindingcache.Work
	left []bindingcache.Step
}

// A manner is how a step has to be done.
type manner uint8

const (
	done    manner = iota // there is no step left
	prompt                // a call of the kernel
	durable               // part of a commit
	waiting               // for others on the home link, maybe for a second
)

func (e errand) next() manner {
	if len(e.left) == 0 {
		return done
	}
	switch e.left[0] {
	case bindingcache.Store, bindingcache.Delete:
		return durable
	case bindingcache.Probe, bindingcache.Defend:
		return waiting
	default:
		return prompt
	}
}

// begin sees to the steps of a work, and does not wait for them. Works that a
// binding waits for must come to an end, so they do not depend on the daemon's
// life.
func (r *Registrar) begin(w *bindingcache.Work, now time.Time) {
	if r.enter() {
		r.proceed(errand{w, w.Steps}, now)
	}
}

// proceed leads a work to where its next step is done. now is when the last one was.
func (r *Registrar) proceed(e errand, now time.Time) {
	switch e.next() {
	case done:
		r.settle(e.work, 0, nil, now)
	case waiting:
		go r.follow(e, waiting) // for others
	default:
		r.file(e)
	}
}

// follow does steps of one manner, within the time there is for that, and hands
// the work on.
func (r *Registrar) follow(e errand, m manner) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	for ; e.next() == m; e.left = e.left[1:] {
		if err := r.step(ctx, e.work, e.left[0]); err != nil {
			r.settle(e.work, e.left[0], err, time.Now())
			return
		}
	}
	r.proceed(e, time.Now())
}

func (r *Registrar) step(ctx context.Context, w *bindingcache.Work, step bindingcache.Step) error {
	switch step {
	case bindingcache.Probe:
		return r.effects.Probe(ctx, w.New)
	case bindingcache.Program, bindingcache.Move:
		return r.effects.Program(ctx, w.New)
	case bindingcache.Unprogram:
		return r.effects.Unprogram(ctx, w.HomeAddress)
	case bindingcache.Defend:
		return r.effects.Defend(ctx, w.New)
	case bindingcache.Relinquish:
		return r.effects.Relinquish(ctx, w.Old)
	case bindingcache.MoveIKE:
		return r.effects.MoveIKE(ctx, w.IKEFrom, w.IKETo, w.New)
	default:
		return fmt.Errorf("carrying out a binding: step %v is not known", step)
	}
}

// settle tells the cache how a work went and acts on what follows.
func (r *Registrar) settle(w *bindingcache.Work, failed bindingcache.Step, err error, now time.Time) {
	defer r.works.Done()
	r.mu.Lock()
	var outcome bindingcache.Outcome
	if err == nil {
		outcome = r.cache.Commit(w, now)
	} else {
		outcome = r.cache.Abort(w, failed, cause(failed, err), now)
	}
	r.wake()
	r.mu.Unlock()
	if err != nil {
		r.log.Error("a step of a registration failed", "home_address", w.HomeAddress, "step", failed, "error", err)
	}
	r.act(&outcome, now)
}

// cause is the reason the cache gives the mobile node.
func cause(failed bindingcache.Step, err error) bindingcache.Reason {
	switch failed {
	case bindingcache.Probe:
		if errors.Is(err, ErrDuplicate) {
			return bindingcache.DuplicateAddress
		}
		return bindingcache.Failed
	case bindingcache.Store, bindingcache.Delete:
		return bindingcache.StoreFailed
	case bindingcache.Program, bindingcache.Move, bindingcache.Unprogram:
		if errors.Is(err, ErrNetwork) {
			return bindingcache.ForwardingFailed
		}
		return bindingcache.KernelFailed
	default:
		return bindingcache.Failed
	}
}
