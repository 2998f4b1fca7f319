package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"homeagent/agent/config"
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
