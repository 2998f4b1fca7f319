// Command homeagentctl is the operator's tool: it asks the running daemon over
// its control socket and does the sums an operator wants to compare.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"homeagent/agent/control"
	"homeagent/agent/version"
	"homeagent/packaging/manual"
)

type cli struct {
	manual.Flags
	Socket  string           `help:"Control socket of the daemon." default:"${socket}" env:"HOMEAGENT_SOCKET" placeholder:"PATH"`
	Version kong.VersionFlag `help:"Show the version and exit."`

	Status   statusCmd   `cmd:"" help:"Show how the daemon and its parts are."`
	Sessions sessionsCmd `cmd:"" help:"List the bootstrapped mobile nodes."`
	Session  sessionCmd  `cmd:"" help:"Show one session, found by Session-Id, User-Name or home address."`
	Bindings bindingsCmd `cmd:"" help:"List the registered mobile nodes, or count what became of Binding Updates."`
	Binding  bindingCmd  `cmd:"" help:"Show the registration of one home address."`
	Peers    peersCmd    `cmd:"" help:"Show the Diameter peers: state, connection, counters, last error."`
	Top      topCmd      `cmd:"" help:"Watch rates, latencies, health and refusals, live."`
	Events   eventsCmd   `cmd:"" help:"Follow what happens."`
	Release  releaseCmd  `cmd:"" help:"End a session: its key, security associations and home address are taken back."`
	Doctor   doctorCmd   `cmd:"" help:"Tell whether this box is ready, and which command mends what is not."`
	Reload   reloadCmd   `cmd:"" help:"Have the daemon read its configuration again, and tell what takes a restart."`
	Init     initCmd     `cmd:"" help:"Write the configuration from a few answers or flags."`
	Psk      pskCmd      `cmd:"" help:"Derive the IKE pre-shared key of a mobile node, to compare with an AAA server."`
}

// An environment is what a command works with.
type environment struct {
	context.Context
	client *control.Client
	socket string
	out    io.Writer
	errors io.Writer
	in     io.Reader
}

const defaultSocket = "/run/homeagent/control.sock"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		complain(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var c cli
	more := ""
	if slices.Contains(args, "--manual") { // long: else looked through for each flag
		more = schemaPage(schemaText)
	}
	parser, err := kong.New(&c,
		kong.Name("homeagentctl"),
		kong.Description("Operate the Mobile IPv6 home agent."),
		kong.Writers(out, os.Stderr),
		kong.Vars{"socket": defaultSocket, "version": version.Version, "more": more, "kinds": kindNames()},
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(joinNegative(args))
	if err != nil {
		return usageError{err}
	}
	client := control.NewClient(c.Socket)
	client.Waiting = func() func() { return waiting(os.Stderr, isTerminal(os.Stderr), "the daemon") }
	return parsed.Run(&environment{Context: ctx, client: client, socket: c.Socket, out: out, errors: os.Stderr, in: in})
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
