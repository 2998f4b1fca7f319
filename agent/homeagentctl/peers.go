package main

import (
	"fmt"
	"io"
	"net/netip"
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
	style := styleFor(e.out, os.LookupEnv)
	if err := printPeers(e.out, style, all.Peers); err != nil {
		return err
	}
	return printStrangers(e.out, style, all.Strangers)
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
			{"last refusal", lastRefusal(&p)},
			{"which means", meaning(&p)},
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
	return p.Error + " (" + ago(*p.ErrorAt) + ")"
}

// lastRefusal leaves out what the last error says already.
func lastRefusal(p *control.Peer) string {
	if p.Refusal == nil {
		return ""
	}
	line := refusalLine(p.Refusal)
	if p.Refusal.Text != p.Error {
		line += ": " + p.Refusal.Text
	}
	return line
}

// meaning is for a peer that is away.
func meaning(p *control.Peer) string {
	if p.Refusal == nil || p.Open {
		return ""
	}
	return p.Refusal.Meaning
}

// refusalLine is a connection that came to nothing, without the text.
func refusalLine(r *control.Refusal) string {
	line := r.Reason
	switch {
	case r.Remote != "" && r.Initiated:
		line += ", connecting to " + r.Remote
	case r.Remote != "":
		line += ", from " + r.Remote
	}
	if r.Times > 1 {
		line += fmt.Sprintf(", %d times", r.Times)
	}
	return line + " (" + since(r.Time) + " ago)"
}

// printStrangers shows refused connections of no peer in the configuration.
func printStrangers(out io.Writer, s style, strangers []control.Refusal) error {
	if len(strangers) == 0 {
		return nil
	}
	fmt.Fprintf(out, "\n%s\n", s.in(bold, "refused connections of nobody in the list of peers, the last first"))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range strangers {
		who := "it did not say who it is"
		if r.Host != "" {
			who = "it calls itself " + r.Host
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", printable(refusalLine(&r)), printable(who), printable(r.Text))
	}
	return w.Flush()
}

func remote(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
