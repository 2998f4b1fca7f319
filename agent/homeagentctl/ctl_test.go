package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeagent/agent/control"
)

type backend struct {
	released string
	state    string // "" is degraded
}

var started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (b *backend) Status(context.Context) control.Status {
	if b.state != "" {
		return control.Status{State: b.state}
	}
	refused := started.Add(time.Hour)
	return control.Status{
		Version: "1.0", State: control.Degraded, Identity: "ha.example.com", Started: started,
		Sessions: control.SessionCounts{Total: 1, Armed: 1, Dormant: 3},
		IKE:      control.IKEStatus{Error: "no such file"},
		Kernel:   control.KernelStatus{InSync: true, Repairs: 2},
		Store:    control.StoreStatus{Path: "/var/lib/homeagent/state.db", Error: "no space left on device", Failures: 3, Free: 5 << 20},
		Reasons:  []control.Warning{{Cause: control.BoxNotReady, Text: "packets are not forwarded", Repair: "sysctl -w it"}},
		Warnings: []control.Warning{{Cause: control.BoxNotReady, Text: "packets are not forwarded", Repair: "sysctl -w it"}, {Text: "so so\x1b[2J"}},
		Configuration: control.ConfigurationStatus{
			TakenOver: started, Refused: &refused, Error: "homeagent.toml:3: log.level: no such level\nhomeagent.toml:4: log.size: no such option\nhomeagent.toml:9: no such section", Restart: []string{"ike.window", "diameter.realm"},
			Unplaced: &control.Unplaced{Sessions: 2, Text: "the home address of 2, such as 2001:db8::1000 of mn1@example.com, is not in home_prefix"},
		},
		Prefixes: []control.PrefixStatus{{Prefix: netip.MustParsePrefix("2001:db8::/64"), InUse: 1}},
		Peers:    []control.Peer{{Host: "aaah.example.com", State: "open", Secured: "tls", Address: "[::1]:3868"}},
	}
}

func (*backend) Sessions() []control.Session {
	return []control.Session{{
		ID: "aaah;1;2", UserName: "mn1@example.com", State: "armed", OriginHost: "aaah.example.com",
		HomeAddress: netip.MustParseAddr("2001:db8::1000"), HomeAgent: netip.MustParseAddr("2001:db8::1"),
	}}
}

func (b *backend) Session(id string) (control.Session, error) {
	if s := b.Sessions()[0]; s.UserName == id || s.ID == id {
		return s, nil
	}
	return control.Session{}, fmt.Errorf("finding session %q: %w", id, control.ErrNotFound)
}

func (b *backend) Release(_ context.Context, id string) (control.Released, error) {
	s, err := b.Session(id)
	if err == nil {
		b.released = id
	}
	return control.Released{OneSession: control.OneSession{Session: s}}, err
}

func daemon(t *testing.T) (*backend, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	b, _ := serveBackend(t, path)
	return b, path
}

func serveBackend(t *testing.T, path string) (*backend, *control.Server) {
	t.Helper()
	b := &backend{}
	server := control.NewServer(path, "", b, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-server.Ready()
	return b, server
}

func ctl(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), args, strings.NewReader(in), &out)
	return out.String(), err
}

func TestStatus(t *testing.T) {
	t.Parallel()
	_, socket := daemon(t)
	out, err := ctl(t, "", "--socket", socket, "status")
	if !errors.Is(err, errNotReady) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ha.example.com  degraded, version 1.0", "1 (0 established, 1 waiting for their first IKE_AUTH; 3 more dormant)", "NOT CONNECTED: no such file",
		"in sync, 2 repairs", "CANNOT BE WRITTEN: no space left on device (/var/lib/homeagent/state.db, 5120 KiB free)",
		"PROBLEM         packets are not forwarded\n                repair: sysctl -w it\nWARNING         so so\uFFFD[2J\n",
		"configuration   read 2026-01-02T03:04:05+00:00 (", "\n                REFUSED 2026-01-02T04:04:05+00:00 (", "ago): homeagent.toml:3: log.level: no such level\n                homeagent.toml:4: log.size: no such option\n                homeagent.toml:9: no such section\n",
		"WAITING for a restart (systemctl restart homeagent): ike.window, diameter.realm\n",
		"\n                NOT SERVED after the restart: 2 sessions, as the home address of 2, such as 2001:db8::1000 of mn1@example.com, is not in home_prefix (they would be kept",
		"2001:db8::/64: 1 in use", "aaah.example.com: open", "tls, [::1]:3868",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("status lacks %q:\n%s", want, out)
		}
	}
}

func TestJSONEverywhere(t *testing.T) {
	t.Parallel()
	_, socket := daemon(t)
	for _, args := range [][]string{{"status"}, {"sessions"}, {"session", "mn1@example.com"}, {"release", "mn1@example.com"}} {
		out, err := ctl(t, "", append([]string{"--socket", socket}, append(args, "--json")...)...)
		if err != nil && !errors.Is(err, errNotReady) {
			t.Fatalf("%v: %v", args, err)
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Errorf("%v --json: %v in:\n%s", args, err, out)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	_, socket := daemon(t)
	out, err := ctl(t, "", "--socket", socket, "sessions")
	if err != nil || !strings.Contains(out, "mn1@example.com  2001:db8::1000  2001:db8::1  armed  never") {
		t.Errorf("sessions: %v\n%s", err, out)
	}
	out, err = ctl(t, "", "--socket", socket, "session", "mn1@example.com")
	if err != nil || !strings.Contains(out, "home address        2001:db8::1000") {
		t.Errorf("session: %v\n%s", err, out)
	}
	if _, err := ctl(t, "", "--socket", socket, "session", "nobody"); err == nil || !strings.Contains(err.Error(), "no such session (homeagentctl sessions lists") {
		t.Errorf("session of nobody: %v", err)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	b, socket := daemon(t)
	if out, err := ctl(t, "", "--socket", socket, "release", "mn1@example.com"); err != nil || !strings.Contains(out, "released mn1@example.com: home address 2001:db8::1000, session aaah;1;2\nstrongSwan is away: it removes the key") {
		t.Errorf("release: %v, %q", err, out)
	}
	if b.released != "mn1@example.com" {
		t.Errorf("released %q", b.released)
	}
	if _, err := ctl(t, "", "--socket", socket, "release", "nobody"); err == nil {
		t.Error("release of nobody succeeded")
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	_, err := ctl(t, "", "--socket", filepath.Join(t.TempDir(), "none"), "status")
	if err == nil || !strings.Contains(err.Error(), "systemctl status homeagent") {
		t.Errorf("status without a daemon: %v", err)
	}
}
