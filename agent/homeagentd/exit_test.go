package main

import (
	"errors"
	"fmt"
	"testing"

	"homeagent/agent/store/boltstore"
)

// Only what the operator has to mend keeps the unit from starting the daemon again.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"a configuration that is not right", errors.Join(configError{errors.New("x")}, nil), exitConfig},
		{"a store of a newer version", fmt.Errorf("opening: %w", boltstore.ErrNewer), exitConfig},
		{"a store whose key is not there", fmt.Errorf("opening: %w", boltstore.ErrSealed), exitConfig},
		{"a damaged store", fmt.Errorf("opening: %w", boltstore.ErrDamaged), exitConfig},
		{"a store that another process has open", fmt.Errorf("opening: %w", boltstore.ErrInUse), 1},
		{"an address that is in use", errors.New("bind: address already in use"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}
