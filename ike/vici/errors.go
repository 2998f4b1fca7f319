package vici

import (
	"errors"
	"fmt"
)

// ErrDead is wrapped by the errors of all calls that got no answer. What
// charon made of such a call is unknown. The Link is of no use any more.
var ErrDead = errors.New("the connection to charon is dead")

// Causes of a Link's death.
var (
	errClosed = errors.New("closed") // it is not needed any more
	errGone   = errors.New("charon closed the connection")
)

// A CommandError is charon's refusal of a command: it got the command and did
// not do it. It never holds key material: charon's words name settings and
// identifiers only.
type CommandError struct {
	Command string // such as "load-conn"
	Subject string // the key, connection or IKE_SA it was about
	Reason  string // charon's own words
}

// Error says who refused what, and why.
func (e *CommandError) Error() string {
	return fmt.Sprintf("charon refused %s %q: %s", e.Command, e.Subject, e.Reason)
}
