//go:build kerneltest

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/diameter/lab/certificates"
	"homeagent/diameter/lab/foreign"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

const foreignConfig = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
watchdog = "6s"
certificate = "%[1]s/ha.pem"
key = "%[1]s/ha-key.pem"
ca = "%[1]s/ca.pem"
[[diameter.listen]]
address = "[2001:db8:1::1]:3868"
tls = false
[[diameter.listen]]
address = "[2001:db8:1::1]:5868"
[[diameter.peer]]
identity = "relay2.example.com"
bootstrapper = true
origins = ["aaah.home.example"]
relays = ["relay1.home.example"]
[[diameter.peer]]
identity = "aaah.home.example"
bootstrapper = true
%[3]s
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
reserved = ["2001:db8:1::2"]
[ike]
socket = "%[2]s"
[store]
path = "%[1]s/state.db"
[control]
socket = "%[1]s/control"
`

// newForeignSystem builds a system without an AAA server of ours. Peer is the rest
// of the configuration of the one that is not.
func newForeignSystem(t *testing.T, peer string) *system {
	t.Helper()
	s := &system{dir: t.TempDir()}
	lab, err := testbed.NewMobile(filepath.Join(s.dir, "lab"))
	if err != nil {
		t.Fatal(err)
	}
	s.Mobile = lab
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Errorf("closing the laboratory: %v", err)
		}
	})
	ca, err := certificates.New(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, identity := range map[string]string{
		"ha": foreign.HomeAgentIdentity, "aaa": foreign.AAAIdentity, "relay1": "relay1.home.example", "relay2": "relay2.example.com",
	} {
		err = errors.Join(err, ca.Certify(name, identity))
	}
	s.charon = startCharon(t, lab.HomeAgent)
	text := fmt.Sprintf(foreignConfig, s.dir, s.charon.Socket(), peer)
	if err := errors.Join(err, os.WriteFile(s.file("homeagent.toml"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.ctl = control.NewClient(s.file("control"))
	t.Cleanup(func() {
		if t.Failed() && s.daemon != nil {
			t.Logf("the daemon:\n%s", s.daemon.Output())
		}
	})
	s.startDaemon(t)
	return s
}

// A home AAA server made of another Diameter stack takes the home agent through its
// paces: capabilities, HMRs granted and refused, watchdogs, session requests and
// farewells, over TCP and TLS, whichever connects. What it was granted is in
// strongSwan, under the key that a mobile node derives.
func TestForeignAAA(t *testing.T) {
	homeAgent, aaa := testbed.HomeAgentAddress, testbed.AAAAddress
	tests := []struct {
		name string
		peer string // of the configuration
		aaa  foreign.AAA
	}{
		{"it connects over TLS", "", foreign.AAA{Address: netip.AddrPortFrom(homeAgent, 5868), TLS: true}},
		{"the daemon connects over TLS", `connect = "[2001:db8:3::a]:5868"`, foreign.AAA{Address: netip.AddrPortFrom(aaa, 5868), TLS: true, Listen: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newForeignSystem(t, tt.peer)
			tt.aaa.Folder = s.dir
			s.holds(t, s.paces(t, tt.aaa), map[string]int32{"mn1@home.example": 2, "mn2@home.example": 1})
		})
	}
}

// The same over TCP, where a third Diameter stack can look on: at the end the daemon
// takes its leave with DPR, and keeps what it has.
func TestForeignAAAOverTCP(t *testing.T) {
	s := newForeignSystem(t, `secured = "ipsec"`)
	capture, err := s.AAA.Capture(soon(t), testbed.Interface, "tcp port 3868")
	if err != nil {
		t.Fatal(err)
	}
	report := s.paces(t, foreign.AAA{Folder: s.dir, Address: netip.AddrPortFrom(testbed.HomeAgentAddress, 3868), Leave: s.daemon.Stop})
	lines, err := capture.Decode(soon(t), "diameter.cmd.code == 282", "ipv6.src", "diameter.Result-Code")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{testbed.HomeAgentAddress.String() + "\t", testbed.AAAAddress.String() + "\t2001"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("unexpected DPR and DPA on the wire (-want +got):\n%s", diff)
	}
	s.startDaemon(t)
	s.holds(t, report, map[string]int32{"mn1@home.example": 2, "mn2@home.example": 1})
}

// paces lets an AAA server do its worst, and says what it found.
func (s *system) paces(t *testing.T, aaa foreign.AAA) foreign.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	report, err := aaa.Run(ctx, s.AAA)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(strings.Join(report.OK, "; "))
	for _, failed := range report.Failed {
		t.Error(failed)
	}
	if aaa.Via == "" && len(report.OK) < 30 {
		t.Errorf("only %d things were tried", len(report.OK))
	}
	return report
}

// holds checks that strongSwan holds the key of every user, by trying it: the
// mobile node authenticates with what it was told.
func (s *system) holds(t *testing.T, report foreign.Report, keyIDs map[string]int32) {
	t.Helper()
	keys, conns := s.loaded(t)
	if len(keys) != len(conns) {
		t.Errorf("strongSwan holds keys %v and connections %v", keys, conns)
	}
	for user, id := range keyIDs {
		grant, ok := report.Granted[user]
		if !ok {
			t.Errorf("%s was granted nothing", user)
			continue
		}
		key, err := psk.Derive(foreign.Key(user, id), id, grant.HomeAddress, grant.HomeAgent)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.authenticate(t, user, grant, key); err != nil {
			t.Errorf("%s cannot authenticate: %v", user, err)
		}
	}
}

// authenticate sets up a mobile node's IKE_SA, without CHILD_SA.
func (s *system) authenticate(t *testing.T, user string, grant foreign.Grant, key psk.Key) error {
	t.Helper()
	if s.mnCharon == nil {
		if err := s.MoveTo(s.AtForeignA()); err != nil {
			t.Fatal(err)
		}
		s.mnCharon = startCharon(t, s.MobileNode)
	}
	name := ike.ConnectionName(grant.HomeAddress)
	return strongswan.Ask(soon(t), s.mnCharon.Socket(), func(ctx context.Context, link *vici.Link) error {
		err := errors.Join(
			link.LoadShared(ctx, vici.Shared{ID: name, Owners: []string{"email:" + user}, Key: key}),
			link.LoadConns(ctx, vici.Conn{
				Name: name, Local: testbed.CareOfAddressA, Remote: grant.HomeAgent, LocalID: "email:" + user,
				RemoteID: "fqdn:" + foreign.HomeAgentIdentity, Childless: vici.ChildlessForce,
			}))
		if err != nil {
			return err
		}
		return link.Initiate(ctx, name, "")
	})
}

// Two freeDiameter relays stand between the AAA server and the home agent, the last
// hop over TLS: the daemon sees who they are, and they bring its answers back.
func TestForeignRelays(t *testing.T) {
	s := newForeignSystem(t, "")
	relay := func(name, identity, realm string, at netip.Addr, next foreign.Hop) foreign.Relay {
		return foreign.Relay{Name: name, Folder: s.dir, Identity: identity, Realm: realm, Address: netip.AddrPortFrom(at, 3868), Next: next}
	}
	last := relay("relay2", "relay2.example.com", "example.com", testbed.CorrespondentAddress, foreign.Hop{
		Identity: foreign.HomeAgentIdentity, Address: netip.AddrPortFrom(testbed.HomeAgentAddress, 5868), TLS: true,
	})
	first := relay("relay1", "relay1.home.example", "home.example", testbed.AAAAddress, foreign.Hop{Identity: last.Identity, Address: last.Address})
	// The last first: the other one connects to it.
	for _, start := range []struct {
		relay *foreign.Relay
		host  *testbed.Host
	}{{&last, s.Correspondent}, {&first, s.AAA}} {
		r := start.relay
		process, err := r.Start(start.host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s:\n%s", r.Name, process.Output())
			}
		})
		open := "-> 'STATE_OPEN'\t'" + r.Next.Identity
		if err := process.Await(soon(t), "connected to "+r.Next.Identity, func() bool { return strings.Contains(process.Output(), open) }); err != nil {
			t.Fatal(err)
		}
	}
	report := s.paces(t, foreign.AAA{Folder: s.dir, Address: first.Address, Via: first.Identity})
	s.holds(t, report, map[string]int32{"mn1@home.example": 1})
}
