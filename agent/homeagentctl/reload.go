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
	for _, line := range reloadLines(&done) {
		fmt.Fprintln(e.out, printable(line))
	}
	return nil
}

// reloadLines tell what a reload did.
func reloadLines(done *control.Reload) (lines []string) {
	tell := func(what string, names []string) {
		if len(names) > 0 {
			lines = append(lines, what+": "+strings.Join(names, ", "))
		}
	}
	tell("in force", done.TakenOver)
	tell("mobile nodes added", done.MobileNodes.Added)
	tell("mobile nodes with another key", done.MobileNodes.Rekeyed)
	tell("mobile nodes changed, sessions made anew", done.MobileNodes.Changed)
	tell("mobile nodes gone, sessions ended", done.MobileNodes.Ended)
	tell("takes effect at a restart (systemctl restart homeagent)", done.Restart)
	if done.Unplaced != nil {
		lines = append(lines, unplaced(done.Unplaced))
	}
	if len(lines) == 0 {
		lines = append(lines, "no option has changed; files of certificates and keys were read again")
	}
	return lines
}
