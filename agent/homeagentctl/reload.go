package main

import (
	"errors"
	"fmt"
	"strings"

	"homeagent/agent/control"
)

type reloadCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run has the daemon read its configuration again.
func (c *reloadCmd) Run(e *environment) error {
	done, err := e.client.Reload(e)
	if errors.Is(err, control.ErrUnreachable) {
		return err
	}
	if err != nil {
		return fmt.Errorf("the configuration in force stays as it was: %w", err)
	}
	if c.JSON {
		return printJSON(e.out, done)
	}
	if len(done.TakenOver) > 0 {
		fmt.Fprintf(e.out, "in force: %s\n", strings.Join(done.TakenOver, ", "))
	}
	if len(done.Restart) > 0 {
		fmt.Fprintf(e.out, "takes effect at a restart (systemctl restart homeagent): %s\n", strings.Join(done.Restart, ", "))
	}
	if done.Unplaced != nil {
		fmt.Fprintln(e.out, printable(unplaced(done.Unplaced)))
	}
	if len(done.TakenOver)+len(done.Restart) == 0 {
		fmt.Fprintln(e.out, "no option has changed; files of certificates were read again")
	}
	return nil
}
