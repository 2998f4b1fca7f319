// Package unixsocket makes room for a server's Unix socket.
//
// It knows what may be in the way of one: nothing else than the socket of a server
// that is gone is ever removed. It must not know who listens, nor for whom.
// Exported: [Clear] and [ErrInUse].
package unixsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// ErrInUse says that somebody listens on a socket.
var ErrInUse = errors.New("another process answers on it")

// Clear removes the socket at path if nobody listens on it; that there is none is
// no error. The error wraps [ErrInUse] if somebody does, and [fs.ErrExist] if what
// is there is no socket. Where it cannot be known, the socket stays.
func Clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the socket %q: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("making the socket %q: a file that is no socket is in its place (move it away): %w", path, fs.ErrExist)
	}
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("making the socket %q: %w", path, ErrInUse)
	case errors.Is(err, syscall.EAGAIN): // so many wait already that nobody else may
		return fmt.Errorf("making the socket %q: %w", path, ErrInUse)
	case errors.Is(err, fs.ErrNotExist): // somebody else was faster
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("making the socket %q: it cannot be known whether another process listens on it (if none does, remove it): %w", path, err)
}
