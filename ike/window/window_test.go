package window_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike/window"
)

const (
	turn      = 10 * time.Second
	firstTurn = time.Minute
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A script is what an operator would write on a board: "add a" at second 3,
// and what has to be loaded and evicted then.
type step struct {
	at   int // seconds
	do   string
	want string // "+loaded -evicted"
}

func run(t *testing.T, w *window.Window[string], steps []step) {
	t.Helper()
	for _, s := range steps {
		now := start.Add(time.Duration(s.at) * time.Second)
		verb, arg, _ := strings.Cut(s.do, " ")
		var c window.Change[string]
		switch verb {
		case "add":
			c = w.Add(arg, now)
		case "up":
			c = w.Established(arg, now)
		case "down":
			c = w.Down(arg, now)
		case "remove":
			c = w.Remove(arg, now)
		case "rekey":
			w.Rekeyed(arg)
		case "tick":
			c = w.Tick(now)
		default:
			t.Fatalf("step %q is not known", s.do)
		}
		if diff := cmp.Diff(s.want, text(c)); diff != "" {
			t.Errorf("at %d s, %s: unexpected change (-want +got):\n%s", s.at, s.do, diff)
		}
	}
}

func text(c window.Change[string]) string {
	var words []string
	for _, k := range c.Load {
		words = append(words, "+"+k)
	}
	for _, k := range c.Evict {
		words = append(words, "-"+k)
	}
	return strings.Join(words, " ")
}

func newWindow(t testing.TB, places int) *window.Window[string] {
	t.Helper()
	w, err := window.New[string](window.Config{Places: places, Turn: turn, FirstTurn: firstTurn})
	if err != nil {
		t.Fatalf("making a window: %v", err)
	}
	return w
}

func TestWindow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		places int
		steps  []step
		loaded string // in order of precedence
		counts window.Counts
	}{
		{
			name:   "a small installation never evicts",
			places: 3,
			steps: []step{
				{0, "add a", "+a"}, {1, "add b", "+b"}, {2, "up a", ""}, {3, "up b", ""},
				{4, "add c", "+c"}, {5, "up c", ""}, {600, "tick", ""}, {601, "down a", ""},
			},
			loaded: "a c b",
			counts: window.Counts{Turns: 1, Kept: 2},
		},
		{
			name:   "the least recently established goes first",
			places: 2,
			steps: []step{
				{0, "add a", "+a"}, {1, "up a", ""}, {2, "add b", "+b"}, {3, "up b", ""},
				{4, "add c", "+c -a"}, {5, "up c", ""}, {6, "add d", "+d -b"},
			},
			loaded: "d c",
			counts: window.Counts{Newcomers: 1, Kept: 1, Evicted: 2},
		},
		{
			name:   "armed ones stay before established ones",
			places: 2,
			steps: []step{
				{0, "add a", "+a"}, {1, "add b", "+b"}, {2, "up b", ""}, {3, "add c", "+c -b"},
			},
			loaded: "a c",
			counts: window.Counts{Newcomers: 2, Evicted: 1},
		},
		{
			name:   "an evicted session that goes down is loaded at once",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "up c", "+c -a"},
				{3, "down a", "+a -b"},
			},
			loaded: "a c",
			counts: window.Counts{Turns: 1, Kept: 1, Evicted: 1},
		},
		{
			name:   "a place that falls free is taken by the most recently established",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "up c", "+c -a"}, {3, "up d", "+d -b"},
				{4, "remove d", "+b"}, {5, "remove c", "+a"}, {6, "remove a", ""},
			},
			loaded: "b",
			counts: window.Counts{Kept: 1},
		},
		{
			name:   "a newcomer goes before all, the oldest newcomer queues",
			places: 2,
			steps: []step{
				{0, "add a", "+a"}, {1, "add b", "+b"}, {2, "add c", "+c -a"}, {3, "up c", "+a -c"},
			},
			loaded: "b a",
			counts: window.Counts{Newcomers: 1, Turns: 1, Evicted: 1},
		},
		{
			name:   "charon restarted: turns go round",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "up c", "+c -a"}, {3, "up d", "+d -b"},
				{10, "down d", ""}, {10, "down c", ""}, {10, "down b", ""}, {10, "down a", ""},
				{19, "tick", ""}, {20, "tick", "+b +a -d -c"}, {21, "tick", ""},
				{30, "tick", "+d +c -b -a"},
				{31, "up d", "+b -d"}, {32, "up c", "+a -c"}, {60, "tick", ""},
			},
			loaded: "b a",
			counts: window.Counts{Turns: 2, Evicted: 2},
		},
		{
			name:   "a newcomer keeps its place longer than the backlog",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {0, "up b", "+b"}, {0, "up c", "+c -a"},
				{1, "down a", "+a -b"}, {1, "down b", "+b -c"}, {1, "down c", ""},
				{2, "add n", "+n -a"},
				{11, "tick", "+a -b"}, {21, "tick", "+c -a"}, {61, "tick", "+b -c"}, {62, "tick", "+a -n"},
			},
			loaded: "b a",
			counts: window.Counts{Turns: 2, Queued: 2},
		},
		{
			name:   "one queues, one place changes hands",
			places: 3,
			steps: []step{
				{0, "up a", "+a"}, {0, "up b", "+b"}, {0, "up c", "+c"}, {0, "up d", "+d -a"},
				{1, "down b", ""}, {1, "down c", ""}, {1, "down d", ""}, {1, "down a", ""},
				{11, "tick", "+a -b"}, {12, "tick", "+b -c"},
			},
			loaded: "d a b",
			counts: window.Counts{Turns: 3, Queued: 1},
		},
		{
			name:   "a new key for a live session: its old IKE_SA is enough after the first turn",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "add a", ""}, {61, "tick", ""}, {62, "tick", ""},
				{63, "up c", "+c -b"},
			},
			loaded: "c a",
			counts: window.Counts{Kept: 2, Evicted: 1},
		},
		{
			name:   "an evicted session with a new key is loaded",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "up c", "+c -a"}, {3, "add a", "+a -b"},
				{4, "down a", ""}, {5, "down a", ""},
			},
			loaded: "a c",
			counts: window.Counts{Newcomers: 1, Kept: 1, Evicted: 1},
		},
		{
			name:   "a rekey is a sign of life",
			places: 2,
			steps: []step{
				{0, "up a", "+a"}, {1, "up b", "+b"}, {2, "rekey a", ""}, {3, "up c", "+c -b"},
				{4, "up d", "+d -a"}, {5, "rekey b", ""}, {6, "remove d", "+b"},
			},
			loaded: "c b",
			counts: window.Counts{Kept: 2, Evicted: 1},
		},
		{
			name:   "unknown sessions are no matter",
			places: 2,
			steps:  []step{{0, "down x", ""}, {0, "remove x", ""}, {0, "rekey x", ""}, {0, "tick", ""}},
		},
		{
			name:   "established while queueing and no place for it",
			places: 2,
			steps: []step{
				{0, "add a", "+a"}, {1, "add b", "+b"}, {2, "add c", "+c -a"}, {3, "up a", ""},
			},
			loaded: "b c",
			counts: window.Counts{Newcomers: 2, Evicted: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, tt.places)
			run(t, w, tt.steps)
			if diff := cmp.Diff(tt.loaded, strings.Join(slices.Collect(w.Loaded()), " ")); diff != "" {
				t.Errorf("unexpected loaded sessions (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.counts, w.Counts()); diff != "" {
				t.Errorf("unexpected counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  window.Config
		want string
	}{
		{"one place", window.Config{Places: 1, Turn: turn, FirstTurn: turn}, "sizing the window of loaded sessions: 1 places (must be 2 to 2000)"},
		{"too many", window.Config{Places: 2001, Turn: turn, FirstTurn: turn}, "sizing the window of loaded sessions: 2001 places (must be 2 to 2000)"},
		{"no turn", window.Config{Places: 2, FirstTurn: turn}, "sizing the window of loaded sessions: turns of 0s and 10s (must be above 0, the first turn not shorter)"},
		{"short first turn", window.Config{Places: 2, Turn: turn, FirstTurn: 1}, "sizing the window of loaded sessions: turns of 10s and 1ns (must be above 0, the first turn not shorter)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := window.New[int](tt.cfg)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestEverybodyGetsATurn: after charon lost 1000 IKE_SAs, every mobile node
// finds its session loaded at some time, newcomers at once.
func TestEverybodyGetsATurn(t *testing.T) {
	t.Parallel()
	const places, lost = 50, 1000
	w := newWindow(t, places)
	names := make([]string, lost)
	for i := range names {
		names[i] = fmt.Sprint(i)
		w.Established(names[i], start)
	}
	for _, k := range names {
		w.Down(k, start)
	}
	seen := map[string]bool{}
	for s := range lost/places + 2 {
		now := start.Add(time.Duration(s) * turn)
		w.Tick(now)
		newcomer := fmt.Sprintf("new %d", s)
		if c := w.Add(newcomer, now); !slices.Contains(c.Load, newcomer) {
			t.Fatalf("turn %d: the newcomer was not loaded at once: %+v", s, c)
		}
		w.Established(newcomer, now)
		for k := range w.Loaded() {
			seen[k] = true
		}
	}
	for _, k := range names {
		if !seen[k] {
			t.Errorf("session %s never had a turn", k)
		}
	}
}

// TestInvariants lets anything happen and checks what must always hold.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		m := newModel(t, 2+int(seed)%7, seed)
		for range 2000 {
			m.step(t)
		}
	}
}

// A model follows the changes and compares them with what the window says.
type model struct {
	rand   *rand.Rand
	w      *window.Window[string]
	places int
	now    time.Time
	loaded map[string]bool
	known  map[string]bool
}

func newModel(t *testing.T, places int, seed uint64) *model {
	return &model{
		rand: rand.New(rand.NewPCG(seed, 1)), w: newWindow(t, places), places: places, now: start,
		loaded: map[string]bool{}, known: map[string]bool{},
	}
}

func (m *model) step(t *testing.T) {
	t.Helper()
	m.now = m.now.Add(time.Duration(m.rand.IntN(8)) * time.Second)
	k := fmt.Sprint(m.rand.IntN(4 * m.places))
	var c window.Change[string]
	switch m.rand.IntN(8) {
	case 0, 1:
		c = m.w.Add(k, m.now)
		m.known[k] = true
		m.check(t, k, c, "add "+k)
		if !m.loaded[k] {
			t.Fatalf("newcomer %s is not loaded", k)
		}
	case 2, 3:
		c = m.w.Established(k, m.now)
		m.known[k] = true
		m.check(t, k, c, "up "+k)
	case 4:
		m.check(t, k, m.w.Down(k, m.now), "down "+k)
	case 5:
		c = m.w.Remove(k, m.now)
		delete(m.known, k)
		delete(m.loaded, k)
		m.check(t, k, c, "remove "+k)
	case 6:
		m.w.Rekeyed(k)
		m.check(t, k, c, "rekey "+k)
	default:
		m.check(t, k, m.w.Tick(m.now), "tick")
	}
}

func (m *model) check(t *testing.T, k string, c window.Change[string], did string) {
	t.Helper()
	for _, k := range c.Load {
		m.loaded[k] = true
	}
	for _, k := range c.Evict {
		delete(m.loaded, k)
	}
	got := map[string]bool{}
	for k := range m.w.Loaded() {
		got[k] = true
	}
	if diff := cmp.Diff(m.loaded, got); diff != "" {
		t.Fatalf("after %s: the changes do not lead to what is loaded (-want +got):\n%s", did, diff)
	}
	counts := m.w.Counts()
	if want := min(m.places, len(m.known)); len(got) != want || counts.Loaded() != want {
		t.Fatalf("after %s: %d loaded, %+v, want %d", did, len(got), counts, want)
	}
	if all := counts.Loaded() + counts.Queued + counts.Evicted; all != len(m.known) {
		t.Fatalf("after %s: %+v counts %d sessions, want %d", did, counts, all, len(m.known))
	}
	if counts.Queued > 0 && counts.Kept > 0 {
		t.Fatalf("after %s: %+v: established sessions hold places that others queue for", did, counts)
	}
}

// BenchmarkNewcomer shows that the cost of an event does not grow with the
// number of sessions.
func BenchmarkNewcomer(b *testing.B) {
	for _, live := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(live), func(b *testing.B) {
			w, err := window.New[int](window.Config{Places: 500, Turn: turn, FirstTurn: firstTurn})
			if err != nil {
				b.Fatal(err)
			}
			for i := range live {
				w.Established(i, start)
			}
			for i := 0; b.Loop(); i++ {
				w.Add(i%live, start)
				w.Established(i%live, start)
			}
		})
	}
}
