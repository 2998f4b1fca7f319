package xfrm

import (
	"context"
	"fmt"

	"homeagent/xfrm/internal/object"
)

// Set makes the kernel hold d, and no more of ours than d. It adds before it
// deletes, repairs what others have changed or flushed, and leaves alone what
// is not ours. On an error the changes made so far are returned with it;
// calling again goes on from there.
func (k *Kernel) Set(ctx context.Context, d Desired) (Changes, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var done Changes
	err := k.set(ctx, d, &done)
	return done, err
}

func (k *Kernel) set(ctx context.Context, d Desired, done *Changes) error {
	policies, err := k.comparePolicies(signallingPolicies(d))
	if err != nil {
		return err
	}
	if err := k.execute(ctx, done, policies.put); err != nil {
		return err
	}
	if err := k.setWildcard(done); err != nil {
		return err
	}
	return k.execute(ctx, done, policies.remove)
}

// execute does changes in order until one fails or ctx ends.
func (k *Kernel) execute(ctx context.Context, done *Changes, todo Changes) error {
	for _, c := range todo {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("changing the kernel: %w", err)
		}
		if err := k.apply(done, c.verb, c.object); err != nil {
			return err
		}
	}
	return nil
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

// setWildcard adds the wildcard state. One that someone else added does as
// well and stays theirs.
func (k *Kernel) setWildcard(done *Changes) error {
	want := wildcardState()
	have, found, err := k.platform.State(want.Key())
	switch {
	case err != nil:
		return err
	case !found:
		return k.apply(done, object.Add, want)
	case !have.Wildcard || !have.CareOf.IsUnspecified():
		return fmt.Errorf("comparing states: %q stands where %q belongs and is not ours; delete it",
			have.Command(object.Add), want.Command(object.Add))
	default:
		return nil
	}
}

// CleanUp removes all that is ours.
func (k *Kernel) CleanUp(ctx context.Context) (Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var done Changes
	err := k.cleanUp(ctx, &done)
	return done, err
}

func (k *Kernel) cleanUp(ctx context.Context, done *Changes) error {
	want := wildcardState()
	have, found, err := k.platform.State(want.Key())
	if err != nil {
		return err
	}
	// Without the state no Home Address option is taken, so that nothing
	// unprotected gets in while the policies go.
	if found && have == want {
		if err := k.apply(done, object.Delete, have); err != nil {
			return err
		}
	}
	policies, err := k.comparePolicies(nil)
	if err != nil {
		return err
	}
	return k.execute(ctx, done, policies.remove)
}
