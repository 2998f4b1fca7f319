package machine_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/agent/store"
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

// Files are read as package os does, but for pipes, which are not waited for.
func TestFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, pipe := filepath.Join(folder, "file"), filepath.Join(folder, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o600), os.Symlink("file", filepath.Join(folder, "link")), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	files, inside := machine.Linux{}.Files(), strings.TrimPrefix(folder, "/")
	if text, err := fs.ReadFile(files, inside+"/link"); string(text) != "text" || err != nil {
		t.Errorf("a file: %q, %v", text, err)
	}
	if target, err := fs.ReadLink(files, inside+"/link"); target != "file" || err != nil {
		t.Errorf("a link: %q, %v", target, err)
	}
	if all, err := fs.ReadDir(files, inside); len(all) != 3 || err != nil {
		t.Errorf("a folder: %v, %v", all, err)
	}
	for name, want := range map[string]string{
		inside + "/pipe": "read " + inside + "/pipe: it is no regular file",
		inside + "/none": "open " + inside + "/none: no such file or directory",
		inside:           "read " + inside + ": is a directory",
		"/etc":           "open /etc: invalid argument",
	} {
		if text, err := fs.ReadFile(files, name); err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v, want %s", name, text, err, want)
		}
	}
	opened, err := files.Open(inside + "/pipe")
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
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

func TestStoreSeal(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, store.SealKeySize)
	sealer, err := store.NewSealer([store.SealKeySize]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, opt := range map[string]boltstore.Options{"plain": {}, "sealed": {Sealer: sealer}} {
		s, err := boltstore.Open(filepath.Join(folder, name), opt)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for _, tt := range []struct {
		store string
		key   []byte
		want  doctor.Seal
	}{
		{"none", key, doctor.Unsealed}, {"plain", key, doctor.Unsealed}, {"plain", nil, doctor.Unsealed},
		{"sealed", key, doctor.Fitting}, {"sealed", nil, doctor.Foreign}, {"sealed", key[1:], doctor.Foreign},
		{"sealed", bytes.Repeat([]byte{8}, store.SealKeySize), doctor.Foreign},
	} {
		if got, err := (machine.Linux{}).StoreSeal(filepath.Join(folder, tt.store), tt.key); got != tt.want || err != nil {
			t.Errorf("StoreSeal of %s with %d octets: %v, %v, want %v", tt.store, len(tt.key), got, err, tt.want)
		}
	}
	if _, err := (machine.Linux{}).StoreSeal(folder, key); err == nil {
		t.Error("a folder is no store")
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
