package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/events"
)

var (
	home  = netip.MustParseAddr("2001:db8:1::100")
	other = netip.MustParseAddr("2001:db8:1::101")
)

func recorder(size int) *events.Recorder {
	return events.New(size, slog.New(slog.DiscardHandler))
}

// drain reads what is there now, as kinds with what was lost.
func drain(t *testing.T, r *events.Reader) (kinds []events.Kind, lost uint64) {
	t.Helper()
	for {
		e, err := r.TryNext()
		if errors.Is(err, io.EOF) {
			return kinds, lost
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds, lost = append(kinds, e.Kind), lost+e.Lost
	}
}

func TestKindsAreTextBothWays(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range events.Kinds() {
		text, err := k.MarshalText()
		if err != nil || seen[string(text)] || k.Sentence() == "" {
			t.Errorf("%v: %q twice, or without a sentence, %v", k, text, err)
		}
		seen[string(text)] = true
		var back events.Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%q was read as %v, %v", text, back, err)
		}
	}
	var k events.Kind
	if err := k.UnmarshalText([]byte("nonsense")); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("reading nonsense: %v", err)
	}
	if got := events.Kind(200).String(); got != "kind_200" {
		t.Errorf("an unknown kind is %q", got)
	}
}

func TestStarts(t *testing.T) {
	t.Parallel()
	r := recorder(8)
	follow := func(s events.Start, f events.Filter) []events.Kind {
		reader := r.Follow(s, f)
		defer reader.Close()
		kinds, _ := drain(t, reader)
		return kinds
	}
	r.Record(events.Event{Kind: events.SessionBegan, HomeAddress: home, UserName: "a"})
	r.Record(events.Event{Kind: events.BindingMoved, HomeAddress: home})
	r.Record(events.Event{Kind: events.PeerLost, Peer: "p"})
	r.Record(events.Event{Kind: events.BindingExpired, HomeAddress: other})
	second := r.Follow(events.Start{Last: 3}, events.Filter{})
	e, err := second.TryNext()
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	for _, tt := range []struct {
		name   string
		start  events.Start
		filter events.Filter
		want   []events.Kind
	}{
		{"nothing of before", events.Start{}, events.Filter{}, nil},
		{"the last two", events.Start{Last: 2}, events.Filter{}, []events.Kind{events.PeerLost, events.BindingExpired}},
		{"more than there are", events.Start{Last: 99}, events.Filter{}, []events.Kind{events.SessionBegan, events.BindingMoved, events.PeerLost, events.BindingExpired}},
		{"after a time", events.Start{After: e.Time}, events.Filter{}, []events.Kind{events.PeerLost, events.BindingExpired}},
		{"the last one after a time", events.Start{After: e.Time, Last: 1}, events.Filter{}, []events.Kind{events.BindingExpired}},
		{"the last one of a home address", events.Start{Last: 1}, events.Filter{HomeAddress: home}, []events.Kind{events.BindingMoved}},
		{"of a user", events.Start{Last: 9}, events.Filter{UserName: "a"}, []events.Kind{events.SessionBegan}},
		{"of a peer", events.Start{Last: 9}, events.Filter{Peer: "p"}, []events.Kind{events.PeerLost}},
		{"of two kinds", events.Start{Last: 9}, events.Filter{Kinds: []events.Kind{events.PeerLost, events.BindingMoved}}, []events.Kind{events.BindingMoved, events.PeerLost}},
		{"alerts", events.Start{Last: 9}, events.Filter{Alerts: true}, []events.Kind{events.PeerLost}},
	} {
		if diff := cmp.Diff(tt.want, follow(tt.start, tt.filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A reader that is too slow is told how many events it lost, once, and goes on
// with those that are kept.
func TestSlowReaderLoses(t *testing.T) {
	t.Parallel()
	r := recorder(4)
	reader := r.Follow(events.Start{}, events.Filter{Kinds: []events.Kind{events.BindingMoved}})
	defer reader.Close()
	for range 10 {
		r.Record(events.Event{Kind: events.BindingMoved})
	}
	kinds, lost := drain(t, reader)
	want := []events.Kind{events.Lost, events.BindingMoved, events.BindingMoved, events.BindingMoved, events.BindingMoved}
	if diff := cmp.Diff(want, kinds); diff != "" || lost != 6 {
		t.Errorf("lost %d, want 6 (-want +got):\n%s", lost, diff)
	}
	if kinds, lost := drain(t, reader); len(kinds) != 0 || lost != 0 {
		t.Errorf("then %v, lost %d, want nothing", kinds, lost)
	}
}

// What comes after the time of a Lost is what follows it.
func TestLostHasATimeToGoOnFrom(t *testing.T) {
	t.Parallel()
	r := recorder(2)
	slow := r.Follow(events.Start{}, events.Filter{})
	defer slow.Close()
	for range 5 {
		r.Record(events.Event{Kind: events.BindingMoved})
	}
	e, err := slow.TryNext()
	if err != nil || e.Kind != events.Lost || e.Lost != 3 {
		t.Fatalf("%+v, %v", e, err)
	}
	again := r.Follow(events.Start{After: e.Time}, events.Filter{})
	defer again.Close()
	if kinds, lost := drain(t, again); len(kinds) != 2 || lost != 0 {
		t.Errorf("%v, lost %d, want both that are kept", kinds, lost)
	}
}

func TestReadersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := recorder(4)
		ctx, cancel := context.WithCancel(t.Context())
		reader := r.Follow(events.Start{}, events.Filter{Kinds: []events.Kind{events.BindingMoved}})
		defer reader.Close()
		got := make(chan events.Event, 4)
		done := make(chan error)
		go func() {
			for {
				e, err := reader.Next(ctx)
				if err != nil {
					done <- err
					return
				}
				got <- e
			}
		}()
		synctest.Wait()
		r.Record(events.Event{Kind: events.PeerLost})
		r.Record(events.Event{Kind: events.BindingMoved})
		synctest.Wait()
		if e := <-got; e.Sequence != 2 || len(got) > 0 {
			t.Errorf("got %+v and %d more, want the second event alone", e, len(got))
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Next ended with %v", err)
		}
	})
}

// Time goes on from event to event even where the clock does not.
func TestTimesDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		r := recorder(4)
		for range 3 {
			r.Record(events.Event{Kind: events.BindingMoved})
		}
		reader := r.Follow(events.Start{Last: 3}, events.Filter{})
		defer reader.Close()
		var last time.Time
		for range 3 {
			e, err := reader.TryNext()
			if err != nil || !e.Time.After(last) {
				t.Fatalf("%v is not after %v, %v", e.Time, last, err)
			}
			last = e.Time
		}
	})
}

// Many record and read at once; nobody waits for the readers that do not read.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 500
	r := recorder(64)
	idle := r.Follow(events.Start{}, events.Filter{})
	defer idle.Close()
	reader := r.Follow(events.Start{}, events.Filter{})
	defer reader.Close()
	var work sync.WaitGroup
	for range writers {
		work.Go(func() {
			for range each {
				r.Record(events.Event{Kind: events.BindingMoved, HomeAddress: home})
			}
		})
	}
	seen := uint64(0)
	for seen < writers*each {
		e, err := reader.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == events.Lost {
			seen += e.Lost
			continue
		}
		if seen++; e.Sequence != seen {
			t.Fatalf("event %d came after %d others", e.Sequence, seen-1)
		}
	}
	work.Wait()
	if got := r.Counts(); !cmp.Equal(got, map[string]uint64{"binding_moved": writers * each}) {
		t.Errorf("counts %v", got)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, tt := range []struct {
		e    events.Event
		want string
	}{
		{events.Event{Sequence: 1, Time: at, Kind: events.PeerLost, Peer: "p", Detail: "broken pipe"},
			`{"sequence":1,"time":"2026-01-02T03:04:05.000000006Z","kind":"peer_lost","peer":"p","detail":"broken pipe"}`},
		{events.Event{Sequence: 2, Time: at, Kind: events.BindingMoved, HomeAddress: home, CareOf: other},
			`{"sequence":2,"time":"2026-01-02T03:04:05.000000006Z","kind":"binding_moved","home_address":"2001:db8:1::100","care_of_address":"2001:db8:1::101"}`},
	} {
		got, err := json.Marshal(tt.e)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s, %v, want %s", got, err, tt.want)
		}
		var back events.Event
		if err := json.Unmarshal(got, &back); err != nil || back != tt.e {
			t.Errorf("read back: %+v, %v", back, err)
		}
	}
}

func TestEventsAreLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := events.New(4, slog.New(slog.NewTextHandler(&out, nil)))
	r.Record(events.Event{Kind: events.KeyArmed}) // for debugging only
	r.Record(events.Event{Kind: events.HMRRefused, UserName: "mn", HomeAddress: home, SessionID: "a;1", Peer: "p", Result: "DIAMETER_TOO_BUSY", Detail: "busy"})
	want := `level=WARN msg="refused an HMR" user_name=mn home_address=2001:db8:1::100 session_id=a;1 peer=p result=DIAMETER_TOO_BUSY detail=busy message_id=`
	if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("log:\n%s\nwant one line with %s", got, want)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := recorder(0)
	reader := r.Follow(events.Start{}, events.Filter{})
	defer reader.Close()
	b.ReportAllocs()
	for b.Loop() {
		r.Record(events.Event{Kind: events.BindingRefreshed, HomeAddress: home, UserName: "mn1@example.com", Result: "refreshed"})
	}
}

// Many events of one class push out none of another, and all come out in the order
// in which they went in.
func TestClassesDoNotPushEachOtherOut(t *testing.T) {
	t.Parallel()
	r := recorder(4)
	slow := r.Follow(events.Start{}, events.Filter{})
	defer slow.Close()
	watch := r.Follow(events.Start{}, events.Filter{Alerts: true})
	defer watch.Close()
	r.Record(events.Event{Kind: events.PeerLost, Peer: "a"})
	r.Record(events.Event{Kind: events.SessionBegan, UserName: "u"})
	for range 10 {
		r.Record(events.Event{Kind: events.BindingRefreshed})
	}
	r.Record(events.Event{Kind: events.BindingMoved})
	r.Record(events.Event{Kind: events.KernelFailed})

	kinds, lost := drain(t, slow)
	want := []events.Kind{
		events.Lost, events.PeerLost, events.SessionBegan,
		events.BindingRefreshed, events.BindingRefreshed, events.BindingRefreshed, events.BindingRefreshed,
		events.BindingMoved, events.KernelFailed,
	}
	if diff := cmp.Diff(want, kinds); diff != "" || lost != 6 {
		t.Errorf("lost %d, want 6 (-want +got):\n%s", lost, diff)
	}
	kinds, lost = drain(t, watch)
	if diff := cmp.Diff([]events.Kind{events.PeerLost, events.KernelFailed}, kinds); diff != "" || lost != 0 {
		t.Errorf("alerts: lost %d, want 0 (-want +got):\n%s", lost, diff)
	}
	late := r.Follow(events.Start{Last: 3}, events.Filter{Kinds: []events.Kind{events.PeerLost, events.BindingMoved, events.BindingRefreshed}})
	defer late.Close()
	kinds, _ = drain(t, late)
	if diff := cmp.Diff([]events.Kind{events.BindingRefreshed, events.BindingRefreshed, events.BindingMoved}, kinds); diff != "" {
		t.Errorf("the last three of some kinds (-want +got):\n%s", diff)
	}
	if first := r.Follow(events.Start{Last: 1}, events.Filter{Kinds: []events.Kind{events.PeerLost}}); first != nil {
		defer first.Close()
		if e, err := first.TryNext(); err != nil || e.Sequence != 1 || e.Peer != "a" {
			t.Errorf("the first alert: %+v, %v", e, err)
		}
	}
}

// What does not interest a reader does not wake it, either.
func TestReadersSleepThroughOtherClasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := recorder(4)
		reader := r.Follow(events.Start{}, events.Filter{Alerts: true})
		defer reader.Close()
		got := make(chan events.Event)
		go func() {
			e, _ := reader.Next(context.Background())
			got <- e
		}()
		synctest.Wait()
		for range 10 {
			r.Record(events.Event{Kind: events.BindingRefreshed})
		}
		r.Record(events.Event{Kind: events.PeerLost})
		if e := <-got; e.Sequence != 11 {
			t.Errorf("got %+v, want the eleventh", e)
		}
	})
}

func TestAddressText(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]netip.Addr{"": {}, "2001:db8:1::100": home} {
		if got := events.AddressText(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
