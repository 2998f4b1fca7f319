package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
)

// check looks at what a configuration names outside of itself, as far as that is
// there without the daemon; one that runs is asked for its sessions. What may work and is hardly meant goes to doubts.
func check(ctx context.Context, file string, cfg *config.Config, box doctor.System, out, doubts io.Writer) error {
	report := doctor.Examine(ctx, doctor.Subject{File: file, Config: cfg, System: box}, doctor.OfConfiguration(), nil)
	var wrong []string
	for _, f := range report.Findings {
		text := f.Text
		if f.Repair != "" {
			text += " (try: " + f.Repair + ")"
		}
		switch f.Status {
		case doctor.Failure:
			if f.Option == "" {
				text = file + ": " + text
			}
			wrong = append(wrong, text)
		case doctor.Warning:
			fmt.Fprintf(doubts, "warning: %s\n", text)
		}
	}
	if len(wrong) > 0 {
		return configError{errors.New(strings.Join(wrong, "\n"))}
	}
	fmt.Fprintf(out, "%s is right\n", file)
	return nil
}
