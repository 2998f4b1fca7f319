// Command homeagent-lab plays the roles around a Mobile IPv6 home agent, for
// commissioning and for tests of whole systems. It is no part of an installation
// in service.
//
// It exits with 0 if all went as hoped, with 1 if not, and with 64 if it was
// called wrongly. There is one file per command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"homeagent/packaging/manual"
)

type cli struct {
	manual.Flags

	AAAHome    aaaHomeCmd    `cmd:"" name:"aaa-home" help:"Send HMRs to a home agent, as the home AAA server of mobile nodes would."`
	MobileNode mobileNodeCmd `cmd:"" name:"mobile-node" help:"Be a mobile node: set up security, register, move and return home on command."`
	Demo       demoCmd       `cmd:"" help:"Show a home agent's main job on this machine, step by step."`
	Bench      benchCmd      `cmd:"" help:"Measure the home agent beside the bare limits of its parts."`
	Wireshark  wiresharkCmd  `cmd:"" help:"Print the Diameter dictionary of the bootstrapping application for Wireshark."`
}

// An environment is what a command works with.
type environment struct {
	context.Context
	out, err io.Writer
}

// usageError is an error in how the command was called.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "homeagent-lab: %v\n", err)
	}
	os.Exit(exitCode(err))
}

// exitUsage is EX_USAGE of sysexits.h, as homeagentd's and homeagentctl's.
const exitUsage = 64

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return exitUsage
	}
	return 1
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("homeagent-lab"),
		kong.Description("Play the roles around a Mobile IPv6 home agent, for commissioning and tests."),
		kong.Writers(out, errOut),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return usageError{err}
	}
	return parsed.Run(&environment{Context: ctx, out: out, err: errOut})
}
