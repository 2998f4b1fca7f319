package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"homeagent/agent/control"
)

type sessionsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists all sessions.
func (c *sessionsCmd) Run(e *environment) error {
	sessions, err := e.client.Sessions(e)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.out, sessions)
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER NAME\tHOME ADDRESS\tHOME AGENT\tSTATE\tEXPIRES\tFROM")
	for _, s := range sessions.Sessions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(s.UserName), s.HomeAddress, s.HomeAgent, s.State, expires(s), printable(from(s)))
	}
	return w.Flush()
}

type sessionCmd struct {
	ID   string `arg:"" help:"Session-Id, User-Name or home address."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run shows one session.
func (c *sessionCmd) Run(e *environment) error {
	s, err := e.client.Session(e, c.ID)
	if err != nil {
		return pointTo("homeagentctl sessions", err)
	}
	if c.JSON {
		return printJSON(e.out, control.OneSession{Schema: control.Schema, Session: s})
	}
	return printSession(e.out, s)
}

func printSession(out io.Writer, s control.Session) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"user name", s.UserName},
		{"session id", s.ID},
		{"home address", s.HomeAddress.String()},
		{"home agent address", s.HomeAgent.String()},
		{"state", s.State},
		{"care-of address", s.CareOf},
		{"key id", keyID(s)},
		{"key fingerprint", s.KeyFingerprint},
		{"from", fromWhom(s)},
		{"accounting id", s.AcctID},
		{"authorized", point(s.Authorized)},
		{"established", pointOr("", s.Established)},
		{"expires", pointOr("never", s.Expires)},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], printable(line[1]))
		}
	}
	return w.Flush()
}

// configured tells a mobile node of the configuration from those of AAA servers.
func configured(s control.Session) bool { return s.Source == "configuration" }

// from is the AAA server, or else where the session comes from.
func from(s control.Session) string {
	if configured(s) {
		return s.Source
	}
	return s.OriginHost
}

// fromWhom is from with the way that it came.
func fromWhom(s control.Session) string {
	if configured(s) {
		return "the configuration of this home agent"
	}
	return "AAA server " + s.OriginHost + " (realm " + s.OriginRealm + ", through " + s.Peer + ")"
}

func keyID(s control.Session) string {
	if configured(s) {
		return ""
	}
	return fmt.Sprint(s.KeyID)
}

// pointTo names the command that lists what there is, if something was not found.
func pointTo(command string, err error) error {
	if errors.Is(err, control.ErrNotFound) {
		return fmt.Errorf("%w (%s lists what there is)", err, command)
	}
	return err
}

func expires(s control.Session) string {
	if s.Expires == nil {
		return "never"
	}
	return distance(*s.Expires)
}

type releaseCmd struct {
	ID   string `arg:"" help:"Session-Id, User-Name or home address."`
	JSON bool   `name:"json" help:"Print the session as it was, as JSON."`
}

// Run ends one session.
func (c *releaseCmd) Run(e *environment) error {
	was, err := e.client.Release(e, c.ID)
	if err != nil {
		return pointTo("homeagentctl sessions", err)
	}
	if c.JSON {
		return printJSON(e.out, was)
	}
	fmt.Fprintf(e.out, "released %s: home address %s, session %s\n", printable(was.UserName), was.HomeAddress, printable(was.ID))
	if !was.KeyRemoved {
		fmt.Fprintln(e.out, "strongSwan is away: it removes the key and its security associations as soon as it is back")
	}
	return nil
}

func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
