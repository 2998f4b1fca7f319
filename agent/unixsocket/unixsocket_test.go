package unixsocket_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"homeagent/agent/unixsocket"
)

// abandoned leaves the socket of a server that is gone.
func abandoned(t *testing.T, path string) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
}

// busy listens, and as many clients wait as may.
func busy(t *testing.T, path string) {
	t.Helper()
	socket := func(kind int) int {
		fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	server, address := socket(unix.SOCK_STREAM), &unix.SockaddrUnix{Name: path}
	if err := errors.Join(unix.Bind(server, address), unix.Listen(server, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		err := unix.Connect(socket(unix.SOCK_STREAM|unix.SOCK_NONBLOCK), address)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing but what nobody needs any more is removed.
func TestClear(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		make  func(t *testing.T, path string)
		want  error
		stays bool
	}{
		{"nothing", func(*testing.T, string) {}, nil, false},
		{"the socket of a server that is gone", abandoned, nil, false},
		{"a server's socket", func(t *testing.T, path string) {
			listener, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
		}, unixsocket.ErrInUse, true},
		{"the socket of a server that is busy", busy, unixsocket.ErrInUse, true},
		{"a socket of another kind", func(t *testing.T, path string) {
			conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
		}, unix.EPROTOTYPE, true},
		{"a file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrExist, true},
		{"a link to a socket", func(t *testing.T, path string) {
			abandoned(t, path+".real")
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrExist, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			tt.make(t, path)
			if err := unixsocket.Clear(path); !errors.Is(err, tt.want) {
				t.Errorf("Clear: %v, want %v", err, tt.want)
			}
			if _, err := os.Lstat(path); (err == nil) != tt.stays {
				t.Errorf("afterwards: %v, want it to stay: %v", err, tt.stays)
			}
		})
	}
}

// A folder that is none is told of.
func TestClearBelowAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unixsocket.Clear(filepath.Join(file, "s")); err == nil {
		t.Error("a socket below a file was found to be fine")
	}
}
