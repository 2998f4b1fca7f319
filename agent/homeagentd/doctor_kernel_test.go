//go:build kerneltest

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/diameter"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/diameter/lab/testbed"
)

// asDoctor in the environment makes this test binary the doctor; it names the
// configuration.
const asDoctor = "HOMEAGENTD_TEST_AS_DOCTOR"

func examine(file string) {
	cfg, err := config.Load(file)
	report := doctor.Examine(context.Background(), doctor.Subject{
		File: file, Config: cfg, ConfigError: err, Settings: os.Getenv("STRONGSWAN_CONF"), System: machine.Linux{},
	}, doctor.Checks(), nil)
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		panic(err)
	}
}

// diagnosis is what the doctor finds on the home agent, a line each. The clock is
// left out: that of the test's kernel is nobody's.
func (s *system) diagnosis(t *testing.T, want doctor.Status) []string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(filepath.Dir(s.charon.Socket()), "strongswan.conf")
	out, err := s.HomeAgent.Run(soon(t), "env", asDoctor+"="+s.file("homeagent.toml"), "STRONGSWAN_CONF="+settings, binary)
	if err != nil {
		t.Fatal(err)
	}
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var lines []string
	for _, f := range report.Findings {
		if f.Status >= want && f.Check != "clock" {
			lines = append(lines, fmt.Sprintf("%s %s: %s", f.Status, f.Check, f.Text))
		}
	}
	return lines
}

// The doctor finds nothing wrong with a box that works, sees what is broken on it,
// and so does the daemon, as far as it looks itself.
func TestDoctor(t *testing.T) {
	s := newSystem(t, "")
	if diff := cmp.Diff([]string(nil), s.diagnosis(t, doctor.Warning)); diff != "" {
		t.Errorf("unexpected findings on a box that works (-want +got):\n%s", diff)
	}
	seen := strings.Join(s.diagnosis(t, doctor.OK), "\n")
	for _, want := range []string{
		"ok module: the kernel has mip6,", "ok strongswan: strongSwan 5.9.8 answers", "ok daemon: the daemon is ready",
		"ok listener: the daemon listens on [2001:db8:1::1]:3868", "ok peer: aaah.example.com is connected from ",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in:\n%s", want, seen)
		}
	}
	s.refuse(t)
	s.misconfigure(t)
	want := []string{
		"fail forwarding: the kernel does not forward IPv6 packets, so mobile nodes get none",
		"fail address: the home agent's address 2001:db8:1::1 is on no interface",
		"fail conflict: an IPsec policy of somebody else (2001:db8::/32 to 2001:db8:1::1/128, protocol 135, in, priority 5) is looked at before the home agent's for the signalling of mobile nodes",
	}
	got := s.diagnosis(t, doctor.Failure)
	if diff := cmp.Diff(want, got[:min(len(got), 3)]); diff != "" {
		t.Errorf("unexpected findings on a broken box (-want +got):\n%s", diff)
	}
	// What it saw a moment ago is good for a moment.
	status, err := s.ctl.Status(t.Context())
	for deadline := time.Now().Add(10 * time.Second); err == nil && len(status.Warnings) != 2 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		status, err = s.ctl.Status(t.Context())
	}
	if err != nil || len(status.Warnings) != 2 {
		t.Errorf("the daemon warns of %+v, %v", status.Warnings, err)
	}
	for _, text := range want[:2] {
		_, text, _ = strings.Cut(text, ": ")
		if !strings.Contains(s.daemon.Output(), text) {
			t.Errorf("no %q in the daemon's log:\n%s", text, s.daemon.Output())
		}
	}
	s.daemon.Kill()
	<-s.daemon.Done()
	if err := s.charon.Kill(); err != nil {
		t.Fatal(err)
	}
	got = s.diagnosis(t, doctor.Warning)
	for _, want := range []string{
		"fail strongswan: strongSwan does not answer on " + s.charon.Socket(), "warn daemon: the daemon does not run",
		"fail listener: " + s.file("homeagent.toml") + ":6: diameter.listen.address: [2001:db8:1::1]:3868 cannot be listened on, as it is no address of this box",
		"warn peer: aaah.example.com connects to us, which it can when the daemon runs",
	} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// refuse has the AAA server leave and come back with another application: the doctor
// says why it is away, and monitoring counts it.
func (s *system) refuse(t *testing.T) {
	t.Helper()
	s.aaa.Close()
	err := s.AAA.Do(func() error {
		conn, err := net.DialTimeout("tcp", "[2001:db8:1::1]:3868", 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = rawpeer.Open(conn, diameter.Identity{Host: "aaah.example.com", Realm: "example.com"}, 0, 4)
		return err
	})
	if err == nil {
		t.Fatal("the AAA server was let in with another application")
	}
	s.await(t, "the AAA server is away", func() bool {
		status, err := s.ctl.Status(t.Context())
		return err == nil && !status.Peers[0].Open
	})
	const want = "fail peer: aaah.example.com has not connected: a connection from [2001:db8:3::a]:"
	if got := strings.Join(s.diagnosis(t, doctor.Failure), "\n"); !strings.HasPrefix(got, want) || !strings.Contains(got, " with no_common_application (") {
		t.Errorf("the doctor finds of a peer that was refused:\n%s", got)
	}
	if want := "\nhomeagent_diameter_connections_refused_total{reason=\"no_common_application\"} 1\n"; !strings.Contains(s.scrape(t), want) {
		t.Errorf("no %q in the metrics", want)
	}
}

// misconfigure does to the box what administrators do by mistake.
func (s *system) misconfigure(t *testing.T) {
	t.Helper()
	if err := s.HomeAgent.Sysctl("net.ipv6.conf.all.forwarding", "0"); err != nil {
		t.Fatal(err)
	}
	if err := s.HomeAgent.RemoveAddress(testbed.Interface, netip.PrefixFrom(testbed.HomeAgentAddress, 64)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.HomeAgent.Run(soon(t), "ip", "xfrm", "policy", "add", "src", "2001:db8::/32", "dst", "2001:db8:1::1/128",
		"proto", "135", "dir", "in", "priority", "5", "action", "block"); err != nil {
		t.Fatal(err)
	}
}

// Beside a running daemon neither another one nor a clean-up gets at strongSwan
// and the kernel: both say who is in their way.
func TestSecondDaemon(t *testing.T) {
	s := newSystem(t, "")
	home := s.bootstrap(t, 1)
	other := strings.NewReplacer(s.dir+"/state.db", s.dir+"/other.db", s.dir+"/control", s.dir+"/other", "]:3868", "]:3869")
	text, err := os.ReadFile(s.file("homeagent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file("other.toml"), []byte(other.Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"--config", s.file("other.toml")}, {"--config", s.file("homeagent.toml"), "--clean-up"}} {
		_, err := s.HomeAgent.Run(soon(t), "env", append([]string{asDaemon + "=1", binary}, arguments...)...)
		if want := fmt.Sprintf("another home agent runs in this network namespace, as process %d", s.daemon.ID()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("homeagentd %q: %v, want %q", arguments, err, want)
		}
	}
	node := s.node(t, user(1), home, keyOf(1))
	if _, err := node.Secure(soon(t), testbed.CareOfAddressA); err != nil {
		t.Errorf("a mobile node of the first daemon: %v", err)
	}
}
