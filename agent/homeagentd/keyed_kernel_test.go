//go:build kerneltest

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeagent/agent/config"
	"homeagent/diameter/lab/testbed"
)

const (
	keyedSPIIn, keyedSPIOut = 0x1001, 0x1002
	keyedEncryption         = "000102030405060708090a0b0c0d0e0f"
	keyedIntegrity          = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)

var keyedHome = netip.MustParseAddr("2001:db8:1::999")

// H49: a mobile node of the configuration registers under security associations that
// were keyed by hand, as if there was no AAA server and no strongSwan. They outlive
// its registrations, the daemon, and whoever flushes the kernel's, and end with the
// configuration.
func TestH49_KeyedByHand(t *testing.T) {
	table := keyedMobileNode(t)
	s := newSystem(t, table)
	node := s.strangerAt(t, 9, keyedHome)
	node.keys()
	a, b := alternate(testbed.CareOfAddressA), alternate(testbed.CareOfAddressB)
	node.asks([]habit{
		{"H54 K is not for security associations without IKE", update(1, flagsAHK, 10, a...), acknowledgement{Sequence: 1, Lifetime: 10}},
		{"replayed", update(1, flagsAHK, 10, a...), acknowledgement{Status: outdated, Sequence: 1}},
	})
	node.must(s.MoveTo(s.AtForeignB()))
	node.sendsFrom(testbed.CareOfAddressB)
	node.asks([]habit{
		{"moved", update(2, flagsAH, 10, b...), acknowledgement{Sequence: 2, Lifetime: 10}},
		{"H55 de-registered", update(3, flagsAH, 0, b...), acknowledgement{Sequence: 3}},
		{"H55 registered once more", update(4, flagsAH, 10, b...), acknowledgement{Sequence: 4, Lifetime: 10}},
	})
	s.daemon.Kill()
	s.startDaemon(t)
	if bound, ok := node.binding(); !ok || bound.CareOf != testbed.CareOfAddressB.String() || bound.Sequence != 4 {
		t.Errorf("after kill -9: %+v", bound)
	}
	node.commands(s.HomeAgent, "ip xfrm state flush proto esp")
	s.await(t, "the flushed security associations are back", func() bool { return node.keyed() == 2 })
	node.asks([]habit{{"after a flush", update(5, flagsAH, 10, b...), acknowledgement{Sequence: 5, Lifetime: 10}}})
	s.edit(t, table, "")
	if done, err := s.ctl.Reload(soon(t)); err != nil {
		t.Errorf("reloading: %+v, error %v", done, err)
	}
	s.await(t, "nothing is left of it", func() bool {
		_, bound := node.binding()
		return !bound && node.keyed() == 0 && node.routes() == ""
	})
}

// keyedMobileNode writes a file with keys and returns the table for it.
func keyedMobileNode(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	var lines strings.Builder
	for _, direction := range []string{"in", "out"} {
		fmt.Fprintf(&lines, "encryption_%s = 0x%s\nintegrity_%[1]s = 0x%[3]s\n", direction, keyedEncryption, keyedIntegrity)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[[mobile_node]]\nuser_name = %q\nhome_address = %q\nkey_file = %q\nspi_in = %d\nspi_out = %d\n",
		user(9), keyedHome, file, keyedSPIIn, keyedSPIOut)
}

// keys gives the mobile node's kernel its side of the security associations.
func (s *stranger) keys() {
	s.t.Helper()
	for _, way := range []struct {
		from, to netip.Addr
		spi      int
	}{{s.home, testbed.HomeAgentAddress, keyedSPIIn}, {testbed.HomeAgentAddress, s.home, keyedSPIOut}} {
		s.commands(s.MobileNode, fmt.Sprintf("ip xfrm state add src %s dst %s proto esp spi %d reqid %d mode transport enc 'cbc(aes)' 0x%s auth-trunc 'hmac(sha256)' 0x%s 128",
			way.from, way.to, way.spi, s.reqID, keyedEncryption, keyedIntegrity))
	}
}

// keyed counts the home agent's ESP security associations, and secured the mobile node's.
func (s *stranger) keyed() int   { return s.espStates(s.HomeAgent) }
func (s *stranger) secured() int { return s.espStates(s.MobileNode) }

func (s *stranger) espStates(host *testbed.Host) int {
	s.t.Helper()
	return strings.Count(s.commands(host, "ip xfrm state list proto esp"), "proto esp")
}

// A mobile node that README writes into the configuration, and its strongSwan as README
// has it: no AAA server knows of it.
func TestMobileNodeOfTheReadme(t *testing.T) {
	const secret = "correct horse battery staple"
	dir := t.TempDir()
	key, conf, least := filepath.Join(dir, "mn9.key"), filepath.Join(dir, "swanctl.conf"), filepath.Join(dir, "homeagent.toml")
	table := strings.Replace(example(t, "[[mobile_node]]"), "/etc/homeagent/mn9.key", key, 1)
	swanctl := strings.Replace(example(t, "connections {"), "the text of mn9.key", secret, 1)
	for file, text := range map[string]string{key: secret + "\n", conf: swanctl, least: example(t, "[[home_prefix]]") + table} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cfg, err := config.Load(least); err != nil || len(cfg.MobileNodes) != 1 {
		t.Errorf("the least configuration: %v", err)
	}
	s := newSystem(t, table)
	node := s.strangerAt(t, 9, netip.MustParseAddr("2001:db8:1::9"))
	node.reqID = 9
	node.sendsFrom(testbed.CareOfAddressA)
	if out, err := s.mnCharon.Swanctl("--load-all", "--noprompt", "--file", conf); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.await(t, "the security associations are there at both ends", func() bool { return node.keyed() == 2 && node.secured() == 2 })
	node.asks([]habit{
		{"registered", update(1, flagsAH, 10, alternate(testbed.CareOfAddressA)...), acknowledgement{Sequence: 1, Lifetime: 10}},
		{"de-registered", update(2, flagsAH, 0, alternate(testbed.CareOfAddressA)...), acknowledgement{Sequence: 2}},
	})
	if session, err := s.ctl.Session(soon(t), user(9)); err != nil || session.State != "established" || session.Source != "configuration" {
		t.Errorf("session %+v, error %v", session, err)
	}
}

// example is the one in that section of README that begins with a line.
func example(t *testing.T, first string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### Without an AAA server\n")
	_, rest, found := strings.Cut(section, "\n    "+first+"\n")
	if !found {
		t.Fatalf("README has no example that begins with %q", first)
	}
	var text strings.Builder
	text.WriteString(first + "\n")
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "    ") {
			break
		}
		text.WriteString(line)
	}
	return text.String()
}
