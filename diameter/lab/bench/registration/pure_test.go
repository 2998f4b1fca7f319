package registration

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter/lab/bench"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	seen := map[netip.Addr]bool{}
	for i := range 70000 {
		home := agentRealm.home(i)
		if !agentRealm.prefix.Contains(home) || home == agentRealm.agent {
			t.Fatalf("node %d has the home address %s", i, home)
		}
		if got, want := reqID(home), uint32(firstReqID+i); got != want {
			t.Fatalf("node %d has the reqid %d, want %d", i, got, want)
		}
		for place := range places {
			here := careOf(place, i)
			if !careOfPrefix.Contains(here) || seen[here] {
				t.Fatalf("node %d at place %d has the care-of address %s", i, place, here)
			}
			seen[here] = true
		}
		if careOf(places, i) != careOf(0, i) {
			t.Fatalf("node %d does not come back to its first place", i)
		}
	}
}

func TestCrowdIsAsTheHomeAgentKnowsIt(t *testing.T) {
	t.Parallel()
	all := agentRealm
	all.nodes = 20
	spis := map[uint32]bool{}
	for i, n := range all.crowd(nil) {
		s, err := all.session(i)
		if err != nil {
			t.Fatal(err)
		}
		if n.HomeAddress != s.HomeAddress || n.HomeAgent != s.HomeAgent || n.ReqID != s.ReqID {
			t.Errorf("node %d is %+v, its session %+v", i, n, s)
		}
		if spis[n.SPI] || spis[n.SPI+1] {
			t.Errorf("node %d has an SPI that another has", i)
		}
		spis[n.SPI], spis[n.SPI+1] = true, true
	}
}

// The daemon's own loader takes the configuration and the store.
func TestDaemonTakesWhatIsWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text, err := fill(folder)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "homeagent.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Mobility.TunnelDevice != tunnel || cfg.Mobility.MaxLifetime < lifetime || cfg.Mobility.HomeLink != config.Virtual {
		t.Errorf("mobility: %+v", cfg.Mobility)
	}
	all := agentRealm
	all.nodes = commitSize + 3
	if err := all.write(t.Context(), cfg.Store.Path); err != nil {
		t.Fatal(err)
	}
	records, err := boltstore.Open(cfg.Store.Path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	sessions := 0
	if err := records.Sessions(func(store.Session) error { sessions++; return nil }); err != nil || sessions != all.nodes {
		t.Errorf("%d sessions, %v, want %d", sessions, err, all.nodes)
	}
}

func TestSumOf(t *testing.T) {
	t.Parallel()
	const text = "MemTotal:  100 kB\nSlab:   12 kB\nKReclaimable: 5 kB\nPercpu:   3 kB\n"
	if got, err := sumOf(text, "Slab:", "Percpu:"); err != nil || got != 15<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, tt := range []struct{ text, name string }{{text, "Claimable:"}, {text, "Vmalloc:"}, {"Slab: many", "Slab:"}, {"Slab:", "Slab:"}} {
		if got, err := sumOf(tt.text, tt.name); err == nil {
			t.Errorf("%s of %q is %d, want an error", tt.name, tt.text, got)
		}
	}
}

// sample is n operations of a time each, one after the other.
func sample(n int, each time.Duration) bench.Sample {
	s := bench.Sample{Elapsed: time.Duration(n) * each}
	for range n {
		s.Took = append(s.Took, each)
	}
	return s
}

func sampleResults() *results {
	one := round{}
	for p := range partEnd {
		one[p] = figure{Sample: sample(100, time.Duration(p+1)*time.Millisecond), used: 50 * time.Millisecond}
	}
	return &results{
		rounds: map[load][]round{loads[0]: {one}, loads[1]: {one, one, one}},
		filled: sample(1000, time.Millisecond), kernel: 4 << 10, process: 2 << 10,
		expiry: expiry{bindings: 900, took: 3 * time.Second, meanwhile: sample(10, 2*time.Millisecond)},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	text := sampleResults().table().String()
	for _, want := range []string{"1000 bindings", "bare responder", "new registration"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[0] == "refresh" && fields[1] == "64" {
			if want := []string{"refresh", "64", "500", "2.00", "2.00", "0.50", "0.50", "100"}; strings.Join(fields, " ") != strings.Join(want, " ") {
				t.Errorf("refreshes: %v, want %v", fields, want)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report := bench.NewReport(&out)
	sampleResults().judge(report)
	missed := strings.Join(report.Missed(), "\n")
	// 200 registrations, 500 refreshes and 333 moves per second, and half of the
	// bare responder's rate.
	for _, want := range []string{"new registration", "refresh, 64", "move, 64", "rate of refreshes"} {
		if !strings.Contains(missed, want) {
			t.Errorf("%q was not missed:\n%s", want, missed)
		}
	}
	if strings.Contains(missed, "memory") || !strings.Contains(out.String(), "900 bindings that ended at once were gone after 3.0 s") {
		t.Errorf("the report:\n%s", out.String())
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	report := bench.NewReport(&bytes.Buffer{})
	if err := Run(context.Background(), Config{Nodes: 10}, report); err == nil || !strings.Contains(err.Error(), "must be at least") {
		t.Errorf("with 10 nodes: %v", err)
	}
	err := Run(context.Background(), Config{Nodes: 10000, Binaries: t.TempDir()}, report)
	if err == nil || !strings.Contains(err.Error(), "homeagentd") {
		t.Errorf("without programs: %v", err)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	if got := tail("abc", 2) + tail("abc", 5); got != "bcabc" {
		t.Errorf("got %q", got)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	summary := "syscall              calls\n---------------- ---------\nread                   256\nfutex                 1280\nwrite                  256\n---------------- ---------\ntotal                 1792\n"
	got, err := parseCalls(summary)
	if err != nil {
		t.Fatal(err)
	}
	if want := "   7.0: 5.00 futex, 1.00 read, 1.00 write"; got.String() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := parseCalls("read many\n"); err == nil {
		t.Error("a count that is no number was read")
	}
	var out bytes.Buffer
	r := sampleResults()
	r.calls[refresh] = got
	r.showCalls(bench.NewReport(&out))
	if !strings.Contains(out.String(), "refresh") || strings.Contains(out.String(), "move") {
		t.Errorf("got %q, want what was counted and nothing else", out.String())
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	strace := filepath.Join(folder, "strace")
	// It says what strace says, and ends as strace does.
	script := "#!/bin/sh\necho 'strace: Process 1 attached' >&2\ntrap 'echo \"read 512\" >" + folder + "/calls; exit 130' INT\nwhile :; do sleep 0.01; done\n"
	if err := os.WriteFile(strace, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ran := false
	got, err := tracer{program: strace, pid: 1, file: filepath.Join(folder, "calls")}.count(t.Context(), func() error { ran = true; return nil })
	if err != nil || !ran || got["read"] != 512 {
		t.Errorf("got %v, %v, ran %v", got, err, ran)
	}
}
