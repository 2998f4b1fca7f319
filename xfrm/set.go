package xfrm

import (
	"context"
	"errors"
	"fmt"

	"homeagent/xfrm/internal/object"
)

// Set makes the kernel hold d, and no more of ours than d. It adds before it
// deletes, repairs what others have changed or flushed, and leaves alone what
// is not ours. On an error it has done all the same what does not depend on
// what failed; the changes made are returned with it, and calling again goes
// on from there.
func (k *Kernel) Set(ctx context.Context, d Desired) (Changes, error) {
	d = d.withDefaults()
	if err := d.validate(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := setting{kernel: k, desired: d}
	err := s.run(ctx)
	return s.done, err
}

// setting is one run of Set.
type setting struct {
	kernel  *Kernel
	desired Desired
	done    Changes
	// remove is what goes when all is there that should be, in the reverse
	// order.
	remove Changes
}

func (s *setting) run(ctx context.Context) error {
	s.kernel.desired = s.desired
	s.kernel.desired.Bindings = nil // the table has them
	err := errors.Join(s.signalling(ctx), s.dataPlane(ctx))
	if err == nil {
		err = s.execute(ctx, s.removals())
	}
	if err != nil && s.kernel.table != nil {
		s.kernel.table.doubt()
	}
	return err
}

func (s *setting) removals() Changes {
	list := make(Changes, 0, len(s.remove))
	for i := len(s.remove) - 1; i >= 0; i-- {
		list = append(list, s.remove[i])
	}
	return list
}

// execute does changes in order until one fails or ctx ends.
func (s *setting) execute(ctx context.Context, todo Changes) error {
	for _, c := range todo {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("changing the kernel: %w", err)
		}
		if err := s.kernel.apply(&s.done, c.verb, c.object); err != nil {
			return err
		}
	}
	return nil
}

// signalling sets all policies, and the wildcard state once nothing can come
// in without them.
func (s *setting) signalling(ctx context.Context) error {
	want := signallingPolicies(s.desired)
	for _, b := range s.desired.Bindings {
		want = append(want, b.policies()...)
	}
	d, err := s.kernel.comparePolicies(want)
	if err != nil {
		return err
	}
	s.remove = append(s.remove, d.remove...)
	if err := s.execute(ctx, d.put); err != nil {
		return err
	}
	return errors.Join(s.wildcard(), s.states(ctx))
}

// states sets the states of bindings.
func (s *setting) states(ctx context.Context) error {
	var want []object.State
	if s.desired.RouteOptimization {
		for _, b := range s.desired.Bindings {
			want = append(want, b.states()...)
		}
	}
	d, err := s.kernel.compareStates(want)
	if err != nil {
		return err
	}
	s.remove = append(s.remove, d.remove...)
	return s.execute(ctx, d.put)
}

// compareStates compares the states of bindings in the kernel with want.
func (k *Kernel) compareStates(want []object.State) (difference, error) {
	have, err := k.platform.States()
	if err != nil {
		return difference{}, err
	}
	var ours []object.State
	for _, s := range have {
		if s.ReqID == bindingReqID {
			ours = append(ours, s)
		}
	}
	return compare(want, ours), nil
}

// wildcard adds the wildcard state. One that someone else added does as well
// and stays theirs.
func (s *setting) wildcard() error {
	want := wildcardState()
	have, found, err := s.kernel.platform.State(want.Key())
	switch {
	case err != nil:
		return err
	case !found:
		return s.kernel.apply(&s.done, object.Add, want)
	case !have.Wildcard || !have.CareOf.IsUnspecified():
		return fmt.Errorf("comparing states: %q stands where %q belongs and is not ours; delete it",
			have.Command(object.Add), want.Command(object.Add))
	default:
		return nil
	}
}

// comparePolicies compares our policies in the kernel with want.
func (k *Kernel) comparePolicies(want []object.Policy) (difference, error) {
	have, err := k.platform.Policies()
	if err != nil {
		return difference{}, err
	}
	wanted := make(map[object.PolicyKey]object.Policy, len(want))
	for _, p := range want {
		wanted[p.Key()] = p
	}
	var ours []object.Policy
	for _, p := range have {
		if PolicyPriorities().Contains(p.Priority) {
			ours = append(ours, p)
		} else if w, clash := wanted[p.Key()]; clash {
			return difference{}, fmt.Errorf("comparing policies: %q stands where %q belongs and is not ours "+
				"(its priority is %d, ours are from %d to %d); delete it",
				p.Command(object.Add), w.Command(object.Add), p.Priority,
				PolicyPriorities().First, PolicyPriorities().Last)
		}
	}
	return compare(want, ours), nil
}
