package control_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/agent/events"
)

var home = netip.MustParseAddr("2001:db8::1000")

// startEvents runs a server with events until stop is called.
func startEvents(t *testing.T, path string) (r *events.Recorder, stop func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r = events.New(16, log)
	server := control.NewServer(path, "", &backend{}, log)
	server.Handle("GET /v1/events", server.Events(r))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	<-server.Ready()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return r, stop
}

func TestEventsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	r, _ := startEvents(t, path)
	r.Record(events.Event{Kind: events.SessionBegan, HomeAddress: home, UserName: "a&b c"})
	r.Record(events.Event{Kind: events.PeerLost, Peer: "p"})
	r.Record(events.Event{Kind: events.BindingMoved, HomeAddress: home})
	client := control.NewClient(path)
	for _, tt := range []struct {
		name   string
		follow control.Follow
		want   []events.Kind
	}{
		{"all", control.Follow{Start: events.Start{Last: 9}}, []events.Kind{events.SessionBegan, events.PeerLost, events.BindingMoved}},
		{"of a home address", control.Follow{Start: events.Start{Last: 9}, Filter: events.Filter{HomeAddress: home}}, []events.Kind{events.SessionBegan, events.BindingMoved}},
		{"of kinds", control.Follow{Start: events.Start{Last: 9}, Filter: events.Filter{Kinds: []events.Kind{events.PeerLost, events.SessionBegan}}}, []events.Kind{events.SessionBegan, events.PeerLost}},
		{"of a user", control.Follow{Start: events.Start{Last: 9}, Filter: events.Filter{UserName: "a&b c"}}, []events.Kind{events.SessionBegan}},
		{"alerts of a peer", control.Follow{Start: events.Start{Last: 9}, Filter: events.Filter{Alerts: true, Peer: "p"}}, []events.Kind{events.PeerLost}},
		{"after now", control.Follow{Start: events.Start{After: time.Now().Add(time.Hour)}}, nil},
	} {
		var got []events.Kind
		tt.follow.Once = true
		err := client.Events(t.Context(), tt.follow, func(e control.Event) error {
			got = append(got, e.Kind)
			if e.Schema != control.Schema {
				t.Errorf("schema %d", e.Schema)
			}
			return nil
		})
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

// The stream goes on until the daemon stops, whose last word still comes through.
func TestEventsAreFollowed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	r, stop := startEvents(t, path)
	began, got, done := make(chan struct{}), make(chan events.Kind, 16), make(chan error)
	go func() {
		done <- control.NewClient(path).Events(t.Context(), control.Follow{Began: func() { close(began) }}, func(e control.Event) error {
			got <- e.Kind
			return nil
		})
	}()
	<-began
	for range 3 { // one at a time
		r.Record(events.Event{Kind: events.BindingMoved})
		if k := <-got; k != events.BindingMoved {
			t.Errorf("got %v", k)
		}
	}
	r.Record(events.Event{Kind: events.DaemonStopping})
	stop()
	if err := <-done; err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if k := <-got; k != events.DaemonStopping {
		t.Errorf("the last word was %v", k)
	}
}

func TestEventsEndWithTheReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	r, _ := startEvents(t, path)
	r.Record(events.Event{Kind: events.BindingMoved})
	enough := errors.New("enough")
	err := control.NewClient(path).Events(t.Context(), control.Follow{Start: events.Start{Last: 1}}, func(control.Event) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("a reader who has enough: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = control.NewClient(path).Events(ctx, control.Follow{Start: events.Start{Last: 1}}, func(control.Event) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a reader who was interrupted: %v", err)
	}
}

func TestEventsRefuseNonsense(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	startEvents(t, path)
	for _, query := range []url.Values{
		{"kind": {"nonsense"}}, {"last": {"-1"}}, {"last": {"x"}}, {"after": {"yesterday"}}, {"home_address": {"::x"}},
	} {
		err := control.NewClient(path).Get(t.Context(), "/v1/events", query, nil)
		if err == nil || !strings.Contains(err.Error(), "reading") {
			t.Errorf("%v: %v", query, err)
		}
	}
}
