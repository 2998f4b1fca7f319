package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"homeagent/agent/session"
	"homeagent/ike"
)

var errKernelNotSet = errors.New("the kernel's policies are not in place yet")

// keyer is what sessions see of strongSwan. It promises nothing while the
// kernel would not protect what the key is for.
type keyer struct {
	charon *ike.Charon
	kernel *kernelTask
}

// Identify is session.Keyer's.
func (k keyer) Identify(userName string) (string, error) { return k.charon.Identify(userName) }

// Arm is session.Keyer's.
func (k keyer) Arm(ctx context.Context, c session.Credential) error {
	if err := k.kernel.healthy(); err != nil {
		return fmt.Errorf("%w: %w", ike.ErrUnavailable, err)
	}
	return k.charon.Arm(ctx, ike.Credential(c))
}

// Forget is session.Keyer's.
func (k keyer) Forget(ctx context.Context, home netip.Addr) error {
	return k.charon.Forget(ctx, home)
}
