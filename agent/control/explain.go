package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ErrUnreachable says that nothing can be heard of the daemon: it does not run, does
// not answer, or not to this user.
var ErrUnreachable = errors.New("the daemon cannot be reached")

// unreachable is an ErrUnreachable in the operator's terms. What the system said
// about it is for programs.
type unreachable struct {
	text  string
	cause error
}

// Error is what is the matter, and what to do.
func (u unreachable) Error() string { return u.text }

// Unwrap is what the system said.
func (u unreachable) Unwrap() error { return u.cause }

// Is makes it an ErrUnreachable.
func (u unreachable) Is(target error) bool { return target == ErrUnreachable }

// explain says what the operator can do about a daemon that does not answer.
func (c *Client) explain(err error) error {
	because := func(format string, args ...any) error { return unreachable{fmt.Sprintf(format, args...), err} }
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted while waiting for the daemon: %w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return because("the daemon does not answer on %s in time (homeagentctl doctor tells more)", c.path)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return because("the daemon does not listen on %s (is it running? systemctl status homeagent and homeagentctl doctor tell more)", c.path)
	case errors.Is(err, fs.ErrPermission):
		return because("this user may not use the socket %s (%s)", c.path, admission(c.path))
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return because("the daemon on %s hung up without an answer (it may be ending, or not admit this user: journalctl -u homeagent)", c.path)
	default:
		return because("the daemon on %s cannot be asked: %v (homeagentctl doctor tells more)", c.path, err)
	}
}

// admission is how somebody who may not use a socket comes to be allowed to.
func admission(path string) string {
	const setGroup = "use sudo; control.group in homeagent.toml names a group that may use it"
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o060 != 0o060 {
		return setGroup
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return setGroup
	}
	id := strconv.FormatUint(uint64(stat.Gid), 10)
	if group, err := user.LookupGroupId(id); err == nil {
		id = group.Name
	}
	return "use sudo, or join the group " + id + ": usermod -a -G " + id + " USER, and log in again"
}

// brokenOff is why an answer could not be read to its end.
func brokenOff(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted while waiting for the daemon: %w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable{"the daemon does not go on in time (homeagentctl doctor tells more)", err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return unreachable{ErrInterrupted.Error(), ErrInterrupted}
	}
	return fmt.Errorf("it is not understood (is the daemon of another version? systemctl restart homeagent): %w", err)
}
