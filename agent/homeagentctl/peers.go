package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"homeagent/agent/control"
)

type peersCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists the Diameter peers.
func (c *peersCmd) Run(e *environment) error {
	var all control.Peers
	if err := e.client.Get(e, "/v1/peers", nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.out, all)
	}
	return printPeers(e.out, styleFor(e.out, os.LookupEnv), all.Peers)
}

// printPeers shows each peer in a paragraph: errors are long.
func printPeers(out io.Writer, s style, peers []control.Peer) error {
	if len(peers) == 0 {
		_, err := fmt.Fprintln(out, "there are no peers: name them in diameter.peer of /etc/homeagent/homeagent.toml")
		return err
	}
	for i, p := range peers {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s  %s for %s\n", s.in(bold, printable(p.Host)), s.in(peerColour(&p), peerState(&p)), since(p.Since))
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, line := range [][2]string{
			{"realm", p.Realm},
			{"connection", connection(&p)},
			{"secured by", p.Secured},
			{"product", p.Product},
			{"requests", fmt.Sprintf("%d received, %d answered, %d refused unread, %d too many at once, %d repeated",
				p.Counters.Requests, p.Counters.Answers, p.Counters.Refused, p.Counters.TooBusy, p.Counters.Duplicates)},
			{"now", fmt.Sprintf("%d being served, %d waiting", p.Counters.InProgress, p.Counters.Queued)},
			{"history", fmt.Sprintf("connected %s, suspected %s, lost its sessions %s",
				counted(int(p.Counters.Connections), "time"), counted(int(p.Counters.Failovers), "time"), counted(int(p.Counters.StateLosses), "time"))},
			{"last error", lastError(&p)},
		} {
			if line[1] != "" {
				fmt.Fprintf(w, "  %s\t%s\n", line[0], printable(line[1]))
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// peerState is the state of the machine of RFC 6733, and the watchdog's opinion
// where that is another.
func peerState(p *control.Peer) string {
	if p.Open || p.Address == "" {
		return p.State
	}
	return p.State + " (" + p.Health + ")"
}

func peerColour(p *control.Peer) string {
	switch {
	case p.Open:
		return green
	case p.Address != "":
		return yellow
	}
	return red
}

func connection(p *control.Peer) string {
	switch {
	case p.Address != "":
		return p.Address + " over " + p.Transport
	case p.Connect != "":
		return "none; we connect to " + p.Connect
	}
	return "none; the peer connects to us"
}

func lastError(p *control.Peer) string {
	if p.Error == "" || p.ErrorAt == nil {
		return p.Error
	}
	return p.Error + " (" + since(*p.ErrorAt) + " ago)"
}
