package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"homeagent/agent/control"
	"homeagent/agent/events"
)

// eventful is a daemon that tells of events; stop ends it.
func eventful(t *testing.T, socket string) (r *events.Recorder, stop func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r = events.New(0, log)
	server := control.NewServer(socket, "", &backend{}, log)
	server.Handle("GET /v1/events", server.Events(r))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	<-server.Ready()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return r, stop
}

var mobile = netip.MustParseAddr("2001:db8::1000")

func TestEventsOnce(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "c")
	r, _ := eventful(t, socket)
	r.Record(events.Event{Kind: events.SessionBegan, UserName: "mn1@example.com", HomeAddress: mobile, Peer: "aaah", Detail: "key id 1"})
	r.Record(events.Event{Kind: events.PeerLost, Peer: "aaah", Detail: "\x1b[2Jbroken\npipe"})
	out, err := ctl(t, "", "--socket", socket, "events", "--once")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"session_began        user=mn1@example.com hoa=2001:db8::1000 peer=aaah  key id 1\n",
		"peer_lost            peer=aaah  \uFFFD[2Jbroken\uFFFDpipe\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the events lack %q:\n%s", want, out)
		}
	}
	for _, tt := range []struct {
		flags string
		want  string
	}{
		{"--alerts", "peer_lost"},
		{"--kind session_began,ike_up", "session_began"},
		{"--hoa 2001:db8::1000", "session_began"},
		{"--user mn1@example.com", "session_began"},
		{"--peer aaah --last 1", "peer_lost"},
		{"--since 1h --alerts", "peer_lost"},
	} {
		out, err := ctl(t, "", append([]string{"--socket", socket, "events", "--once", "--json"}, strings.Fields(tt.flags)...)...)
		var e control.Event
		if err != nil || strings.Count(out, "\n") != 1 || json.Unmarshal([]byte(out), &e) != nil || e.Kind.String() != tt.want || e.Schema != control.Schema {
			t.Errorf("events %s: %v, %+v, want %s\n%s", tt.flags, err, e, tt.want, out)
		}
	}
}

func TestEventsRefuseWrongFlags(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"--kind nonsense", "--hoa nonsense", "--last=-1"} {
		_, err := ctl(t, "", append([]string{"events"}, strings.Fields(flags)...)...)
		if err == nil || exitCode(err) != exitUsage {
			t.Errorf("events %s: %v", flags, err)
		}
	}
	if _, err := ctl(t, "", "--socket", filepath.Join(t.TempDir(), "c"), "events"); err == nil || !strings.Contains(err.Error(), "systemctl status") {
		t.Errorf("events without a daemon: %v", err)
	}
}

// A pen is written to by one goroutine and read by another.
type pen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *pen) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *pen) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		got := p.buf.String()
		p.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in 20 s:\n%s", text, got)
		}
	}
}

// A daemon that restarts is waited for; nothing of before is repeated, nothing of
// after is missed. Who interrupts it sees a success.
func TestEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "c")
	r, stop := eventful(t, socket)
	ctx, cancel := context.WithCancel(t.Context())
	var out, told pen
	done := make(chan error, 1)
	go func() {
		e := &environment{Context: ctx, client: control.NewClient(socket), out: &out, errors: &told}
		done <- (&eventsCmd{Last: 10}).Run(e)
	}()
	r.Record(events.Event{Kind: events.SessionBegan, UserName: "first"})
	out.await(t, "user=first")
	r.Record(events.Event{Kind: events.DaemonStopping})
	stop()
	out.await(t, "daemon_stopping")
	told.await(t, "waiting for it")

	r, _ = eventful(t, socket)
	r.Record(events.Event{Kind: events.SessionBegan, UserName: "second"})
	told.await(t, "the daemon is back")
	out.await(t, "user=second")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("interrupted: %v", err)
	}
	for _, text := range []string{"user=first", "user=second", "daemon_stopping"} {
		if n := strings.Count(out.buf.String(), text); n != 1 {
			t.Errorf("%q came %d times:\n%s", text, n, out.buf.String())
		}
	}
}

func TestEventLineOfLosses(t *testing.T) {
	t.Parallel()
	e := events.Event{Kind: events.Lost, Lost: 5}
	if got := (style{}).eventLine(&e); !strings.Contains(got, "5 events lost") {
		t.Errorf("got %q", got)
	}
	alert := events.Event{Kind: events.KernelFailed}
	if got := (style{coloured: true}).eventLine(&alert); !strings.Contains(got, red+"kernel_failed") {
		t.Errorf("an alert is %q", got)
	}
}

func TestHelpNamesEachKind(t *testing.T) {
	t.Parallel()
	help := eventsCmd{}.Help()
	for _, k := range events.Kinds() {
		if !strings.Contains(help, "\n  "+k.String()+" ") {
			t.Errorf("the help lacks %v", k)
		}
	}
}
