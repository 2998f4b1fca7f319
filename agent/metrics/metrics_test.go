package metrics_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"homeagent/agent/addresspool"
	"homeagent/agent/bindingcache"
	"homeagent/agent/control"
	"homeagent/agent/metrics"
	"homeagent/agent/mobility"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/ike"
	"homeagent/xfrm"
)

var update = flag.Bool("update", false, "write testdata anew")

// snapshot is a home agent with a bit of everything.
func snapshot() *metrics.Snapshot {
	s := &metrics.Snapshot{
		Started: time.Unix(1767311000, 500e6), Ready: true, Warnings: 1, Degraded: degraded(), Sessions: metrics.Sessions{Armed: 1, Established: 2, Dormant: 3},
		Prefixes: []addresspool.Usage{
			{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), InUse: 3, HeldDown: 1, Remembered: 2, Size: 100},
			{Prefix: netip.MustParsePrefix("2001:db8:2::/64"), Size: math.MaxUint64},
			{Prefix: netip.MustParsePrefix("2001:db8:3::/64"), InUse: 5, Size: 4},
		},
		Bindings: [bindingcache.Phases]int{bindingcache.PhaseBound: 2, bindingcache.PhaseChanging: 1},
		Peers: []peer.Status{
			{Host: "aaah.example.com", State: "R-Open", Open: true, Counters: peer.Counters{
				Connections: 1, RequestsReceived: 10, AnswersSent: 9, RequestsSent: 2, AnswersReceived: 1, Duplicates: 3, Refused: 4, TooBusy: 5,
				UnknownAnswers: 6, Failovers: 7, WatchdogsSent: 8, WatchdogsReceived: 11, StateLosses: 12, InProgress: 13, Queued: 14,
			}},
			{Host: "aaah2.example.com", State: "Closed"},
		},
		Traffic: peer.Traffic{Strangers: 1, StrangersTurnedAway: 2, Remembered: 3, ForgottenEarly: 4},
		IKE: metrics.IKE{Window: 500, Status: ike.Status{
			Connected: true, Loaded: 3, Pending: 4, Established: 5, Evicted: 6, Waiting: 7, Reconciled: 8, Repaired: 9, Removed: 10, Reconnects: 11,
		}},
		Kernel:  metrics.Kernel{InSync: true, Repairs: 1, Counted: true, Counters: xfrm.Counters{Spoofed: 2, IPsec: map[string]uint64{"XfrmInTmplMismatch": 3, "XfrmInError": 0}}},
		Store:   metrics.Store{Healthy: true, Size: 65536, Free: 1 << 30},
		Reload:  metrics.Reload{OK: true, At: time.Unix(1767312000, 0)},
		Control: metrics.Control{Requests: 1, Refused: 2},
		Validity: metrics.Validity{From: time.Unix(1767300000, 0), Until: time.Unix(1775000000, 0), Authorities: map[string]time.Time{
			"CN=Example CA,O=Example": time.Unix(1900000000, 0), "CN=Former CA": time.Unix(1768000000, 0),
		}},
	}
	s.Traffic.Refused[peer.ReasonUnknownPeer], s.Traffic.Refused[peer.ReasonExpired] = 5, 1
	s.Outcomes[bindingcache.Registered], s.Outcomes[bindingcache.OldSequence], s.Outcomes[bindingcache.NotProtected] = 3, 2, 1
	s.Faults[mobility.FaultTruncated] = 1
	s.Socket.ErrorsLimited, s.Socket.Socket.Truncated = 1, 2
	s.HomeLink.Up, s.HomeLink.Held, s.HomeLink.Errors, s.HomeLink.Counters.Conflicts = true, 2, 1, 3
	s.Discovery.Received[0] = 4
	return s
}

// degraded is for lack of a peer.
func degraded() map[string]bool {
	causes := map[string]bool{}
	for _, cause := range control.Causes() {
		causes[string(cause)] = cause == control.NoPeer
	}
	return causes
}

// lived is what was measured of it.
func lived() *metrics.Metrics {
	m := metrics.New("1.0", snapshot)
	m.AnsweredHMR(diameter.Success)
	m.AnsweredHMR(diameter.TooBusy)
	m.AnsweredHMR(3999)
	m.ServedHMR(3 * time.Millisecond)
	m.RefusedHMR(session.AddressInUse.Key())
	m.Acknowledged(mobility.StatusAccepted, time.Millisecond)
	m.Acknowledged(mobility.StatusSequenceOutOfWindow, time.Second)
	m.Acknowledged(200, 0)
	m.Waited(metrics.OnStore, time.Millisecond, nil)
	m.Waited(metrics.OnKernel, time.Minute, errors.New("no buffers"))
	m.Detected(metrics.Duplicate)
	m.Committed(store.Commit{Calls: 3, Took: 2 * time.Millisecond})
	m.Committed(store.Commit{Calls: 5, Err: errors.New("disk full")})
	return m
}

func scrape(t testing.TB, m *metrics.Metrics, accept string) (*http.Response, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(recorder, req)
	response := recorder.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// ours leaves out what comes with the library, and where the build is told.
func ours(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "homeagent_") && !strings.HasPrefix(line, "homeagent_build_info{") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// The exposition is as it is on record; .ci/test gives the record to promtool.
func TestExposition(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, lived(), "")
	const golden = "testdata/metrics.prom"
	if *update {
		if err := os.WriteFile(golden, []byte(ours(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), ours(text)); diff != "" {
		t.Errorf("the exposition differs; go test ./agent/metrics -update writes it anew (-want +got):\n%s", diff)
	}
	for _, start := range []string{`homeagent_build_info{goversion="go1.`, "process_cpu_seconds_total ", "go_goroutines "} {
		if !strings.Contains(text, "\n"+start) {
			t.Errorf("%s is missing", start)
		}
	}
}

func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	response, text := scrape(t, lived(), "application/openmetrics-text;version=1.0.0")
	if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
		t.Errorf("Content-Type: %s", got)
	}
	if !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("the exposition ends with %q", text[max(0, len(text)-20):])
	}
}

// Names, units and help are as Prometheus' linter wants them: that of promtool.
func TestLint(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(lived().Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The list of the manual has every metric, as it is.
func TestDescriptionsAreTheMetrics(t *testing.T) {
	t.Parallel()
	described := map[string]metrics.Description{}
	for _, d := range metrics.Describe() {
		if _, twice := described[d.Name]; twice {
			t.Errorf("%s is described twice", d.Name)
		}
		described[d.Name] = d
	}
	gathered, err := lived().Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		if !strings.HasPrefix(f.GetName(), "homeagent_") {
			continue
		}
		d := described[f.GetName()]
		delete(described, f.GetName())
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		if !strings.EqualFold(d.Type, f.GetType().String()) || d.Help+"." != f.GetHelp() || !slices.Equal(slices.Sorted(slices.Values(d.Labels)), labels) {
			t.Errorf("%s is described as %+v, and is %s with the labels %v: %s", f.GetName(), d, f.GetType(), labels, f.GetHelp())
		}
	}
	for name := range described {
		t.Errorf("%s is described and not there", name)
	}
}

// Labels are of few values: states, reasons, the configuration. Nothing of a
// mobile node is among them, however much there is.
func TestNoSubscriberIsNamed(t *testing.T) {
	t.Parallel()
	bounded := []string{"state", "reason", "code", "status", "stage", "result", "fault", "error", "kind", "prefix", "peer", "authority", "cause", "version", "goversion"}
	for _, d := range metrics.Describe() {
		for _, label := range d.Labels {
			if !slices.Contains(bounded, label) {
				t.Errorf("%s has the label %s, which is none of %v", d.Name, label, bounded)
			}
		}
	}
}

// Everything that may be counted one day is there from the start, at zero.
func TestSeriesAreThereFromTheStart(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, metrics.New("1.0", func() *metrics.Snapshot { return &metrics.Snapshot{} }), "")
	for _, reason := range session.Reasons() {
		if !strings.Contains(text, `homeagent_hmr_refusals_total{reason="`+reason.Key()+`"} 0`) {
			t.Errorf("the reason %s is missing", reason.Key())
		}
	}
	for reason := range bindingcache.Reasons {
		if name := bindingcache.Reason(reason).String(); name != "" && !strings.Contains(text, `{reason="`+name+`"} 0`) {
			t.Errorf("the reason %s is missing", name)
		}
	}
	if n := strings.Count(text, "homeagent_binding_acknowledgements_total{"); n < 10 {
		t.Errorf("%d statuses", n)
	}
}

// What is not known is not told, rather than as 0.
func TestUnknownIsLeftOut(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, metrics.New("1.0", func() *metrics.Snapshot { return &metrics.Snapshot{Store: metrics.Store{Size: -1, Free: -1}} }), "")
	for _, name := range []string{"homeagent_tls_", "homeagent_store_size_bytes", "homeagent_store_free_bytes", "homeagent_tunnel_spoofed_packets_total", "homeagent_kernel_ipsec_errors_total"} {
		if strings.Contains(text, "\n"+name) {
			t.Errorf("%s is told", name)
		}
	}
}

func TestOnlyMetricsAreServed(t *testing.T) {
	t.Parallel()
	handler := lived().Handler(slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/", http.StatusNotFound}, {http.MethodPost, "/metrics", http.StatusMethodNotAllowed},
		{http.MethodGet, "/debug/pprof/", http.StatusNotFound}, {http.MethodHead, "/metrics", http.StatusOK},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, bytes.NewReader(nil)))
		if recorder.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, recorder.Code, tt.want)
		}
	}
}
