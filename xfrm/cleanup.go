package xfrm

import (
	"context"
	"errors"

	"homeagent/xfrm/internal/object"
)

// CleanUp removes all that is ours, also what an earlier process left. Set
// must come before the next Bind.
func (k *Kernel) CleanUp(ctx context.Context) (Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := setting{kernel: k}
	err := s.cleanUp(ctx)
	manual, manualErr := k.dissociate(ctx)
	return append(s.done, manual...), errors.Join(err, manualErr)
}

func (s *setting) cleanUp(ctx context.Context) error {
	s.kernel.table = nil
	// The device takes its routes and filters with it.
	if err := s.otherTunnels(ctx); err != nil {
		return err
	}
	// Without the state no Home Address option is taken, so that nothing
	// unprotected gets in while the policies go.
	want := wildcardState()
	have, found, err := s.kernel.platform.State(want.Key())
	if err != nil {
		return err
	}
	if found && have == want {
		if err := s.kernel.apply(&s.done, object.Delete, have); err != nil {
			return err
		}
	}
	states, err := s.kernel.compareStates(nil)
	if err != nil {
		return err
	}
	policies, err := s.kernel.comparePolicies(nil)
	if err != nil {
		return err
	}
	return s.execute(ctx, append(states.remove, policies.remove...))
}
