package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"homeagent/agent/session"
	"homeagent/ike"
	"homeagent/ike/vici"
)

var errKernelNotSet = errors.New("the kernel's policies are not in place yet")

// keyer is what sessions see of strongSwan. It promises nothing while the
// kernel would not protect what the key is for.
type keyer struct {
	charon     *ike.Charon
	kernel     *kernelTask
	happenings happenings
}

// Identify is session.Keyer's.
func (k keyer) Identify(userName string) (string, error) { return k.charon.Identify(userName) }

// Arm is session.Keyer's.
func (k keyer) Arm(ctx context.Context, c session.Credential) error {
	if err := k.kernel.healthy(); err != nil {
		return fmt.Errorf("%w: %w", ike.ErrUnavailable, err)
	}
	if err := k.charon.Arm(ctx, ike.Credential(c)); err != nil {
		return blame(err)
	}
	k.happenings.armed(&c)
	return nil
}

// blame names the option that a refusal of charon's is about: the operator wrote
// what charon could not read.
func blame(err error) error {
	var refused *vici.CommandError
	if !errors.As(err, &refused) {
		return err
	}
	if option := blamed(refused.Reason); option != "" {
		return fmt.Errorf("%w (the option %s is not as strongSwan wants it, see swanctl.conf(5))", err, option)
	}
	return err
}

// blamed is the option that charon's words are about, empty for none.
func blamed(words string) string {
	for _, option := range []string{"esp_proposals", "proposals"} {
		if strings.Contains(words, "invalid value for: "+option) {
			return "ike." + option
		}
	}
	return ""
}

// Forget is session.Keyer's.
func (k keyer) Forget(ctx context.Context, home netip.Addr) error {
	return k.charon.Forget(ctx, home)
}
