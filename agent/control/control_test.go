package control_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
)

type backend struct {
	sessions []control.Session
	released []string
}

func (b *backend) Status(context.Context) control.Status {
	return control.Status{Version: "test", State: "ready", Sessions: control.SessionCounts{Total: len(b.sessions)}}
}
func (b *backend) Sessions() []control.Session { return b.sessions }
func (b *backend) Session(id string) (control.Session, error) {
	for _, s := range b.sessions {
		if s.ID == id || s.UserName == id {
			return s, nil
		}
	}
	return control.Session{}, control.ErrNotFound
}
func (b *backend) Release(_ context.Context, id string) (control.Released, error) {
	if id == "broken" {
		return control.Released{}, errors.New("the store is broken")
	}
	s, err := b.Session(id)
	if err == nil {
		b.released = append(b.released, id)
	}
	return control.Released{OneSession: control.OneSession{Session: s}, KeyRemoved: true}, err
}

func start(t *testing.T, path, group string, b control.Backend) {
	t.Helper()
	server := control.NewServer(path, group, b, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case <-server.Ready():
	case err := <-done:
		done <- nil
		t.Fatalf("Run: %v", err)
	}
}

func TestClientAndServer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	expires := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := &backend{sessions: []control.Session{{
		ID: "aaah;1;2", UserName: "mn1@example.com", State: "armed", KeyID: -1,
		HomeAddress: netip.MustParseAddr("2001:db8::1000"), HomeAgent: netip.MustParseAddr("2001:db8::1"),
		Expires: &expires,
	}}}
	start(t, path, "", b)
	client, ctx := control.NewClient(path), t.Context()

	status, err := client.Status(ctx)
	if err != nil || status.Schema != control.Schema || status.Sessions.Total != 1 {
		t.Errorf("Status = %+v, %v", status, err)
	}
	sessions, err := client.Sessions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := control.Sessions{Schema: control.Schema, Sessions: b.sessions}
	equal := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, sessions, equal); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
	one, err := client.Session(ctx, "mn1@example.com")
	if diff := cmp.Diff(b.sessions[0], one, equal); err != nil || diff != "" {
		t.Errorf("session: %v (-want +got):\n%s", err, diff)
	}
	released, err := client.Release(ctx, "aaah;1;2")
	if err != nil || !cmp.Equal(b.released, []string{"aaah;1;2"}) || !released.KeyRemoved || released.UserName != "mn1@example.com" || released.Schema != control.Schema {
		t.Errorf("Release: %v, released %v: %+v", err, b.released, released)
	}
}

func TestErrorsReachTheClient(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	start(t, path, "", &backend{})
	client, ctx := control.NewClient(path), t.Context()
	if _, err := client.Session(ctx, "none"); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("Session of nobody: %v, want ErrNotFound", err)
	}
	if _, err := client.Release(ctx, "none"); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("Release of nobody: %v, want ErrNotFound", err)
	}
	if _, err := client.Release(ctx, "broken"); err == nil || !strings.Contains(err.Error(), "store is broken") {
		t.Errorf("Release with a broken store: %v", err)
	}
	if err := client.Get(ctx, "/v1/unknown", nil, nil); err == nil {
		t.Error("an unknown path was answered")
	}
}

func TestClientSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := control.NewClient(filepath.Join(t.TempDir(), "none")).Status(t.Context())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "systemctl status homeagent") {
		t.Errorf("Status without a daemon: %v", err)
	}
}

func TestSocketModes(t *testing.T) {
	t.Parallel()
	own, err := user.LookupGroupId(strconv.Itoa(os.Getgid())) // one that any user may give files to
	if err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string]fs.FileMode{"": 0o600, own.Name: 0o660} {
		path := filepath.Join(t.TempDir(), "control.sock")
		start(t, path, group, &backend{})
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("group %q: the socket has mode %o, want %o", group, got, want)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	run := func(path, group string) error {
		return control.NewServer(path, group, &backend{}, slog.New(slog.DiscardHandler)).Run(t.Context())
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(file, ""); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("in place of a file: %v", err)
	}
	taken := filepath.Join(t.TempDir(), "control.sock")
	start(t, taken, "", &backend{})
	if err := run(taken, ""); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("beside a running daemon: %v", err)
	}
	if err := run(filepath.Join(t.TempDir(), "c"), "no-such-group"); err == nil || !strings.Contains(err.Error(), "no-such-group") {
		t.Errorf("with an unknown group: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	start(t, path, "", &backend{})
	if _, err := control.NewClient(path).Status(t.Context()); err != nil {
		t.Errorf("Status over a replaced socket: %v", err)
	}
}
