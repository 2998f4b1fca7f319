package machine_test

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/doctor/machine"
	"homeagent/agent/store/boltstore"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	n, err := machine.Linux{}.Network()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range n.Interfaces {
		if i.Name == "lo" {
			return
		}
	}
	t.Errorf("no loopback interface in %+v", n)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	var box machine.Linux
	if id, err := box.UserID("root"); id != 0 || err != nil {
		t.Errorf("the user root is %d, %v", id, err)
	}
	if id, err := box.GroupID("root"); id != 0 || err != nil {
		t.Errorf("the group root is %d, %v", id, err)
	}
	if _, err := box.UserID("no-such-user"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown user: %v", err)
	}
	if _, err := box.GroupID("no-such-group"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown group: %v", err)
	}
}

func TestClockAndSpace(t *testing.T) {
	t.Parallel()
	var box machine.Linux
	if c, err := box.Clock(); err != nil || time.Since(c.Now).Abs() > time.Hour {
		t.Errorf("Clock: %v, %v", c, err)
	}
	if free, err := box.FreeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("FreeSpace: %d, %v", free, err)
	}
	if _, err := box.FreeSpace("/no/such/folder"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("FreeSpace of no folder: %v", err)
	}
	if _, err := fs.Stat(box.Files(), "proc/self"); err != nil {
		t.Errorf("Files: %v", err)
	}
}

func TestStoreFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := (machine.Linux{}).StoreFormat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("StoreFormat without a store: %v", err)
	}
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := s.Meta().Version
	s.Close()
	if got, err := (machine.Linux{}).StoreFormat(path); got != want || err != nil {
		t.Errorf("StoreFormat: %d, %v, want %d", got, err, want)
	}
}

// Who does not listen is told from who is not there.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	var box machine.Linux
	for at, want := range map[string]error{path: syscall.ECONNREFUSED, path + "2": fs.ErrNotExist} {
		if _, err := box.Daemon(t.Context(), at); !errors.Is(err, want) {
			t.Errorf("Daemon at %s: %v, want %v", at, err, want)
		}
		if _, err := box.Charon(t.Context(), at); !errors.Is(err, want) {
			t.Errorf("Charon at %s: %v, want %v", at, err, want)
		}
	}
}
