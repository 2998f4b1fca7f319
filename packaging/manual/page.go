package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Page is the manual page of a command as mdoc(7): name, synopsis, options and
// commands. What follows these is the caller's to append.
func Page(app *kong.Application, section string, date time.Time) string {
	var p page
	p.line(".Dd %s", date.Format("January 2, 2006"))
	p.line(".Dt %s %s", strings.ToUpper(app.Name), section)
	p.line(".Os homeagent")
	p.line(".Sh NAME")
	p.line(".Nm %s", app.Name)
	p.line(".Nd %s", summary(app.Help))
	p.line(".Sh SYNOPSIS")
	p.synopsis(app)
	p.line(".Sh DESCRIPTION")
	p.text(app.Help)
	p.details(app.Node)
	if flags := visible(app.Flags); len(flags) > 0 {
		p.line(".Sh OPTIONS")
		p.flags(flags)
	}
	if commands := app.Leaves(true); len(commands) > 0 {
		p.line(".Sh COMMANDS")
		for _, c := range commands {
			p.command(c)
		}
	}
	return p.String()
}

// summary makes a first sentence fit behind "NAME - ".
func summary(help string) string {
	first, _, _ := strings.Cut(help, "\n")
	first = strings.TrimSuffix(first, ".")
	if first == "" {
		return ""
	}
	return Escape(strings.ToLower(first[:1]) + first[1:])
}

type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) synopsis(app *kong.Application) {
	p.line(".Nm")
	for _, f := range visible(app.Flags) {
		p.line(".Op %s", spelled(f))
	}
	p.positionals(app.Positional)
	if len(app.Leaves(true)) > 0 {
		p.line(".Ar command")
		p.line(".Op Ar ...")
	}
}

// command describes one command, in a section of its own.
func (p *page) command(c *kong.Node) {
	p.line(".Ss %s", Escape(c.Path()))
	p.line(".Bd -ragged -compact")
	p.line(".Nm Cm %s", Escape(c.Path()))
	flags := ownFlags(c)
	for _, f := range flags {
		if f.Required {
			p.line("%s", "."+spelled(f))
		} else {
			p.line(".Op %s", spelled(f))
		}
	}
	p.positionals(c.Positional)
	p.line(".Ed")
	p.line(".Pp")
	p.text(c.Help)
	p.details(c)
	p.arguments(c.Positional)
	if len(flags) > 0 {
		p.flags(flags)
	}
}

// ownFlags are the flags of a command and of the branches above it, but not
// those of the whole.
func ownFlags(c *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for n := c; n != nil && n.Type != kong.ApplicationNode; n = n.Parent {
		all = append(all, visible(n.Flags)...)
	}
	return all
}

func (p *page) positionals(values []*kong.Positional) {
	for _, v := range values {
		name := "Ar " + Escape(v.Name)
		if v.IsCumulative() {
			name += " ..."
		}
		if v.Required {
			p.line(".%s", name)
		} else {
			p.line(".Op %s", name)
		}
	}
}

func (p *page) arguments(values []*kong.Positional) {
	if len(values) == 0 {
		return
	}
	p.line(".Bl -tag -width Ds")
	for _, v := range values {
		p.line(".It Ar %s", Escape(v.Name))
		p.text(v.Help)
	}
	p.line(".El")
}

func (p *page) flags(flags []*kong.Flag) {
	p.line(".Bl -tag -width Ds")
	for _, f := range flags {
		short := ""
		if f.Short != 0 {
			short = fmt.Sprintf("Fl %c , ", f.Short)
		}
		p.line(".It %s%s", short, spelled(f))
		p.text(f.Help)
		if len(f.Envs) > 0 {
			p.line("The variable")
			p.line(".Ev %s", f.Envs[0])
			p.line("sets it, too.")
		}
	}
	p.line(".El")
}

// spelled is a flag as it is typed.
func spelled(f *kong.Flag) string {
	name := "Fl -" + Escape(f.Name)
	if f.IsBool() {
		return name
	}
	return name + " Ns = Ns Ar " + Escape(f.FormatPlaceHolder())
}

// details writes the long help of a node. Lines that are indented stay as they
// are.
func (p *page) details(n *kong.Node) {
	if n.Detail == "" {
		return
	}
	for paragraph := range strings.SplitSeq(strings.TrimSpace(n.Detail), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			p.line(".Bd -literal -offset indent")
			for l := range strings.SplitSeq(paragraph, "\n") {
				p.line("%s", Escape(strings.TrimPrefix(l, "  ")))
			}
			p.line(".Ed")
			continue
		}
		p.line(".Pp")
		p.text(paragraph)
	}
}

// text writes prose, each sentence on a line of its own as mdoc wants it.
func (p *page) text(s string) {
	for l := range strings.SplitSeq(strings.ReplaceAll(s, "\n", " "), ". ") {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		if !strings.HasSuffix(l, ".") {
			l += "."
		}
		p.line("%s", Escape(l))
	}
}

// Prose is text as mdoc(7), each sentence on a line of its own and with a full
// stop at its end.
func Prose(text string) string {
	var p page
	p.text(text)
	return p.String()
}

func visible(flags []*kong.Flag) []*kong.Flag {
	var all []*kong.Flag
	for _, f := range flags {
		if !f.Hidden {
			all = append(all, f)
		}
	}
	return all
}

// Escape makes one line of text that roff takes as it is.
func Escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `"`, `\(dq`, `'`, `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
