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

// durable reports whether the next step is the clerk's.
func (e errand) durable() bool {
	return len(e.left) > 0 && (e.left[0] == bindingcache.Store || e.left[0] == bindingcache.Delete)
}

// proceed sees to the steps that are left, and does not wait for them. A refresh,
// which is to be stored and nothing else, takes no goroutine of its own.
func (r *Registrar) proceed(e errand) {
	switch {
	case len(e.left) == 0:
		r.settle(e.work, 0, nil)
	case e.durable():
		r.file(e)
	default:
		go r.walk(e)
	}
}

// walk does steps up to one that is the clerk's. Works that a binding waits for
// must come to an end, so they do not depend on the daemon's life; their time is
// bounded.
func (r *Registrar) walk(e errand) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	if e.left[0] == bindingcache.Probe {
		// A second of waiting, which is not worth a slot.
		if err := r.effects.Probe(ctx, e.work.New); err != nil {
			r.settle(e.work, bindingcache.Probe, err)
			return
		}
		e.left = e.left[1:]
	}
	r.slots <- struct{}{}
	e, err := r.steps(ctx, e)
	<-r.slots
	if err != nil {
		r.settle(e.work, e.left[0], err)
		return
	}
	r.proceed(e)
}

// steps returns what is left then: the step that failed and those behind it, if
// there is an error.
func (r *Registrar) steps(ctx context.Context, e errand) (errand, error) {
	for len(e.left) > 0 && !e.durable() {
		if err := r.step(ctx, e.work, e.left[0]); err != nil {
			return e, err
		}
		e.left = e.left[1:]
	}
	return e, nil
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
		return r.effects.MoveIKE(ctx, w.IKEPeer, w.New)
	default:
		return fmt.Errorf("carrying out a binding: step %v is not known", step)
	}
}

// settle tells the cache how a work went and acts on what follows.
func (r *Registrar) settle(w *bindingcache.Work, failed bindingcache.Step, err error) {
	defer r.works.Done()
	r.mu.Lock()
	var outcome bindingcache.Outcome
	if err == nil {
		outcome = r.cache.Commit(w, time.Now())
	} else {
		outcome = r.cache.Abort(w, failed, cause(failed, err), time.Now())
	}
	r.wake()
	r.mu.Unlock()
	if err != nil {
		r.log.Error("a step of a registration failed", "home_address", w.HomeAddress, "step", failed, "error", err)
	}
	r.act(&outcome)
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
