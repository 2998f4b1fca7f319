package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/store/boltstore"
)

// Only what the operator has to mend keeps the unit from starting the daemon again.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"a configuration that is not right", errors.Join(configError{errors.New("x")}, nil), exitConfig},
		{"a store of a newer version", fmt.Errorf("opening: %w", boltstore.ErrNewer), exitConfig},
		{"a store whose key is not there", fmt.Errorf("opening: %w", boltstore.ErrSealed), exitConfig},
		{"a damaged store", fmt.Errorf("opening: %w", boltstore.ErrDamaged), exitConfig},
		{"a store that another process has open", fmt.Errorf("opening: %w", boltstore.ErrInUse), 1},
		{"an option, where it was set", fmt.Errorf("running the peers: %w", config.Problem{Key: "diameter.listen.address", Text: "x"}), exitConfig},
		{"several options", fmt.Errorf("starting: %w", config.Problems{{Key: "a", Text: "x"}, {Key: "b", Text: "y"}}), exitConfig},
		{"an address that is in use", errors.New("bind: address already in use"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

// What is said begins with the place of the option that is to blame.
func TestReason(t *testing.T) {
	t.Parallel()
	problem := config.Problem{At: config.Position{File: "homeagent.toml", Line: 7}, Key: "control.group", Text: "unknown"}
	const one = "homeagent.toml:7: control.group: unknown"
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("running the control socket: %w", problem), one},
		{fmt.Errorf("starting: %w", config.Problems{problem}), one},
		{config.Problems{problem, problem}, "2 things that the configuration names cannot be used:\n" + one + "\n" + one},
		{errors.New("out of memory"), "out of memory"},
		{configError{problem}, configError{problem}.Error()},
	} {
		if got := reason(tt.err); got != tt.want {
			t.Errorf("reason: %s, want %s", got, tt.want)
		}
	}
}

// manager plays the service manager's side of a start.
func manager(t *testing.T, folder string) (lookup func(string) (string, bool), said func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	environment := map[string]string{"NOTIFY_SOCKET": path, "RUNTIME_DIRECTORY": folder}
	lookup = func(name string) (string, bool) { v, ok := environment[name]; return v, ok && v != "" }
	return lookup, func() string {
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// The service manager hears why there is no home agent; whoever tells it to stop
// does not wait for the pause to be over.
func TestEnd(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	lookup, said := manager(t, folder)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	tests := []struct {
		err    error
		code   int
		status string
	}{
		{configError{errors.New("x")}, exitConfig, "STATUS=not started: the configuration is not complete or not right, see the log"},
		{config.Problem{Key: "store.path", Text: "no folder"}, exitConfig, "STATUS=not started: store.path: no folder"},
		{config.Problems{{Key: "a", Text: "x"}, {Key: "b", Text: "y"}}, exitConfig, "STATUS=not started: 2 things that the configuration names cannot be used, see the log"},
		{errors.New("no address"), 1, "STATUS=no address"},
		{errors.New("no address"), 1, "STATUS=no address (next try in 1s)"},
		{errors.New("no address"), 1, "STATUS=no address (next try in 2s)"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := end(ctx, tt.err, &out, lookup); code != tt.code || !strings.HasPrefix(out.String(), "homeagentd: "+reason(tt.err)) {
			t.Errorf("end: %d, and it said %q", code, out.String())
		}
		if got := said(); got != tt.status {
			t.Errorf("the service manager heard %q, want %q", got, tt.status)
		}
	}
	if got := marked("a\nb", true); got != "<3>a\n<3>b" {
		t.Errorf("for the journal: %q", got)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Now()
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, longestPause, longestPause} {
		if got, err := pause(folder, now); got != want || err != nil {
			t.Errorf("pause %d: %v, %v, want %v", i, got, err, want)
		}
	}
	if got, err := pause(folder, now.Add(time.Hour)); got != 0 || err != nil {
		t.Errorf("pause an hour later: %v, %v", got, err)
	}
	if _, err := pause(filepath.Join(folder, "none"), now); err == nil {
		t.Error("pause in no folder succeeded")
	}
}

// What becomes right by itself is tried again, and what does not is told of with the
// option's place.
func TestOpenStore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tests := []struct {
		name   string
		path   string
		make   func(path string) error
		code   int
		reason string
	}{
		{"no folder", "none/state.db", func(string) error { return nil }, exitConfig, "store.path: there is no folder " + folder + "/none for the store (make it: install -d -m 700 -o "},
		{"a file for a folder", "file/state.db", func(path string) error { return os.WriteFile(filepath.Dir(path), nil, 0o600) }, exitConfig, "store.path: opening the store " + folder + "/file/state.db: "},
		{"open to others", "open.db", func(path string) error { return os.WriteFile(path, make([]byte, 1<<16), 0o644) }, exitConfig, "store.path: opening the store " + folder + "/open.db: its mode is 0644"},
		{"damaged", "damaged.db", func(path string) error { return os.WriteFile(path, make([]byte, 1<<16), 0o600) }, exitConfig, "opening the store " + folder + "/damaged.db: the file is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config.Defaults()
			cfg.Store.Path = filepath.Join(folder, tt.path)
			if err := tt.make(cfg.Store.Path); err != nil {
				t.Fatal(err)
			}
			_, err := openStore(cfg, slog.New(slog.DiscardHandler))
			if err == nil || exitCode(err) != tt.code || !strings.HasPrefix(reason(err), tt.reason) {
				t.Errorf("openStore: %v (exit status %d), want %q", err, exitCode(err), tt.reason)
			}
		})
	}
	for err, want := range map[error]bool{syscall.ENOSPC: true, syscall.EIO: true, syscall.EROFS: true, syscall.EACCES: false, boltstore.ErrInUse: true, errors.New("x"): false} {
		if got := passing(fmt.Errorf("opening: %w", err)); got != want {
			t.Errorf("passing(%v) = %v", err, got)
		}
	}
}

// Where the key of a sealed store is not there or not right, nobody is told to make a
// new one, but which file to restore.
func TestOpenSealedStore(t *testing.T) {
	folder, credentials := t.TempDir(), t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	file := filepath.Join(credentials, "store-key")
	cfg := config.Defaults()
	log := slog.New(slog.DiscardHandler)
	const restore, fresh = "restore /etc/credstore/homeagent.store-key from your backup", "as root: (umask 077; openssl rand -out /etc/credstore/homeagent.store-key 32)"
	for _, tt := range []struct{ store, key, want string }{
		{"sealed.db", "abcdefghijklmnopqrstuvwxyz012345", ""},
		{"sealed.db", "abcdefghijklmnopqrstuvwxyz01234", "the credential store-key has 31 octets and must have the 32 that seal the store (" + restore},
		{"sealed.db", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "the credential store-key is not the key that the store " + folder + "/sealed.db is sealed with (" + restore},
		{"sealed.db", "", "the keys in the store " + folder + "/sealed.db are sealed, and there is no credential store-key to open them (" + restore},
		{"plain.db", "", ""},
		{"plain.db", "a", "the credential store-key has 1 octets and must have the 32 that seal the store (" + fresh},
		{"none.db", "a", "the credential store-key has 1 octets and must have the 32 that seal the store (" + fresh},
	} {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		if tt.key != "" {
			if err := os.WriteFile(file, []byte(tt.key), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Store.Path = filepath.Join(folder, tt.store)
		opened, err := openStore(cfg, log)
		if err == nil {
			err = opened.Close()
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || exitCode(err) != exitConfig || !strings.HasPrefix(reason(err), "store.credential: "+tt.want)) {
			t.Errorf("%s with %q: %v, want %q", tt.store, tt.key, err, tt.want)
		}
	}
}

// An interface may come late: the unit starts the daemon again.
func TestNoInterface(t *testing.T) {
	t.Parallel()
	cfg := config.Defaults()
	cfg.Mobility.HomeLink, cfg.Mobility.Interface = config.Physical, "nosuch0"
	_, _, err := openHomeLink(cfg, slog.New(slog.DiscardHandler))
	if err == nil || exitCode(err) != 1 || !strings.HasPrefix(err.Error(), "mobility.interface: there is no interface nosuch0") {
		t.Errorf("openHomeLink: %v", err)
	}
}
