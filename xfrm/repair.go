package xfrm

import (
	"context"
	"fmt"
)

// Repair is Set with what is desired already: the last Set's, as Bind and
// Unbind have changed it since. It may run beside them.
func (k *Kernel) Repair(ctx context.Context) (Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return nil, fmt.Errorf("repairing the kernel's state: %w", ErrNotSet)
	}
	d := k.desired
	for _, e := range k.table.entries {
		if e.binding.HomeAddress.IsValid() {
			d.Bindings = append(d.Bindings, e.binding)
		}
	}
	s := setting{kernel: k, desired: d}
	err := s.run(ctx)
	return s.done, err
}
