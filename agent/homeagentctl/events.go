package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"homeagent/agent/control"
	"homeagent/agent/events"
)

type eventsCmd struct {
	Kind   []string `help:"Only of these kinds, listed below." enum:"${kinds}" placeholder:"KIND"`
	HoA    ipv6     `name:"hoa" help:"Only what concerns this home address." placeholder:"ADDR"`
	User   string   `help:"Only what concerns this user." placeholder:"NAME"`
	Peer   string   `help:"Only what concerns this Diameter peer." placeholder:"NAME"`
	Alerts bool     `help:"Only what somebody should look after."`
	Last   int      `help:"Begin with that many of the last events (${default})." default:"10" placeholder:"N"`
	Since  duration `help:"Begin with all that happened in this time, such as 10m, instead." placeholder:"DURATION"`
	Once   bool     `help:"Print what is kept, and end."`
	JSON   bool     `name:"json" help:"Print a line of JSON for each event."`
}

// Help is shown below the flags, and in the manual.
func (eventsCmd) Help() string {
	var b strings.Builder
	b.WriteString("It follows what happens until it is interrupted. The daemon keeps the last ")
	fmt.Fprintf(&b, "%d events of level debug, as many of level info, and as many alerts", events.Kept)
	b.WriteString(", and none across a restart; when it restarts, this command waits for it and goes on. " +
		"A reader that is too slow loses events, and is told how many. Keys are in no event. The kinds:\n\n")
	for _, k := range events.Kinds() {
		fmt.Fprintf(&b, "  %-22s %s\n", k, k.Sentence())
	}
	b.WriteString("\nThose of level info and above are in the journal, too, with a MESSAGE_ID that 'journalctl -x' explains " +
		"and the fields HOA, SESSION, PEER and RESULT:\n\n  journalctl -x -u homeagent HOA=2001:db8::1000")
	return b.String()
}

// kindNames are what --kind takes.
func kindNames() string {
	var names []string
	for _, k := range events.Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ",")
}

func (c *eventsCmd) kinds() ([]events.Kind, error) {
	kinds := make([]events.Kind, len(c.Kind))
	for i, name := range c.Kind {
		if err := kinds[i].UnmarshalText([]byte(name)); err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

// Run follows the events until it is interrupted.
func (c *eventsCmd) Run(e *environment) error {
	if c.Last < 0 {
		return usageError{fmt.Errorf("--last is %d (must be 0 or more)", c.Last)}
	}
	kinds, err := c.kinds()
	if err != nil {
		return usageError{err}
	}
	follow := control.Follow{Once: c.Once, Filter: events.Filter{
		Kinds: kinds, HomeAddress: c.HoA.Addr, UserName: c.User, Peer: c.Peer, Alerts: c.Alerts,
	}}
	if c.Since > 0 {
		follow.After = time.Now().Add(-time.Duration(c.Since))
	} else {
		follow.Last = c.Last
	}
	err = (&follower{environment: e, command: c, style: styleFor(e.out, os.LookupEnv)}).run(follow)
	if e.Err() != nil {
		return nil // that is how it ends
	}
	return err
}

// retryPause lies between two attempts to reach a daemon that went away.
const retryPause = 300 * time.Millisecond

// A follower prints events, whichever daemon they come from.
type follower struct {
	*environment
	command *eventsCmd
	style   style
	last    time.Time // of the last event seen
}

func (f *follower) run(follow control.Follow) error {
	f.last = time.Now()
	ever, begun := false, false
	follow.Began = func() {
		if ever {
			fmt.Fprintln(f.errors, "homeagentctl: the daemon is back")
		}
		ever, begun = true, true
	}
	for {
		begun = false
		err := f.client.Events(f, follow, f.print)
		switch {
		case f.command.Once, !ever, begun && err != nil && !errors.Is(err, control.ErrInterrupted):
			return err
		case f.Err() != nil:
			return nil
		case begun:
			fmt.Fprintln(f.errors, "homeagentctl: the daemon has ended; waiting for it to come back")
			follow.Start = events.Start{After: f.last}
		}
		f.pause()
	}
}

func (f *follower) pause() {
	select {
	case <-time.After(retryPause):
	case <-f.Done():
	}
}

func (f *follower) print(e control.Event) error {
	f.last = e.Time
	if f.command.JSON {
		return json.NewEncoder(f.out).Encode(e)
	}
	_, err := fmt.Fprintln(f.out, f.style.eventLine(&e.Event))
	return err
}

// eventLine is an event as people read it.
func (s style) eventLine(e *events.Event) string {
	at := e.Time.Local().Format(exactFormat)
	if e.Kind == events.Lost {
		return at + " " + s.in(yellow, fmt.Sprintf("%s lost: this reader is too slow", counted(int(e.Lost), "event")))
	}
	line := at + " " + s.level(e.Kind.Level(), fmt.Sprintf("%-20s", e.Kind)) + pairs(
		"user", e.UserName, "hoa", events.AddressText(e.HomeAddress), "coa", events.AddressText(e.CareOf), "ha", events.AddressText(e.HomeAgent),
		"session", e.SessionID, "peer", e.Peer, "from", remote(e.Remote), "result", e.Result)
	if e.Detail != "" {
		line += "  " + printable(e.Detail)
	}
	return line
}
