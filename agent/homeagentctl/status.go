package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"homeagent/agent/control"
)

type statusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is shown below the flags.
func (statusCmd) Help() string {
	return `The state is starting, ready or degraded. It is degraded while strongSwan, the kernel or the store fails, no Diameter peer is connected, ` +
		`a changed configuration was refused, sessions or mobile nodes of the configuration are not served, the box lacks what mobile nodes need, or a certificate runs out; each reason is told as a PROBLEM. ` +
		`The exit status is 0 if it is ready, 3 if it is not, 4 if the daemon cannot be reached.`
}

// Run prints the daemon's status.
func (c *statusCmd) Run(e *environment) error {
	status, err := e.client.Status(e)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(e.out, status)
	} else {
		err = printStatus(e.out, styleFor(e.out, os.LookupEnv), &status)
	}
	if err == nil && status.State != control.Ready {
		err = errNotReady
	}
	return err
}

func printStatus(out io.Writer, y style, s *control.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s, version %s, up %s\n", s.Identity, y.in(stateColour(s.State), s.State), s.Version, since(s.Started))
	fmt.Fprintf(w, "sessions\t%d (%s)\n", s.Sessions.Total, sessionCounts(s.Sessions))
	fmt.Fprintf(w, "strongSwan\t%s\n", printable(ikeLine(s.IKE)))
	fmt.Fprintf(w, "kernel\t%s\n", printable(kernelLine(s.Kernel)))
	fmt.Fprintf(w, "store\t%s\n", printable(storeLine(s.Store)))
	for _, p := range s.Prefixes {
		fmt.Fprintf(w, "home prefix\t%s: %d in use, %d held down\n", p.Prefix, p.InUse, p.Held)
	}
	for _, p := range s.Peers {
		fmt.Fprintf(w, "peer\t%s\n", printable(peerLine(p)))
	}
	for _, line := range configurationLines(&s.Configuration) {
		fmt.Fprintf(w, "%s\t%s\n", line[0], printable(line[1]))
	}
	for _, p := range problems(s) {
		fmt.Fprintf(w, "%s\t%s\n", p.label, y.in(p.colour, printable(p.Text)))
		if p.Repair != "" {
			fmt.Fprintf(w, "\trepair: %s\n", printable(p.Repair))
		}
	}
	return w.Flush()
}

// A problem is a warning as it is shown.
type problem struct {
	control.Warning
	label, colour string
}

// problems are the reasons of a state, and then what is not so bad.
func problems(s *control.Status) (all []problem) {
	for _, r := range s.Reasons {
		all = append(all, problem{r, "PROBLEM", red})
	}
	for _, w := range s.Warnings {
		if w.Cause == "" {
			all = append(all, problem{w, "WARNING", yellow})
		}
	}
	return all
}

func stateColour(state string) string {
	switch state {
	case control.Ready:
		return green
	case control.Starting:
		return yellow
	}
	return red
}

// configurationLines tell which configuration is in force, and what is not.
func configurationLines(c *control.ConfigurationStatus) [][2]string {
	lines := [][2]string{{"configuration", "read " + point(c.TakenOver)}}
	if c.Refused != nil {
		first, more, several := strings.Cut(c.Error, "\n")
		lines = append(lines, [2]string{"", "REFUSED " + point(*c.Refused) + ": " + first})
		for line := range strings.SplitSeq(more, "\n") {
			if several {
				lines = append(lines, [2]string{"", line})
			}
		}
	}
	if len(c.Restart) > 0 {
		lines = append(lines, [2]string{"", "WAITING for a restart (systemctl restart homeagent): " + strings.Join(c.Restart, ", ")})
	}
	if c.Unplaced != nil {
		lines = append(lines, [2]string{"", unplaced(c.Unplaced)})
	}
	return lines
}

// unplaced warns of what a restart would do.
func unplaced(u *control.Unplaced) string {
	return fmt.Sprintf("NOT SERVED after the restart: %s, as %s (they would be kept until the configuration has a place for them again)",
		counted(u.Sessions, "session"), u.Text)
}

func storeLine(s control.StoreStatus) string {
	line := s.Path
	if s.Free > 0 {
		line += fmt.Sprintf(", %s free", size(s.Free))
	}
	switch {
	case s.Error != "":
		return fmt.Sprintf("CANNOT BE WRITTEN: %s (%s)", s.Error, line)
	case s.Failed != nil:
		return fmt.Sprintf("%s, %s since the start, the last one %s", line, counted(int(s.Failures), "failed commit"), ago(*s.Failed))
	default:
		return line
	}
}

// size is a number of octets as people read it.
func size(octets uint64) string {
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if octets >>= 10; octets < 10<<10 {
			return fmt.Sprintf("%d %s", octets, unit)
		}
	}
	return fmt.Sprintf("%d TiB", octets>>10)
}

func ikeLine(s control.IKEStatus) string {
	if !s.Connected {
		return "NOT CONNECTED: " + s.Error
	}
	return fmt.Sprintf("connected, %d sessions loaded, %d repairs", s.Loaded, s.Repairs)
}

func kernelLine(s control.KernelStatus) string {
	if !s.InSync {
		return "NOT IN SYNC: " + s.Error
	}
	line := fmt.Sprintf("in sync, %d repairs", s.Repairs)
	if s.ManualError != "" {
		line += ", WITHOUT NODES KEYED BY HAND: " + s.ManualError
	}
	return line
}

func peerLine(p control.Peer) string {
	line := fmt.Sprintf("%s: %s for %s, %s", p.Host, p.State, since(p.Since), p.Secured)
	if p.Address != "" {
		line += ", " + p.Address
	}
	if p.Error != "" {
		line += ", last error: " + p.Error
	}
	return line
}

// sessionCounts is how many sessions are in each state.
func sessionCounts(c control.SessionCounts) string {
	text := fmt.Sprintf("%d established, %d waiting for their first IKE_AUTH", c.Established, c.Armed)
	if c.Manual > 0 {
		text += fmt.Sprintf(", %d keyed by hand", c.Manual)
	}
	if c.Dormant > 0 {
		text += fmt.Sprintf("; %d more dormant", c.Dormant)
	}
	return text
}
