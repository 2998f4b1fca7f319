package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"homeagent/agent/control"
)

type topCmd struct {
	Every duration `help:"Pause between two looks (${default})." default:"1s" placeholder:"DURATION"`
	Once  bool     `help:"Look twice, print the difference once, and end; so it is where standard output is no terminal."`
	JSON  bool     `name:"json" help:"Print what it looks at as JSON, once."`
}

// Help is shown below the flags.
func (topCmd) Help() string {
	return `It shows rates of HMRs and Binding Updates, how long their answers took, sessions, bindings, peers, the health of ` +
		`strongSwan, kernel and store, and what is refused most, until it is interrupted.`
}

func (c *topCmd) pause() time.Duration { return time.Duration(c.Every) }

// leastPause is the shortest one worth drawing.
const leastPause = 100 * time.Millisecond

// Run shows the live view.
func (c *topCmd) Run(e *environment) error {
	if c.pause() < leastPause {
		return usageError{fmt.Errorf("--every is %v (must be %v or more)", c.pause(), leastPause)}
	}
	first, err := look(e)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(e.out, first)
	case c.Once || !isTerminal(e.out):
		return c.once(e, first)
	}
	return c.live(e, first)
}

// look asks for all that is shown.
func look(e *environment) (s control.Snapshot, err error) {
	s.Schema = control.Schema
	if s.Status, err = e.client.Status(e); err != nil {
		return s, err
	}
	return s, e.client.Get(e, "/v1/activity", nil, &s.Activity)
}

func (c *topCmd) once(e *environment, first control.Snapshot) error {
	select {
	case <-time.After(c.pause()):
	case <-e.Done():
		return nil
	}
	second, err := look(e)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(e.out, frame(&first, &second, screen{width: unlimited, height: unlimited}))
	return err
}

// What draws a live view, in terms of ECMA-48 and xterm.
const (
	enter = "\x1b[?1049h\x1b[?25l" // another screen, no cursor
	leave = "\x1b[?25h\x1b[?1049l"
	top   = "\x1b[H"
	rest  = "\x1b[J" // erase what is below
)

// live draws until it is interrupted. A daemon that goes away is waited for.
func (c *topCmd) live(e *environment, before control.Snapshot) error {
	e.client.Waiting = nil // the screen is in use
	fmt.Fprint(e.out, enter)
	defer fmt.Fprint(e.out, leave)
	s := styleFor(e.out, os.LookupEnv)
	ticker := time.NewTicker(c.pause())
	defer ticker.Stop()
	now, problem := before, ""
	for {
		width, height := columns(e.out)
		view := screen{style: s, width: width, height: height, problem: problem, erase: true}
		fmt.Fprint(e.out, top+frame(&before, &now, view)+rest)
		select {
		case <-e.Done():
			return nil
		case <-ticker.C:
		}
		next, err := c.within(e)
		if err != nil {
			problem = err.Error()
			continue
		}
		before, now, problem = now, next, ""
	}
}

// within looks for no longer than a few pauses: a daemon that hangs is shown as
// such.
func (c *topCmd) within(e *environment) (control.Snapshot, error) {
	ctx, cancel := context.WithTimeout(e, max(3*c.pause(), 3*time.Second))
	defer cancel()
	bounded := *e
	bounded.Context = ctx
	return look(&bounded)
}
