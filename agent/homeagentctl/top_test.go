package main

import (
	"flag"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
)

var rewrite = flag.Bool("rewrite", false, "write the frames of testdata anew")

// snapshots are two looks at a busy daemon, two seconds apart.
func snapshots() (before, now control.Snapshot) {
	at := started.Add(3*time.Hour + 2*time.Minute)
	look := func(at time.Time, hmr, busy, updates, old uint64) control.Snapshot {
		return control.Snapshot{
			Status: control.Status{
				Version: "1.0", State: "ready", Identity: "ha.example.net", Started: started, Bindings: 96,
				Sessions: control.SessionCounts{Total: 120, Established: 100, Armed: 20},
				IKE:      control.IKEStatus{Connected: true, Loaded: 120},
				Kernel:   control.KernelStatus{InSync: true, Repairs: 2},
				Store:    control.StoreStatus{Path: "/var/lib/homeagent/state.db", Free: 12 << 30},
				Prefixes: []control.PrefixStatus{{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), InUse: 120, Held: 3}},
				Peers: []control.Peer{
					{Host: "aaah.example.com", State: "R-Open", Since: started, Open: true, Health: "OKAY", Address: "[2001:db8::a]:1", Counters: control.PeerCounters{Requests: hmr, TooBusy: busy}},
					{Host: "old.example.com", State: "Closed", Since: at.Add(-time.Minute), Health: "DOWN", Error: "connecting: connection refused\x1b[2J"},
				},
				Warnings: []control.Warning{{Text: "the kernel does not forward IPv6 packets"}},
			},
			Activity: control.Activity{
				Time: at,
				HMR: control.Answers{
					Results: map[string]uint64{"DIAMETER_SUCCESS": hmr - busy, "DIAMETER_TOO_BUSY": busy},
					Latency: []control.Latency{{Below: 0.004096, Count: hmr - 1}, {Below: 0.016384, Count: 1 + busy}},
				},
				BindingUpdates: control.Answers{
					Results: map[string]uint64{"registered": 100, "refreshed": updates, "old_sequence": old},
					Latency: []control.Latency{{Below: 0.000256, Count: updates}},
				},
			},
		}
	}
	return look(at, 1000, 10, 50000, 7), look(at.Add(2*time.Second), 1024, 12, 50261, 7)
}

// frames are compared with those of testdata, in UTC.
func TestFrames(t *testing.T) {
	t.Setenv("TZ", "UTC")
	before, now := snapshots()
	other := now
	other.Status.Started = now.Status.Started.Add(time.Hour)
	broken := now
	broken.Status.State, broken.Status.IKE = "degraded", control.IKEStatus{Error: "no such file"}
	broken.Status.Reasons = []control.Warning{{Cause: control.StrongSwanAway, Text: "strongSwan is away"}}
	broken.Status.Kernel, broken.Status.Store.Error = control.KernelStatus{Error: "operation not permitted"}, "disk full"
	wide := screen{width: unlimited, height: unlimited}
	for name, frame := range map[string]string{
		"busy":      frame(&before, &now, wide),
		"first":     frame(&now, &now, wide),
		"restarted": frame(&now, &other, wide),
		"broken":    frame(&before, &broken, wide),
		"terminal":  frame(&before, &now, screen{style: style{coloured: true}, width: 60, height: 16, erase: true, problem: "connection refused"}),
	} {
		frame = strings.ReplaceAll(frame, now.Activity.Time.Local().Format(pointFormat), now.Activity.Time.Format(pointFormat))
		file := filepath.Join("testdata", "top-"+name+".txt")
		if *rewrite {
			if err := os.WriteFile(file, []byte(frame), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), frame); diff != "" {
			t.Errorf("%s (-want +got; go test ./agent/homeagentctl -rewrite accepts it):\n%s", name, diff)
		}
	}
}

func TestFramesFitTheScreen(t *testing.T) {
	t.Parallel()
	before, now := snapshots()
	for _, size := range [][2]int{{1, 1}, {20, 5}, {80, 24}} {
		out := frame(&before, &now, screen{width: size[0], height: size[1]})
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) > max(1, size[1]-1) {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, l := range lines {
			if n := len([]rune(l)); n > size[0] {
				t.Errorf("%v: a line of %d: %q", size, n, l)
			}
		}
	}
	if got := cut(red+"abcdef"+plain, 3); got != red+"abc"+plain {
		t.Errorf("cut: %q", got)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	times := []control.Latency{{Below: 0.001, Count: 98}, {Below: 0.002, Count: 1}, {Below: 1, Count: 1}}
	for share, want := range map[float64]string{0.5: "1ms", 0.99: "2ms", 1: "1s"} {
		if got := below(times, share); got != want {
			t.Errorf("%v below %s, want %s", share, got, want)
		}
	}
	if got := below(nil, 0.5); got != "-" {
		t.Errorf("of nothing: %s", got)
	}
	less := difference(times, []control.Latency{{Below: 0.001, Count: 3}})
	if len(less) != 1 || less[0].Count != 3 {
		t.Errorf("counted anew: %v", less)
	}
}

// viewing is a daemon with all views.
func viewing(t *testing.T) string {
	t.Helper()
	_, now := snapshots()
	socket := filepath.Join(t.TempDir(), "c")
	_, server := serveBackend(t, socket)
	server.Handle("GET /v1/activity", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now.Activity.Time = time.Now()
		server.Answer(w, now.Activity)
	}))
	server.Handle("GET /v1/peers", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refusal := control.Refusal{Time: time.Now(), Reason: "certificate_expired", Remote: "[2001:db8::b]:2", Host: "old.example.com", Text: "it ran out", Meaning: "mend the other end's", Times: 1}
		now.Status.Peers[1].Refusal = &refusal
		server.Answer(w, control.Peers{Schema: control.Schema, Peers: now.Status.Peers, Strangers: []control.Refusal{
			{Time: time.Now(), Reason: "unknown_peer", Remote: "[2001:db8::c]:3", Host: "x.example\x1b[2J", Text: "who is that?", Times: 7},
			{Time: time.Now(), Reason: "silent", Remote: "[2001:db8::d]:4", Text: "EOF", Times: 1},
		}})
	}))
	return socket
}

func TestTopOnce(t *testing.T) {
	t.Parallel()
	socket := viewing(t)
	for _, flags := range [][]string{{"--once"}, nil, {"--json"}} { // the output is no terminal
		out, err := ctl(t, "", append([]string{"--socket", socket, "top", "--every", "100ms"}, flags...)...)
		if err != nil || !strings.Contains(out, "ha.example.com") || strings.Contains(out, "\x1b") {
			t.Errorf("top %v: %v\n%s", flags, err, out)
		}
	}
	if _, err := ctl(t, "", "--socket", socket, "top", "--every", "1ms"); err == nil || exitCode(err) != exitUsage {
		t.Errorf("top too often: %v", err)
	}
}

func TestPeers(t *testing.T) {
	t.Parallel()
	socket := viewing(t)
	out, err := ctl(t, "", "--socket", socket, "peers")
	for _, want := range []string{
		"aaah.example.com  R-Open for", "old.example.com  Closed for", "[2001:db8::a]:1 over",
		"1024 received", "12 too many at once", "last error    connecting: connection refused\uFFFD[2J",
		"last refusal  certificate_expired, from [2001:db8::b]:2 (0s ago): it ran out\n  which means   mend the other end's\n", "\nrefused connections of nobody in the list of peers",
		"unknown_peer, from [2001:db8::c]:3, 7 times (0s ago)  it calls itself x.example\uFFFD[2J  who is that?",
		"silent, from [2001:db8::d]:4 (0s ago)                 it did not say who it is ",
	} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("peers lacks %q: %v\n%s", want, err, out)
		}
	}
	if out, err := ctl(t, "", "--socket", socket, "peers", "--json"); err != nil || !strings.Contains(out, `"requests_received": 1024`) {
		t.Errorf("peers --json: %v\n%s", err, out)
	}
	var none strings.Builder
	if err := printPeers(&none, style{}, nil); err != nil || !strings.Contains(none.String(), "diameter.peer") {
		t.Errorf("without peers: %v, %q", err, none.String())
	}
}
