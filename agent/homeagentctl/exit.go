package main

import (
	"errors"
	"fmt"
	"io"

	"homeagent/agent/control"
)

// Exit statuses, beside 0. The manual lists them.
const (
	exitFailed      = 1 // what was asked for failed, or the doctor found a failure
	exitNotReady    = 3 // status: the daemon is starting or degraded
	exitUnreachable = 4 // the daemon does not run, or does not answer
	// exitUsage is EX_USAGE of sysexits.h, as the daemon's: the command line is wrong.
	exitUsage = 64
)

// A usageError says that the command line is wrong.
type usageError struct{ error }

// Error is what is wrong with it, and what helps.
func (e usageError) Error() string {
	return e.error.Error() + " (homeagentctl --help tells what there is)"
}

// Unwrap is what is wrong with it.
func (e usageError) Unwrap() error { return e.error }

// errNotReady ends status. It was told of where the status was printed.
var errNotReady = errors.New("the daemon is not ready")

func exitCode(err error) int {
	switch {
	case errors.As(err, &usageError{}):
		return exitUsage
	case errors.Is(err, errNotReady):
		return exitNotReady
	case errors.Is(err, control.ErrUnreachable):
		return exitUnreachable
	}
	return exitFailed
}

// complain tells of an error that was not told of yet.
func complain(out io.Writer, err error) {
	if !errors.Is(err, errNotReady) {
		fmt.Fprintf(out, "homeagentctl: %v\n", err)
	}
}
