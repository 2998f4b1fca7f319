package xfrm

import (
	"context"
	"fmt"
)

// Repair does what Set would do with its last argument and the bindings as
// Bind and Unbind have left them. It is what to call from time to time: unlike
// Set it cannot undo a Bind that came between stating the wish and fulfilling
// it. The error is ErrNotSet before the first Set.
func (k *Kernel) Repair(ctx context.Context) (Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return nil, fmt.Errorf("repairing the kernel's state: %w", ErrNotSet)
	}
	s := setting{kernel: k, desired: k.desired}
	s.desired.Bindings = k.table.bindings()
	err := s.run(ctx)
	return s.done, err
}
