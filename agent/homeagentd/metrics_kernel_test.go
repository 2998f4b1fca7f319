//go:build kerneltest

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"homeagent/diameter/lab/testbed"
)

// scrape reads the metrics where the configuration says nothing of them.
func (s *system) scrape(t *testing.T) string {
	t.Helper()
	var conn net.Conn
	err := s.HomeAgent.Do(func() (err error) {
		conn, err = net.DialTimeout("tcp", "127.0.0.1:9868", 10*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req, err := http.NewRequestWithContext(soon(t), http.MethodGet, "http://127.0.0.1:9868/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{ // the library would connect from elsewhere
		DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	response, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Monitoring sees one mobile node come with real kernels and strongSwan, and
// nothing of who it is.
func TestMetrics(t *testing.T) {
	s := newSystem(t, "")
	home := s.bootstrap(t, 1)
	node := s.node(t, user(1), home, keyOf(1))
	if _, err := node.Register(soon(t), testbed.CareOfAddressA); err != nil {
		t.Fatal(err)
	}
	s.await(t, "strongSwan's report is taken", func() bool {
		return strings.Contains(s.scrape(t), "\nhomeagent_sessions{state=\"established\"} 1\n")
	})
	text := s.scrape(t)
	for _, want := range []string{
		"homeagent_ready 1", "homeagent_charon_connected 1", "homeagent_charon_loaded_sessions 1", "homeagent_kernel_in_sync 1", "homeagent_store_healthy 1",
		`homeagent_hmr_answers_total{code="2001"} 1`, `homeagent_binding_acknowledgements_total{status="0"} 1`,
		`homeagent_binding_outcomes_total{reason="registered"} 1`, `homeagent_bindings{state="bound"} 1`,
		`homeagent_stage_duration_seconds_count{stage="charon"} 1`, `homeagent_stage_duration_seconds_count{stage="kernel"} 1`,
		`homeagent_home_addresses{prefix="2001:db8:1::/64",state="in_use"} 1`, `homeagent_diameter_peer_open{peer="aaah.example.com"} 1`,
		`homeagent_kernel_ipsec_errors_total{error="XfrmInStateMismatch"} 0`, "homeagent_tunnel_spoofed_packets_total 0",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %q", want)
		}
	}
	for _, secret := range []string{user(1), home.String(), testbed.CareOfAddressA.String()} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the metrics", secret)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
