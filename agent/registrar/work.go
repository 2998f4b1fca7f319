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

// carryOut does the steps of a work and hands it back to the cache. Works that
// a binding waits for must come to an end, so they do not depend on the
// daemon's life; their time is bounded.
func (r *Registrar) carryOut(w *bindingcache.Work) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	steps := w.Steps
	if len(steps) > 0 && steps[0] == bindingcache.Probe {
		// A second of waiting, which is not worth a slot.
		if err := r.effects.Probe(ctx, w.New); err != nil {
			r.settle(w, bindingcache.Probe, err)
			return
		}
		steps = steps[1:]
	}
	r.slots <- struct{}{}
	failed, err := r.steps(ctx, w, steps)
	<-r.slots
	r.settle(w, failed, err)
}

func (r *Registrar) steps(ctx context.Context, w *bindingcache.Work, steps []bindingcache.Step) (failed bindingcache.Step, err error) {
	for _, step := range steps {
		if err := r.step(ctx, w, step); err != nil {
			return step, err
		}
	}
	return 0, nil
}

func (r *Registrar) step(ctx context.Context, w *bindingcache.Work, step bindingcache.Step) error {
	switch step {
	case bindingcache.Probe:
		return r.effects.Probe(ctx, w.New)
	case bindingcache.Store:
		return r.effects.Store(ctx, w.New)
	case bindingcache.Delete:
		return r.effects.Delete(ctx, w.HomeAddress)
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
	r.mu.Lock()
	var outcome bindingcache.Outcome
	if err == nil {
		outcome = r.cache.Commit(w, time.Now())
	} else {
		outcome = r.cache.Abort(w, failed, cause(failed, err), time.Now())
	}
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
