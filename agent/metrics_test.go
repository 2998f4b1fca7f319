package agent_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"homeagent/diameter"
)

// get asks one of the house's sockets.
func (h *house) get(t *testing.T, socket, path string) (int, string) {
	t.Helper()
	// The daemon is ready before its metrics can be had.
	eventually(t, socket+" is listened on", func() bool {
		conn, err := net.Dial("unix", h.file(socket))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.file(socket))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://homeagent"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// values scrapes the metrics, by series.
func (h *house) values(t *testing.T) map[string]float64 {
	t.Helper()
	code, text := h.get(t, "metrics", "/metrics")
	if code != http.StatusOK {
		t.Fatalf("scraping: %d\n%s", code, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if value == "" {
			series, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		} else {
			series += "}"
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[series] = n
	}
	return all
}

func (h *house) expectMetrics(t *testing.T, want map[string]float64) {
	t.Helper()
	got := h.values(t)
	for series, value := range want {
		if n, ok := got[series]; !ok || n != value {
			t.Errorf("%s is %v (%v), want %v", series, n, ok, value)
		}
	}
}

// What happens is counted where it happens.
func TestMetricsTellWhatHappened(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.values(t)
	for series, want := range map[string]float64{
		"homeagent_ready": 1, `homeagent_hmr_answers_total{code="2001"}`: 0, "homeagent_charon_connected": 1,
		"homeagent_kernel_in_sync": 1, "homeagent_tunnel_spoofed_packets_total": 3,
		`homeagent_kernel_ipsec_errors_total{error="XfrmInTmplMismatch"}`: 2,
		`homeagent_home_addresses{prefix="2001:db8:1::/64",state="free"}`: 4,
		`homeagent_diameter_peer_open{peer="aaah.example.com"}`:           0,
		`homeagent_config_last_reload_successful`:                         1,
		`homeagent_hmr_refusals_total{reason="key_not_loaded"}`:           0,
	} {
		if got, ok := before[series]; !ok || got != want {
			t.Errorf("at first %s is %v (%v), want %v", series, got, ok, want)
		}
	}

	home := h.bootstrap(t)
	aaa := h.connect(t, "old.example.com")
	elsewhere := aaa.hmr("mn2@example.com")
	elsewhere.Add(diameter.NewAddress(codes.MobileNodeAddress, codes.Vendor, must, netip.MustParseAddr("2001:db8:9::1")))
	aaa.ask(t, elsewhere)
	stranger := h.connect(t, "stranger.example.com")
	stranger.ask(t, stranger.hmr("mn3@example.com"))
	h.answer(t, message(home, octets(t, update(1, 100))))
	eventually(t, "the acknowledgement is counted", func() bool {
		return h.values(t)["homeagent_binding_update_duration_seconds_count"] == 1
	})
	h.expectMetrics(t, map[string]float64{
		`homeagent_hmr_answers_total{code="2001"}`:                                          1,
		`homeagent_hmr_answers_total{code="5004"}`:                                          1,
		`homeagent_hmr_answers_total{code="5003"}`:                                          1,
		`homeagent_hmr_refusals_total{reason="address_not_served"}`:                         1,
		`homeagent_hmr_refusals_total{reason="not_admitted"}`:                               1,
		"homeagent_hmr_duration_seconds_count":                                              2,
		`homeagent_stage_duration_seconds_count{stage="charon"}`:                            1,
		`homeagent_stage_duration_seconds_count{stage="kernel"}`:                            1,
		`homeagent_sessions{state="armed"}`:                                                 1,
		`homeagent_home_addresses{prefix="2001:db8:1::/64",state="in_use"}`:                 1,
		`homeagent_home_addresses{prefix="2001:db8:1::/64",state="free"}`:                   3,
		`homeagent_diameter_peer_open{peer="old.example.com"}`:                              1,
		`homeagent_diameter_messages_received_total{kind="request",peer="old.example.com"}`: 1,
		`homeagent_bindings{state="bound"}`:                                                 1,
		`homeagent_binding_outcomes_total{reason="registered"}`:                             1,
		`homeagent_binding_acknowledgements_total{status="0"}`:                              1,
		"homeagent_binding_update_duration_seconds_count":                                   1,
		"homeagent_store_healthy":                                                           1,
		"homeagent_store_commit_failures_total":                                             0,
	})
	after := h.values(t)
	if n := after["homeagent_store_commit_calls_total"]; n < 2 {
		t.Errorf("%v calls were made durable, want 2 at least", n)
	}
	if n := after["homeagent_binding_update_duration_seconds_sum"]; n <= 0 || n > 60 {
		t.Errorf("the Binding Update took %v s", n)
	}
	if n := after["homeagent_store_size_bytes"]; n < 4096 {
		t.Errorf("the store has %v octets", n)
	}
}

// Profiles are for those who may use the control socket, and have no words of
// memory in them.
func TestProfiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, want := range map[string]int{
		"/debug/pprof/": http.StatusOK, "/debug/pprof/heap": http.StatusOK, "/debug/pprof/goroutine?debug=1": http.StatusOK,
		"/debug/pprof/goroutine?debug=2": http.StatusInternalServerError, "/debug/pprof/cmdline": http.StatusNotFound,
		"/debug/pprof/goroutine?debug=%2B3":                 http.StatusInternalServerError,
		"/debug/pprof/goroutine?debug=99999999999999999999": http.StatusInternalServerError,
	} {
		if code, body := h.get(t, "control", path); code != want {
			t.Errorf("%s: %d, want %d\n%.200s", path, code, want, body)
		}
	}
	if code, _ := h.get(t, "metrics", "/debug/pprof/heap"); code != http.StatusNotFound {
		t.Errorf("the socket of metrics answers %d, want 404", code)
	}
}
