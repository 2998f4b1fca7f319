//go:build kerneltest

package main

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

// What mobile nodes must not get away with, and what they may ask beside
// registering.
func TestSignallingOfOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink)
	thief, owner, late := s.stranger(t, 1), s.stranger(t, 2), s.stranger(t, 3)
	for _, node := range []*stranger{thief, owner, late} {
		node.secure(testbed.CareOfAddressA)
	}
	owner.run("H2 a message of unknown type", owner.isNotUnderstood)
	owner.run("H40 looking for home agents", owner.looksForHomeAgents)
	owner.run("H46 the same packet again", owner.isReplayed)
	owner.run("H26 the same number after a crash of the daemon", owner.remembers)
	late.run("H20 another node has the home address", late.isTooLate)
	// Needs to come last: the thief's security association is not its own any more.
	owner.run("H46 another's home address under one's own security association", func() { thief.steals(owner) })
}

// isNotUnderstood sends a type that no home agent knows, under its security
// association. The answer goes to where it is, and names it.
func (s *stranger) isNotUnderstood() {
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.send([]byte{59, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	p := s.mobility(wire, 7)
	want := append([]byte{2, 0}, s.home.AsSlice()...)
	if p.Destination != testbed.CareOfAddressA || p.Route.IsValid() || !p.ChecksumOK() || string(p.Payload[6:24]) != string(want) {
		s.t.Errorf("answered by %s", p)
	}
	// From somebody who is no mobile node.
	there := s.wire(s.Correspondent, testbed.Interface)
	s.put(there, s.Router, s.Remote.String(), wiretest.Packet{
		Source: testbed.CorrespondentAddress, Destination: testbed.HomeAgentAddress, Protocol: wiretest.MobilityHeader,
		Payload: []byte{59, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	})
	if p := s.mobility(there, 7); p.Destination != testbed.CorrespondentAddress || p.Payload[6] != 2 || string(p.Payload[8:24]) != string(make([]byte, 16)) {
		s.t.Errorf("answered by %s", p)
	}
}

// mobility waits for a Mobility Header of a type from the home agent, in the clear.
func (s *stranger) mobility(wire *wiretest.Wire, typ byte) *wiretest.Packet {
	s.t.Helper()
	p, err := wire.Await(20*time.Second, func(p *wiretest.Packet) bool {
		return p.Protocol == wiretest.MobilityHeader && p.Payload[2] == typ && p.Source == testbed.HomeAgentAddress
	})
	s.must(err)
	return p
}

// looksForHomeAgents asks the home agents' anycast address of the home prefix (RFC
// 6275 section 11.4.1).
func (s *stranger) looksForHomeAgents() {
	wire := s.wire(s.MobileNode, testbed.Interface)
	s.put(wire, s.Router, s.ForeignA.String(), wiretest.Packet{
		Source: testbed.CareOfAddressA, Destination: netip.MustParseAddr("2001:db8:1:0:fdff:ffff:ffff:fffe"),
		Protocol: wiretest.ICMPv6, Payload: []byte{144, 0, 0, 0, 0x12, 0x34, 0, 0},
	})
	p := s.heard(wire, 145)
	agents := testbed.HomeAgentAddress.AsSlice()
	if p.Source != testbed.HomeAgentAddress || string(p.Payload[4:6]) != "\x12\x34" || string(p.Payload[8:]) != string(agents) {
		s.t.Errorf("told by %s", p)
	}
}

// isReplayed registers; the same packet is sent again by somebody on the way.
func (s *stranger) isReplayed() {
	before := s.bindings(s.t)
	wire := s.wire(s.Router, s.Home.String())
	if got, want := s.ask(update(1, flagsAH, 10)), (acknowledgement{Sequence: 1, Lifetime: 10}); got != want {
		s.t.Errorf("acknowledged by %+v, want %+v", got, want)
	}
	p, err := wire.Await(20*time.Second, func(p *wiretest.Packet) bool {
		return p.Protocol == unix.IPPROTO_ESP && p.Source == testbed.CareOfAddressA
	})
	s.must(err)
	s.put(wire, s.HomeAgent, testbed.Interface, *p)
	s.counted(s.t, "ipsec_XfrmInStateSeqError", before, 1)
	s.asks([]habit{
		{"the number again", update(1, flagsAH, 9), acknowledgement{Status: outdated, Sequence: 1}},
		{"one out of the window", update(1+0x8000, flagsAH, 9), acknowledgement{Status: outdated, Sequence: 1}},
		{"the next number", update(2, flagsAH, 9), acknowledgement{Sequence: 2, Lifetime: 9}},
	})
}

// remembers has the daemon killed: sequence numbers count on.
func (s *stranger) remembers() {
	s.daemon.Kill()
	s.startDaemon(s.t)
	s.asks([]habit{
		{"the number again", update(2, flagsAH, 9), acknowledgement{Status: outdated, Sequence: 2}},
		{"the next number", update(3, flagsAH, 9), acknowledgement{Sequence: 3, Lifetime: 9}},
	})
}

// isTooLate registers a home address that a node on the home link has taken.
func (s *stranger) isTooLate() {
	before := s.bindings(s.t)
	s.must(s.Router.AddAddress(s.Home.String(), netip.PrefixFrom(s.home, 64)))
	// Its kernel hears what is asked about the address a little later.
	_, err := s.HomeAgent.Ping(soon(s.t), s.home)
	s.must(err)
	if got, want := s.ask(update(1, flagsAH|flagL, 10)), (acknowledgement{Status: 134, Sequence: 1}); got != want {
		s.t.Errorf("acknowledged by %+v, want %+v", got, want)
	}
	s.counted(s.t, "duplicate_address", before, 1)
	if b, ok := s.binding(); ok || s.routes() != "" {
		s.t.Errorf("bound all the same: %+v, routes %q", b, s.routes())
	}
}

// steals sends Binding Updates for the owner's home address as the owner would,
// but under the thief's security association.
func (s *stranger) steals(owner *stranger) {
	before, bound := s.bindings(owner.t), owner.association()
	mine := s.association()
	for _, state := range []*netlink.XfrmState{mine, bound} {
		owner.must(s.MobileNode.Netlink().XfrmStateDel(state))
	}
	mine.Src, mine.Reqid, mine.Selector = bound.Src, bound.Reqid, bound.Selector
	owner.must(s.MobileNode.Netlink().XfrmStateAdd(mine))
	for sequence := range uint16(3) {
		owner.send(update(10+sequence, flagsAH, 100))
	}
	s.counted(owner.t, "ipsec_XfrmInStateMismatch", before, 3)
	if b, ok := owner.binding(); !ok || b.Sequence != 3 {
		owner.t.Errorf("the owner's binding is %+v now", b)
	}
}

// association is the security association for what is sent to the home agent.
func (s *stranger) association() *netlink.XfrmState {
	s.t.Helper()
	states, err := s.MobileNode.Netlink().XfrmStateList(netlink.FAMILY_V6)
	s.must(err)
	for _, state := range states {
		if state.Proto == netlink.XFRM_PROTO_ESP && state.Src.Equal(net.IP(s.home.AsSlice())) {
			return &state
		}
	}
	s.t.Fatalf("%s has no security association", s.home)
	return nil
}
