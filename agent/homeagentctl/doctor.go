package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/agent/version"
)

type doctorCmd struct {
	Config string `help:"Configuration file (${default})." default:"/etc/homeagent/homeagent.toml" placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help is shown below the flags.
func (doctorCmd) Help() string {
	return `It looks at kernel, network, strongSwan, files, clock, Diameter peers and the daemon, and changes nothing. ` +
		`While the daemon runs it is asked how the peers are; before that, those that are connected to by us are connected to for a moment. ` +
		`What only root can see is a warning for others. The exit status is 1 if anything fails; warnings do not count.`
}

// Run examines this box.
func (c *doctorCmd) Run(e *environment) error { return c.examine(e, machine.Linux{}) }

func (c *doctorCmd) examine(e *environment, system doctor.System) error {
	cfg, err := config.Load(c.Config)
	if cfg == nil {
		cfg = config.Defaults()
	}
	if e.socket != "" && e.socket != defaultSocket {
		cfg.Control.Socket = e.socket
	}
	waiting := progress{out: e.errors, rewrites: isTerminal(e.errors)}
	report := doctor.Examine(e, doctor.Subject{
		File: c.Config, Config: cfg, ConfigError: notFound(err), Settings: os.Getenv("STRONGSWAN_CONF"), System: system,
	}, doctor.Checks(), waiting.tell)
	waiting.end()
	report.Version = version.Version
	if c.JSON {
		err = printJSON(e.out, report)
	} else {
		err = printReport(e.out, report, styleFor(e.out, os.LookupEnv).coloured)
	}
	if err == nil && report.Summary.Failures > 0 {
		err = fmt.Errorf("this box is not ready: %s", counted(report.Summary.Failures, "failure"))
	}
	return err
}

// notFound keeps the doctor from repeating the hint of the daemon's flags.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

// labels are the words in front of findings, and the colours of ECMA-48,
// all of one length for the tabwriter.
var labels = map[doctor.Status]struct{ word, colour string }{
	doctor.OK:      {" ok ", "\x1b[0;32m"},
	doctor.Warning: {"warn", "\x1b[0;33m"},
	doctor.Failure: {"FAIL", "\x1b[1;31m"},
}

const plain = "\x1b[0m"

func printReport(out io.Writer, r doctor.Report, coloured bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r.Findings {
		label := labels[f.Status]
		word := label.word
		if coloured {
			word = label.colour + word + plain
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", word, strings.ReplaceAll(f.Check, "_", " "), f.Text)
		blank := "    "
		if coloured {
			blank = label.colour + blank + plain
		}
		if f.Repair != "" {
			fmt.Fprintf(w, "%s\t\trepair: %s\n", blank, f.Repair)
		}
		if f.Lasting != "" {
			fmt.Fprintf(w, "%s\t\tand for the next boot: %s\n", blank, f.Lasting)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s := r.Summary
	_, err := fmt.Fprintf(out, "%d ok, %s, %s\n", s.OK, counted(s.Warnings, "warning"), counted(s.Failures, "failure"))
	return err
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// A progress tells what is waited for: on a terminal in one line that goes away,
// elsewhere once.
type progress struct {
	out      io.Writer
	rewrites bool
	seconds  int
}

func (p *progress) tell(pending []string) {
	p.seconds++
	what := strings.ReplaceAll(strings.Join(pending, ", "), "_", " ")
	switch {
	case p.rewrites:
		fmt.Fprintf(p.out, "\r\x1b[Kchecking %s (%d s)", what, p.seconds)
	case p.seconds == 1:
		fmt.Fprintf(p.out, "checking %s\n", what)
	}
}

func (p *progress) end() {
	if p.rewrites && p.seconds > 0 {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func isTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}
