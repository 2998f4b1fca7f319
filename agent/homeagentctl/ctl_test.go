package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeagent/agent/control"
)

type backend struct{ released string }

var started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (*backend) Status(context.Context) control.Status {
	return control.Status{
		Version: "1.0", State: "ready", Identity: "ha.example.com", Started: started,
		Sessions: control.SessionCounts{Total: 1, Armed: 1},
		IKE:      control.IKEStatus{Error: "no such file"},
		Kernel:   control.KernelStatus{InSync: true, Repairs: 2},
		Store:    control.StoreStatus{Path: "/var/lib/homeagent/state.db", Error: "no space left on device", Failures: 3, Free: 5 << 20},
		Warnings: []control.Warning{{Text: "packets are not forwarded", Repair: "sysctl -w it"}},
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

func (b *backend) Release(_ context.Context, id string) error {
	if _, err := b.Session(id); err != nil {
		return err
	}
	b.released = id
	return nil
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
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ha.example.com  ready, version 1.0", "1 (0 established, 1 waiting", "NOT CONNECTED: no such file",
		"in sync, 2 repairs", "CANNOT BE WRITTEN: no space left on device (/var/lib/homeagent/state.db, 5120 KiB free)",
		"WARNING         packets are not forwarded\n                repair: sysctl -w it\n", "2001:db8::/64: 1 in use", "aaah.example.com: open", "tls, [::1]:3868",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("status lacks %q:\n%s", want, out)
		}
	}
}

func TestJSONEverywhere(t *testing.T) {
	t.Parallel()
	_, socket := daemon(t)
	for _, args := range [][]string{{"status"}, {"sessions"}, {"session", "mn1@example.com"}} {
		out, err := ctl(t, "", append([]string{"--socket", socket}, append(args, "--json")...)...)
		if err != nil {
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
	if out, err := ctl(t, "", "--socket", socket, "release", "mn1@example.com"); err != nil || !strings.Contains(out, "released mn1@example.com: home address 2001:db8::1000") {
		t.Errorf("release: %v, %q", err, out)
	}
	if b.released != "aaah;1;2" {
		t.Errorf("released %q", b.released)
	}
	if _, err := ctl(t, "", "--socket", socket, "release", "nobody"); err == nil {
		t.Error("release of nobody succeeded")
	}
}

// The tool prints what the published vectors say, from the command line and
// from standard input.
func TestPSKVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../ike/psk/testdata/psk.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Key  string `json:"mipv6_aaa_key"`
		ID   int32  `json:"mipv6_aaa_key_id"`
		HoA  string `json:"home_address"`
		HA   string `json:"home_agent_address"`
		Want string `json:"psk"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		args := []string{"psk", "--key-id", strconv.Itoa(int(v.ID)), "--hoa", v.HoA, "--ha", v.HA, "--key"}
		for _, source := range [][2]string{{v.Key, ""}, {"-", v.Key + "\n"}} {
			out, err := ctl(t, source[1], append(args, source[0])...)
			if err != nil || out != v.Want+"\n" {
				t.Errorf("psk for %s: %q, %v, want %s", v.HoA, out, err, v.Want)
			}
		}
	}
}

func TestPSKRefusesWithoutShowingTheKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"0102030", "xyzxyz", ""} {
		_, err := ctl(t, "", "psk", "--key="+key, "--key-id=1", "--hoa=2001:db8::2", "--ha=2001:db8::1")
		if err == nil || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("psk --key=%q: %v", key, err)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	_, err := ctl(t, "", "--socket", filepath.Join(t.TempDir(), "none"), "status")
	if err == nil || !strings.Contains(err.Error(), "systemctl status homeagent") {
		t.Errorf("status without a daemon: %v", err)
	}
}
