package control

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// credentialListener closes connections of processes that allowed refuses.
type credentialListener struct {
	net.Listener
	log     *slog.Logger
	allowed func(*unix.Ucred) bool
}

// Accept returns the next connection of a process that may connect.
func (l credentialListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		cred, err := credentials(conn)
		if err == nil && l.allowed(cred) {
			return conn, nil
		}
		l.log.Warn("refused a connection to the control socket", "credentials", fmt.Sprintf("%+v", cred), "error", err)
		conn.Close()
	}
}

func credentials(conn net.Conn) (*unix.Ucred, error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reading the credentials of a client: %w", err)
	}
	var cred *unix.Ucred
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		cred, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, fmt.Errorf("reading the credentials of a client: %w", err)
	}
	return cred, sockErr
}

// allowed lets in root, the daemon's own user and members of the group.
func (s *Server) allowed(cred *unix.Ucred) bool {
	return cred.Uid == 0 || int(cred.Uid) == os.Getuid() || s.group != "" && member(cred, s.group)
}

func member(cred *unix.Ucred, name string) bool {
	group, err := user.LookupGroup(name)
	if err != nil {
		return false
	}
	if strconv.FormatUint(uint64(cred.Gid), 10) == group.Gid {
		return true
	}
	account, err := user.LookupId(strconv.FormatUint(uint64(cred.Uid), 10))
	if err != nil {
		return false
	}
	groups, err := account.GroupIds()
	return err == nil && slices.Contains(groups, group.Gid)
}
