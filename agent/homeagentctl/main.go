// Command homeagentctl is the operator's tool: it asks the running daemon over
// its control socket and does the sums an operator wants to compare.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"homeagent/agent/control"
	"homeagent/packaging/manual"
)

type cli struct {
	manual.Flags
	Socket string `help:"Control socket of the daemon." default:"/run/homeagent/control.sock" env:"HOMEAGENT_SOCKET" placeholder:"PATH"`

	Status   statusCmd   `cmd:"" help:"Show how the daemon and its parts are."`
	Sessions sessionsCmd `cmd:"" help:"List the bootstrapped mobile nodes."`
	Session  sessionCmd  `cmd:"" help:"Show one session, found by Session-Id, User-Name or home address."`
	Bindings bindingsCmd `cmd:"" help:"List the registered mobile nodes, or count what became of Binding Updates."`
	Binding  bindingCmd  `cmd:"" help:"Show the registration of one home address."`
	Release  releaseCmd  `cmd:"" help:"End a session: its key, security associations and home address are taken back."`
	Init     initCmd     `cmd:"" help:"Write the configuration from a few answers or flags."`
	Psk      pskCmd      `cmd:"" help:"Derive the IKE pre-shared key of a mobile node, to compare with an AAA server."`
}

// An environment is what a command works with.
type environment struct {
	context.Context
	client *control.Client
	out    io.Writer
	in     io.Reader
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "homeagentctl: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("homeagentctl"),
		kong.Description("Operate the Mobile IPv6 home agent."),
		kong.UsageOnError(),
		kong.Writers(out, os.Stderr),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(joinNegative(args))
	if err != nil {
		return err
	}
	return parsed.Run(&environment{Context: ctx, client: control.NewClient(c.Socket), out: out, in: in})
}

// joinNegative writes "--key-id -5" as "--key-id=-5": key ids are signed, and
// the parser would take a negative one for a flag.
func joinNegative(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--key-id" && i+1 < len(args) {
			joined = append(joined, args[i]+"="+args[i+1])
			i++
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}
