package manual_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"homeagent/packaging/manual"
)

type showCmd struct {
	ID   string `arg:"" help:"What to show."`
	More string `arg:"" optional:"" help:"More of it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (showCmd) Help() string {
	return "Shows one. And this.\n\n  kept - as is\n  .too\n\nThe end"
}

type grammar struct {
	manual.Flags
	Socket string `short:"s" help:"Where to ask (${default})." default:"/run/x" env:"X_SOCKET" placeholder:"PATH"`
	Level  string `help:"How much." enum:"low,high" default:"low"`
	Secret string `hidden:"" help:"Not for everybody."`

	Show showCmd  `cmd:"" help:"Show something. It is there."`
	List struct{} `cmd:"" help:"List all."`
	Pry  struct{} `cmd:"" hidden:"" help:"Not for everybody."`
}

// call runs the command line of the grammar.
func call(t *testing.T, vars kong.Vars, args ...string) string {
	t.Helper()
	var g grammar
	var out bytes.Buffer
	parser, err := kong.New(&g, kong.Name("x-ctl"), kong.Description("Operate an x. It's small."),
		kong.Writers(&out, &out), vars, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	parser.Parse(args) //nolint:errcheck // a command is missing after the flag was served
	return out.String()
}

const wantPage = `.Dd January 2, 2026
.Dt X-CTL 8
.Os homeagent
.Sh NAME
.Nm x-ctl
.Nd operate an x. It\(aqs small
.Sh SYNOPSIS
.Nm
.Op Fl -help
.Op Fl -socket Ns = Ns Ar PATH
.Op Fl -level Ns = Ns Ar \(dqlow\(dq
.Ar command
.Op Ar ...
.Sh DESCRIPTION
Operate an x.
It\(aqs small.
.Sh OPTIONS
.Bl -tag -width Ds
.It Fl h , Fl -help
Show context\-sensitive help.
.It Fl s , Fl -socket Ns = Ns Ar PATH
Where to ask (/run/x).
The variable
.Ev X_SOCKET
sets it, too.
.It Fl -level Ns = Ns Ar \(dqlow\(dq
How much.
.El
.Sh COMMANDS
.Ss show
.Bd -ragged -compact
.Nm Cm show
.Op Fl -json
.Ar id
.Op Ar more
.Ed
.Pp
Show something.
It is there.
.Pp
Shows one.
And this.
.Bd -literal -offset indent
kept \- as is
\&.too
.Ed
.Pp
The end.
.Bl -tag -width Ds
.It Ar id
What to show.
.It Ar more
More of it.
.El
.Bl -tag -width Ds
.It Fl -json
Print JSON.
.El
.Ss list
.Bd -ragged -compact
.Nm Cm list
.Ed
.Pp
List all.
`

func TestPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1767312000")
	got := call(t, kong.Vars{"section": "8"}, "--manual")
	if diff := cmp.Diff(strings.Split(wantPage, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestPageIsDatedToday(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	os.Unsetenv("SOURCE_DATE_EPOCH")
	got := call(t, nil, "--manual")
	if want := ".Dd " + time.Now().Format("January 2, 2006"); !strings.HasPrefix(got, want) || !strings.Contains(got, ".Dt X-CTL 1\n") {
		t.Errorf("the page begins with %.80q, want %q and section 1", got, want)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	got := call(t, nil, "--completion")
	for _, want := range []string{
		"\t\tshow) command=$word && break ;;\n",
		"\t--socket) _filedir; return ;;\n",
		"\t--level) COMPREPLY=($(compgen -W \"low high\" -- \"$cur\")); return ;;\n",
		"\tlocal flags=\"--help --socket= --level=\"\n",
		"\tshow) flags+=\" --json\" ;;\n",
		"compgen -W \"show list\"",
		"complete -F _x_ctl x-ctl\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the completion lacks %q:\n%s", want, got)
		}
	}
	for _, hidden := range []string{"secret", "pry", "manual"} {
		if strings.Contains(got, hidden) {
			t.Errorf("the completion offers %q, which is hidden", hidden)
		}
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	if got, want := manual.Prose("It is-it. And\n.not"), "It is\\-it.\nAnd .not.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := manual.Prose(""); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
