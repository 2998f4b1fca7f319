// Package instance makes sure that there is one home agent in a network
// namespace. Two would undo each other's policies in the kernel and unload each
// other's keys and connections from strongSwan.
//
// The lock is a socket with a name in the namespace and no place in the file
// system: it needs no folder that both can write to, and the kernel gives it back
// when its process ends, however that does.
//
// Exported: [Take], [Lock] and [Holder]. It must not know what a home agent is.
package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// name is the socket's; the @ stands for the NUL of an abstract name.
const name = "@homeagentd"

// ErrTaken says that a home agent runs already.
var ErrTaken = errors.New("another home agent runs in this network namespace")

// A Lock is held until Release, or until the process ends.
type Lock struct{ listener net.Listener }

// Take takes the lock of the calling thread's network namespace. The error wraps
// [ErrTaken] and names the process that has it.
func Take() (*Lock, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		pid, _ := Holder()
		return nil, fmt.Errorf("%w, as process %d", ErrTaken, pid)
	}
	if err != nil {
		return nil, fmt.Errorf("taking the lock %s: %w", name, err)
	}
	return &Lock{listener}, nil
}

// Answer lets others find out whose the lock is, until it is released. Without it
// only the first of them do.
func (l *Lock) Answer() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		conn.Close()
	}
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.listener.Close() }

// Holder is the process that has the lock, 0 if there is none. It is 0, too, for
// a process that cannot be seen from here.
func Holder() (pid int, err error) {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "unix", name)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the lock %s: %w", name, err)
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("asking for the lock %s: %w", name, err)
	}
	var cred *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(controlErr, err); err != nil {
		return 0, fmt.Errorf("asking for the lock %s: %w", name, err)
	}
	return int(cred.Pid), nil
}
