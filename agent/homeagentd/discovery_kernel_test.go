//go:build kerneltest

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/vici"
)

// The home agent as a node that mobile nodes talk to: packets with a Home Address
// option, with a type 2 routing header, and about its prefixes.
func TestHomeAgentTalksToOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink)
	node := s.stranger(t, 1)
	node.run("H7 a Home Address option without a binding", node.isUnknown)
	node.secure(testbed.CareOfAddressA)
	node.asks([]habit{{"registration", update(1, flagsAH, 100), acknowledgement{Sequence: 1, Lifetime: 100}}})
	node.run("H32 the direct way", node.isReachedDirectly)
	node.run("H42 prefixes in the clear", node.learnsPrefixes)
	node.run("H42 H56 prefixes under ESP", node.learnsPrefixesUnderESP)
	node.returnsHome()
	node.asks([]habit{{"H25 back home", update(2, flagsAH, 0), acknowledgement{Sequence: 2}}})
}

// withHomeAddress is a packet as a mobile node sends it from a care-of address.
func (s *stranger) withHomeAddress(payload ...byte) wiretest.Packet {
	return wiretest.Packet{
		Source: testbed.CareOfAddressA, Destination: testbed.HomeAgentAddress, HomeAddresses: []netip.Addr{s.home},
		Protocol: wiretest.ICMPv6, Payload: payload,
	}
}

// isUnknown sends what is not believed, and is told.
func (s *stranger) isUnknown() {
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.put(wire, s.Router, s.ForeignA.String(), s.withHomeAddress(echoRequest, 0, 0, 0, 0, 1, 0, 1))
	p := s.mobility(wire, 7)
	if p.Destination != testbed.CareOfAddressA || p.Route.IsValid() || !p.ChecksumOK() || p.Payload[6] != 1 || string(p.Payload[8:24]) != string(s.home.AsSlice()) {
		s.t.Errorf("answered by %s, want a Binding Error of status 1 about %s", p, s.home)
	}
}

// isReachedDirectly asks and is asked without the tunnel.
func (s *stranger) isReachedDirectly() {
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.put(wire, s.Router, s.ForeignA.String(), s.withHomeAddress(echoRequest, 0, 0, 0, 0, 1, 0, 2))
	if p := s.heard(wire, echoRequest+1); p.Destination != testbed.CareOfAddressA || p.Route != s.home || !p.ChecksumOK() {
		s.t.Errorf("answered by %s, want a type 2 routing header with %s", p, s.home)
	}
	s.optimizes("")
	if _, err := s.HomeAgent.Ping(soon(s.t), s.home); err != nil {
		s.t.Error(err)
	}
}

// optimizes makes the kernel use Home Address option and routing header for ICMPv6,
// and another template before them.
func (s *stranger) optimizes(template string) {
	s.t.Helper()
	s.commands(s.MobileNode, fmt.Sprintf(`
		ip xfrm policy update src %[1]s dst %[2]s proto ipv6-icmp dir out priority 8 %[3]s tmpl proto hao mode ro level use
		ip xfrm policy update src %[2]s dst %[1]s proto ipv6-icmp dir in priority 8 %[3]s tmpl proto route2 mode ro level use`,
		s.home, testbed.HomeAgentAddress, template))
}

func (s *stranger) learnsPrefixes() {
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.put(wire, s.Router, s.ForeignA.String(), s.withHomeAddress(146, 0, 0, 0, 0xbe, 0xef, 0, 0))
	p := s.heard(wire, 147)
	if p.Source != testbed.HomeAgentAddress || p.Destination != testbed.CareOfAddressA || p.Route != s.home || !p.ChecksumOK() {
		s.t.Errorf("told by %s, want a type 2 routing header with %s", p, s.home)
	}
	s.checkPrefixes(p.Payload, 0xbeef)
}

func (s *stranger) checkPrefixes(payload []byte, id uint16) {
	s.t.Helper()
	m, err := message.Parse(payload)
	s.must(err)
	got, ok := m.(*message.PrefixAdvertisement)
	if !ok || got.ID != id || len(got.Prefixes) != 1 || got.Prefixes[0].Address != testbed.HomeAgentAddress || got.Prefixes[0].Bits != 64 || !got.Prefixes[0].Router {
		s.t.Errorf("told %+v", m)
	}
}

// learnsPrefixesUnderESP asks under a security association for ICMPv6, and is
// answered under its counterpart.
func (s *stranger) learnsPrefixesUnderESP() {
	reqID := s.reqID + 1000
	s.secureICMP(uint32(reqID))
	s.optimizes(fmt.Sprintf("tmpl proto esp mode transport reqid %d", reqID))
	defer s.commands(s.MobileNode, fmt.Sprintf(`
		ip xfrm policy delete src %[1]s dst %[2]s proto ipv6-icmp dir out
		ip xfrm policy delete src %[2]s dst %[1]s proto ipv6-icmp dir in`, s.home, testbed.HomeAgentAddress))
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.checkPrefixes(s.solicits([]byte{146, 0, 0, 0, 0x12, 0x34, 0, 0}), 0x1234)
	for _, from := range []netip.Addr{testbed.CareOfAddressA, testbed.HomeAgentAddress} {
		p, err := wire.Await(20*time.Second, func(p *wiretest.Packet) bool { return p.Protocol == unix.IPPROTO_ESP && p.Source == from })
		s.must(err)
		if from == testbed.HomeAgentAddress && p.Route != s.home {
			s.t.Errorf("told by %s, want a type 2 routing header with %s", p, s.home)
		}
	}
}

// secureICMP has strongSwan add a CHILD_SA to the IKE_SA there is.
func (s *stranger) secureICMP(reqID uint32) {
	s.t.Helper()
	ctx, name := soon(s.t), "stranger-"+s.home.String()
	err := strongswan.Ask(ctx, s.mnCharon.Socket(), func(ctx context.Context, link *vici.Link) error {
		return link.LoadConns(ctx, vici.Conn{
			Name: name, Local: testbed.CareOfAddressA, Remote: testbed.HomeAgentAddress, LocalID: "email:" + s.userName, RemoteID: "ha.example.com",
			Children: []vici.Child{{
				Name: "mpd", Mode: "transport_proxy", ReqID: reqID,
				LocalTS: []string{s.home.String() + "/128[58]"}, RemoteTS: []string{testbed.HomeAgentAddress.String() + "/128[58]"},
			}},
		})
	})
	s.must(errors.Join(err, strongswan.Initiate(ctx, s.mnCharon.Socket(), name, "mpd")))
}

// solicits sends an ICMPv6 message from the home address and returns the Mobile
// Prefix Advertisement that comes back there.
func (s *stranger) solicits(message []byte) []byte {
	s.t.Helper()
	var fd int
	s.must(s.MobileNode.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, wiretest.ICMPv6)
		return errors.Join(err, unix.Bind(fd, &unix.SockaddrInet6{Addr: s.home.As16()}),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}))
	}))
	defer unix.Close(fd)
	buffer := make([]byte, 2048)
	for range 20 { // more than one in a second is not answered
		s.must(unix.Sendto(fd, message, 0, &unix.SockaddrInet6{Addr: testbed.HomeAgentAddress.As16()}))
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err == nil && buffer[0] == 147 {
			return buffer[:n]
		}
	}
	s.t.Fatal("not told of any prefix")
	return nil
}

// Mobile nodes that do not ask are told of prefixes all the same: when they have
// registered, and when the configuration says something else.
func TestH43_H44_OthersAreToldUnasked(t *testing.T) {
	s := newSystem(t, physicalHomeLink+"min_prefix_advertisement_interval = \"1s\"\nmax_prefix_advertisement_interval = \"2s\"\n")
	node := s.stranger(t, 1)
	node.secure(testbed.CareOfAddressA)
	wire := node.wire(s.MobileNode, testbed.Interface)
	node.asks([]habit{{"registration", update(1, flagsAH, 100), acknowledgement{Sequence: 1, Lifetime: 100}}})
	node.isTold(wire, message.Infinite)
	node.isTold(wire, message.Infinite) // as it has not acknowledged
	s.edit(t, `prefix = "2001:db8:1::/64"`, "prefix = \"2001:db8:1::/64\"\npreferred_lifetime = \"1h\"")
	done, err := s.ctl.Reload(soon(t))
	if err != nil || !slices.Equal(done.TakenOver, []string{"home_prefix.preferred_lifetime"}) {
		t.Errorf("reloading: %+v, error %v", done, err)
	}
	node.isTold(wire, time.Hour)
}

// isTold waits for an advertisement that nobody asked for and that has a preferred
// lifetime.
func (s *stranger) isTold(wire *wiretest.Wire, preferred time.Duration) {
	s.t.Helper()
	p, err := wire.Await(30*time.Second, func(p *wiretest.Packet) bool {
		if p.Protocol != wiretest.ICMPv6 || p.Payload[0] != 147 {
			return false
		}
		m, err := message.Parse(p.Payload)
		return err == nil && m.(*message.PrefixAdvertisement).Prefixes[0].Preferred == preferred
	})
	s.must(err)
	if p.Destination != testbed.CareOfAddressA || p.Route != s.home || !p.ChecksumOK() {
		s.t.Errorf("told by %s, want a type 2 routing header with %s", p, s.home)
	}
	s.checkPrefixes(p.Payload, 0)
}

// edit changes the configuration's file.
func (s *system) edit(t *testing.T, old, now string) {
	t.Helper()
	text, err := os.ReadFile(s.file("homeagent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file("homeagent.toml"), []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
