package bootstrapping

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter/lab/bench"
	"homeagent/ike"
	"homeagent/ike/vici"
	"homeagent/ike/vici/vicitest"
)

// of makes a figure of operations that took so many milliseconds each.
func of(rate int, millis ...int) figure {
	f := figure{own: time.Millisecond, charon: 2 * time.Millisecond}
	for _, ms := range millis {
		f.Took = append(f.Took, time.Duration(ms)*time.Millisecond)
	}
	f.Elapsed = time.Duration(len(millis)) * time.Second / time.Duration(rate)
	return f
}

var one, eight = load{1, 2}, load{8, 2}

func sample() *results {
	return &results{live: 100, rounds: map[load][]*round{
		one: {
			{whole: of(100, 6, 12), asking: of(1000, 1, 1), keys: of(200, 2, 4), records: of(500, 1, 3)},
			{whole: of(100, 6, 12), asking: of(1000, 1, 1), keys: of(200, 2, 4), records: of(500, 1, 3)},
			{whole: of(1, 600, 1200), asking: of(1, 1, 1), keys: of(1, 2, 4), records: of(1, 1, 3)}, // disturbed
		},
		eight: {{whole: of(180, 40, 50), asking: of(9000, 1, 1), keys: of(200, 9, 9), records: of(150, 9, 9)}},
	}}
}

func TestTable(t *testing.T) {
	t.Parallel()
	want := `100 live sessions      outstanding  per second  p50 ms  p99 ms  ms of CPU: ours  strongSwan's
---------------------  -----------  ----------  ------  ------  ---------------  ------------
HMR to HMA                       1         100    6.00   12.00             0.50          1.00
bare Diameter                    1        1000    1.00    1.00             0.50              
bare strongSwan calls            1         200    2.00    4.00             0.50          1.00
bare commit                      1         500    1.00    3.00             0.50              
HMR to HMA                       8         180   40.00   50.00             0.50          1.00
bare Diameter                    8        9000    1.00    1.00             0.50              
bare strongSwan calls            8         200    9.00    9.00             0.50          1.00
bare commit                      8         150    9.00    9.00             0.50              
`
	if diff := cmp.Diff(want, sample().table([]load{one, eight}).String()); diff != "" {
		t.Errorf("unexpected table (-want +got):\n%s", diff)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	report := bench.NewReport(&text)
	r := sample()
	r.judge(report, []load{one, eight})
	many := sample()
	many.live = 10000
	judgeGrowth(report, r, many)
	want := `met     p99 of HMR to HMA / sum of the bare p99s, 1 outstanding            1.50  (aim: at most 1.50)
met     rate of HMRs / bare commit, the slowest, 8 outstanding             1.20  (aim: at least 0.80)
met     growth of an HMR's p50 from 100 to 10000 live / that of bare calls     1.00  (aim: at most 1.10)
        (HMR x 1.00, bare calls x 1.00: with 10000 live each newcomer evicts another)
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("unexpected verdicts (-want +got):\n%s", diff)
	}
}

// TestConfiguration: the daemon takes it, and all but what is asked for is its
// default.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg, err := configure(dir, "/run/charon.vici", "127.0.0.1:3868", filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.IKE.Window == 0 || cfg.Diameter.Peers[0].Secured != config.Loopback || !cfg.Diameter.Peers[0].Bootstrapper {
		t.Errorf("unexpected configuration %+v", cfg)
	}
}

// TestHome: the home agent that is measured bootstraps, with a strongSwan that is
// played here.
func TestHome(t *testing.T) {
	t.Parallel()
	dir, charon := t.TempDir(), vicitest.New()
	socket := filepath.Join(dir, "vici")
	serve(t, socket, charon)
	h, err := startHome(t.Context(), dir, socket, filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := startAAA(t.Context(), node{agentIdentity, h.address})
	if err != nil {
		t.Fatal(err)
	}
	o, err := a.bootstrap(t.Context(), agentIdentity, 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := known(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.loaded(t.Context(), 1); err != nil {
		t.Error(err)
	}
	name := ike.ConnectionName(c.HomeAddress)
	if diff := cmp.Diff([]string{name}, charon.Keys()); diff != "" {
		t.Errorf("unexpected keys (-want +got):\n%s", diff)
	}
	if key := charon.Key(name).String(); !strings.Contains(key, string(c.PSK.Bytes())) {
		t.Error("the key in strongSwan is not the one that the mobile node derives")
	}
	if err := errors.Join(a.stop(), h.stop()); err != nil {
		t.Error(err)
	}
}

// serve lets a played strongSwan be reached by a socket.
func serve(t *testing.T, path string, charon *vicitest.Charon) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := charon.Dial(context.Background())
			if err != nil {
				near.Close()
				continue
			}
			go func() { _, _ = io.Copy(near, far); near.Close() }()
			go func() { _, _ = io.Copy(far, near); far.Close() }()
		}
	}()
}

func TestOnDisk(t *testing.T) {
	t.Parallel()
	if err := onDisk("/dev/shm/homeagent-bench-test"); err == nil || !strings.Contains(err.Error(), "--folder") {
		t.Errorf("got error %v for a folder in memory", err)
	}
}

func TestResidences(t *testing.T) {
	t.Parallel()
	seen := map[netip.Addr]int{}
	for i := range 70000 {
		a := residence(i)
		if other, ok := seen[a]; ok || !homePrefix.Contains(a) {
			t.Fatalf("mobile nodes %d and %d live at %s (must be one each, in %s)", i, other, a, homePrefix)
		}
		seen[a] = i
	}
	if n := len(places()); n != crowd || careOf(crowd) != careOf(0) {
		t.Errorf("there are %d places, want %d", n, crowd)
	}
}

// TestPopulationWritten: what is written is what a home agent restores.
func TestPopulationWritten(t *testing.T) {
	t.Parallel()
	var p population
	for i := range commitSize + 1 {
		s, err := newSession(i)
		if err != nil {
			t.Fatal(err)
		}
		p.sessions = append(p.sessions, s)
	}
	path, again := filepath.Join(t.TempDir(), "a.db"), filepath.Join(t.TempDir(), "b.db")
	if err := errors.Join(p.write(t.Context(), path), copyFile(again, path)); err != nil {
		t.Fatal(err)
	}
	records, err := boltstore.Open(again, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	users := map[string]netip.Addr{}
	err = records.Sessions(func(s store.Session) error {
		users[s.UserName] = s.HomeAddress
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.sessions {
		if users[s.UserName] != s.HomeAddress {
			t.Fatalf("%s lives at %s, want %s", s.UserName, users[s.UserName], s.HomeAddress)
		}
	}
	if len(p.credentials()) != len(users) {
		t.Errorf("%d mobile nodes were written, want %d", len(users), len(p.sessions))
	}
}

// TestBareDiameter: the AAA server gets its answers from a go-diameter server that
// does no work.
func TestBareDiameter(t *testing.T) {
	t.Parallel()
	server, err := startBareServer()
	if err != nil {
		t.Fatal(err)
	}
	a, err := startAAA(t.Context(), node{bareIdentity, server.address()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		o, err := a.bootstrap(t.Context(), bareIdentity, i)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := known(o); err != nil {
			t.Errorf("deriving a mobile node's key: %v", err)
		}
	}
	if err := a.stop(); err != nil {
		t.Error(err)
	}
}

// calls makes bareKeys whose calls are only written down.
func calls(window int, made *[]string) *bareKeys {
	lane := func(kind string, batch int) bareLane {
		return bareLane{batch: batch,
			load: func(_ context.Context, some []arrival) error {
				*made = append(*made, fmt.Sprintf("load %d %s", len(some), kind))
				return nil
			},
			unload: func(context.Context, string) error {
				*made = append(*made, "unload "+kind)
				return nil
			},
		}
	}
	return &bareKeys{window: window, wake: make(chan struct{}, 1), keys: lane("key", 1), conns: lane("conn", batch)}
}

// TestBareOrder: keys go first as long as that lets connections gather, newcomers
// before those who have to go, but those only so long.
func TestBareOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		window   int
		newcomer int
		want     []string // runs of the same call
	}{
		{"one", 10, 1, []string{"1 load 1 key", "1 load 1 conn"}},
		{"a few", 10, 3, []string{"3 load 1 key", "1 load 3 conn"}},
		{"many", 100, 40, []string{"2 load 16 conn", "40 load 1 key", "1 load 8 conn"}},
		{"a full window", 2, 3, []string{"3 load 1 key", "1 load 3 conn", "1 unload key", "1 unload conn"}},
		{
			"beyond the slack", 0, slack + 2,
			[]string{"1 load 16 conn", "1 load 1 key", "1 unload conn", "1 load 16 conn", "1 unload conn", "1 load 2 conn"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var made []string
			b := calls(tt.window, &made)
			done := make(chan error, 1000)
			for i := range tt.newcomer {
				c, err := stranger(i)
				if err != nil {
					t.Fatal(err)
				}
				b.admit(arrival{c, done})
			}
			for call := b.next(); call != nil; call = b.next() {
				if err := call(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got := runs(made)
			if diff := cmp.Diff(tt.want, got[:min(len(got), len(tt.want))]); diff != "" {
				t.Errorf("unexpected calls (-want +got):\n%s", diff)
			}
			if n := len(done); n != 2*tt.newcomer {
				t.Errorf("%d parts were loaded, want %d", n, 2*tt.newcomer)
			}
			if n := strings.Count(strings.Join(made, "\n"), "unload"); n != 2*max(0, tt.newcomer-tt.window) {
				t.Errorf("%d parts were unloaded, want %d", n, 2*max(0, tt.newcomer-tt.window))
			}
			if err := b.drained(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// runs counts repetitions.
func runs(made []string) []string {
	var all []string
	for len(made) > 0 {
		n := 1
		for n < len(made) && made[n] == made[0] {
			n++
		}
		all = append(all, fmt.Sprintf("%d %s", n, made[0]))
		made = made[n:]
	}
	return all
}

// TestBareCalls: the bare calls load what the home agent loads, and no more than
// it.
func TestBareCalls(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ours, bare := vicitest.New(), vicitest.New()
	agent, err := ike.New(ike.Config{
		Dial: ours.Dial, Identity: agentIdentity, IKEProposals: ikeProposals, ESPProposals: espProposals,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := connectBy(ctx, vici.Config{Dial: bare.Dial})
	if err != nil {
		t.Fatal(err)
	}
	k := newBareKeys(l.Link, 2)
	var running sync.WaitGroup
	running.Go(func() { _ = agent.Run(ctx) })
	running.Go(func() { _ = k.run(ctx) })
	for i := range 3 {
		c, err := stranger(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(agent.Arm(ctx, c), k.arm(ctx, c)); err != nil {
			t.Fatal(err)
		}
		name := ike.ConnectionName(c.HomeAddress)
		if diff := cmp.Diff(ours.Conn(name).String(), bare.Conn(name).String()); diff != "" {
			t.Errorf("the connections differ (-home agent +bare):\n%s", diff)
		}
		if diff := cmp.Diff(ours.Key(name).String(), bare.Key(name).String()); diff != "" {
			t.Errorf("the keys differ (-home agent +bare):\n%s", diff)
		}
	}
	if err := k.drained(ctx); err != nil {
		t.Error(err)
	}
	if keys, conns := bare.Keys(), bare.Conns(); len(keys) != 2 || len(conns) != 2 {
		t.Errorf("keys %v and connections %v are held, want 2 each", keys, conns)
	}
	if err := k.empty(ctx); err != nil || len(bare.Keys())+len(bare.Conns()) > 0 {
		t.Errorf("keys %v and connections %v are left, error %v", bare.Keys(), bare.Conns(), err)
	}
	l.close()
	cancel()
	running.Wait()
}

// A stranger is not a resident.
func TestStranger(t *testing.T) {
	t.Parallel()
	c, err := stranger(7)
	if err != nil {
		t.Fatal(err)
	}
	if c.HomeAddress == residence(7) || !c.EstablishedAt.IsZero() || c.UserName != "stranger7@bench.example" {
		t.Errorf("unexpected %+v", c)
	}
}
