package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"homeagent/agent/config"
	"homeagent/agent/instance"
	"homeagent/ike"
	"homeagent/xfrm"
)

// cleanUp removes what is ours from the kernel and from charon, and tells what
// that was.
func cleanUp(ctx context.Context, cfg *config.Config, kernel *xfrm.Kernel, log *slog.Logger, out io.Writer) error {
	changes, err := kernel.CleanUp(ctx)
	if len(changes) > 0 {
		fmt.Fprintln(out, changes)
	}
	removed, ikeErr := ike.CleanUp(ctx, cfg.IKE.Socket, log)
	for _, what := range removed {
		fmt.Fprintln(out, what)
	}
	return errors.Join(err, ikeErr)
}

// alone explains why there cannot be another home agent.
func alone(err error, cfg *config.Config, cleaning bool) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return cfg.Problem("control.socket", "%v (the daemon's user must be able to write in its folder)", err)
	case !errors.Is(err, instance.ErrTaken):
		return err
	case cleaning:
		return fmt.Errorf("cleaning up: %w: it would put all of it back (stop it first: systemctl stop homeagent)", err)
	default:
		return fmt.Errorf("starting: %w: they would undo each other's policies in the kernel and connections in strongSwan", err)
	}
}
