package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"homeagent/agent/control"
)

type statusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the daemon's status.
func (c *statusCmd) Run(e *environment) error {
	status, err := e.client.Status(e)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.out, status)
	}
	return printStatus(e.out, status)
}

func printStatus(out io.Writer, s control.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s, version %s, up %s\n", s.Identity, s.State, s.Version, since(s.Started))
	fmt.Fprintf(w, "sessions\t%d (%d established, %d waiting for their first IKE_AUTH)\n", s.Sessions.Total, s.Sessions.Established, s.Sessions.Armed)
	fmt.Fprintf(w, "strongSwan\t%s\n", ikeLine(s.IKE))
	fmt.Fprintf(w, "kernel\t%s\n", kernelLine(s.Kernel))
	fmt.Fprintf(w, "store\t%s\n", storeLine(s.Store))
	for _, p := range s.Prefixes {
		fmt.Fprintf(w, "home prefix\t%s: %d in use, %d held down\n", p.Prefix, p.InUse, p.Held)
	}
	for _, p := range s.Peers {
		fmt.Fprintf(w, "peer\t%s\n", peerLine(p))
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(w, "WARNING\t%s\n", warning.Text)
		if warning.Repair != "" {
			fmt.Fprintf(w, "\trepair: %s\n", warning.Repair)
		}
	}
	return w.Flush()
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
		return fmt.Sprintf("%s, %s since the start, the last one %s ago", line, counted(int(s.Failures), "failed commit"), since(*s.Failed))
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
	return fmt.Sprintf("in sync, %d repairs", s.Repairs)
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

func since(t time.Time) string {
	if t.IsZero() {
		return "ever"
	}
	return time.Since(t).Round(time.Second).String()
}
