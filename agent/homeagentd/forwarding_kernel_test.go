//go:build kerneltest

package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeagent/agent/control"
	"homeagent/agent/homelink/defence"
	"homeagent/agent/homelink/neighbor"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

// ICMPv6 types (RFC 4443 section 1).
const (
	unreachable = 1
	tooBig      = 2
	echoRequest = 128
)

// echo is an echo request of so many octets, that a number tells from others.
func echo(from, to netip.Addr, number byte, size int) wiretest.Packet {
	payload := make([]byte, size-40)
	payload[0], payload[7] = echoRequest, number
	return wiretest.Packet{Source: from, Destination: to, Protocol: wiretest.ICMPv6, Payload: payload}
}

// inTunnel puts a packet into another one.
func inTunnel(from, to netip.Addr, inner wiretest.Packet) wiretest.Packet {
	return wiretest.Packet{Source: from, Destination: to, Protocol: 41, Payload: inner.Append(nil)}
}

// heard waits for an ICMPv6 message on a wire.
func (s *stranger) heard(wire *wiretest.Wire, typ byte) *wiretest.Packet {
	s.t.Helper()
	p, err := wire.Await(20*time.Second, func(p *wiretest.Packet) bool { return p.Protocol == wiretest.ICMPv6 && p.Payload[0] == typ })
	s.must(err)
	return p
}

// put puts a packet on a wire, to the link-layer address of a host's interface.
func (s *stranger) put(wire *wiretest.Wire, host *testbed.Host, name string, p wiretest.Packet) {
	s.t.Helper()
	p.To = s.hardware(host, name)
	s.must(wire.Send(&p))
}

// What the daemon makes of a binding in the kernel and on the home link, until the
// binding ends.
func TestTrafficOfOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink+"refresh_request = \"4s\"\n")
	node := s.stranger(t, 1)
	other := s.bootstrap(t, 2)
	node.secure(testbed.CareOfAddressA)
	node.asks([]habit{{"H30 registration", update(1, flagsAH|flagL, 100), acknowledgement{Sequence: 1, Lifetime: 100}}})
	node.tunnel(testbed.CareOfAddressA)
	node.run("H30 both ways, with an encapsulation limit", func() {
		if _, err := s.Correspondent.Ping(soon(node.t), node.home); err != nil {
			node.t.Error(err)
		}
	})
	node.run("H33 spoofed sources are dropped and counted", func() { node.spoofs(other) })
	node.run("H34 a packet that is too big", node.tooBig)
	node.run("H34 an error from within the tunnel", node.unreachable)
	node.run("H31 its link-local address", node.isNotReachedFromLink)
	node.run("H36 multicast", node.isSpared)
	node.run("H35 the binding outlives it", node.stays)
	node.run("H28 the home address is held", node.isHeld)
	node.asks([]habit{{"H19 a short lifetime", update(2, flagsAH|flagL, 2), acknowledgement{Sequence: 2, Lifetime: 2}}})
	node.run("H45 a request to refresh, under ESP", func() { node.receive(0) })
	node.run("H29 expiry", node.expires)
	// The number is forgotten, the security association is not.
	node.asks([]habit{{"H55 registration after expiry", update(1, flagsAH, 10), acknowledgement{Sequence: 1, Lifetime: 10}}})
}

// spoofs tries other addresses than the registered ones, inside and outside of the
// tunnel. The last packet is right and tells that those before it were judged.
func (s *stranger) spoofs(other netip.Addr) {
	before := s.bindings(s.t)
	own, cn := testbed.CareOfAddressA, testbed.CorrespondentAddress
	node, there := s.wire(s.MobileNode, testbed.Interface), s.wire(s.Correspondent, testbed.Interface)
	for _, p := range []wiretest.Packet{
		inTunnel(own, testbed.HomeAgentAddress, echo(other, cn, 1, 60)),
		inTunnel(own, testbed.HomeAgentAddress, echo(testbed.AAAAddress, cn, 2, 60)),
		inTunnel(own.Next(), testbed.HomeAgentAddress, echo(s.home, cn, 3, 60)),
		inTunnel(own, testbed.HomeAgentAddress, echo(s.home, cn, 4, 60)),
	} {
		s.put(node, s.Router, s.ForeignA.String(), p)
	}
	if p := s.heard(there, echoRequest); p.Source != s.home || p.Payload[7] != 4 {
		s.t.Errorf("packet %d came through: %s", p.Payload[7], p)
	}
	s.counted(s.t, "tunnel_spoofed", before, 3)
}

func (s *stranger) tooBig() {
	there := s.wire(s.Correspondent, testbed.Interface)
	s.put(there, s.Router, s.Remote.String(), echo(testbed.CorrespondentAddress, s.home, 5, 1500))
	p := s.heard(there, tooBig)
	if mtu := binary.BigEndian.Uint32(p.Payload[4:]); p.Source != testbed.HomeAgentAddress || p.Destination != testbed.CorrespondentAddress || mtu != 1460 {
		s.t.Errorf("MTU %d told by %s, want 1460", mtu, p)
	}
}

// unreachable has a router complain of a tunnelled packet. The correspondent is
// told.
func (s *stranger) unreachable() {
	there, home := s.wire(s.Correspondent, testbed.Interface), s.wire(s.Router, s.Home.String())
	lost := inTunnel(testbed.HomeAgentAddress, testbed.CareOfAddressA, echo(testbed.CorrespondentAddress, s.home, 6, 60))
	for range 3 {
		s.put(home, s.HomeAgent, testbed.Interface, wiretest.Packet{
			Source: testbed.RouterAddress(testbed.HomePrefix), Destination: testbed.HomeAgentAddress,
			Protocol: wiretest.ICMPv6, Payload: append([]byte{unreachable, 3, 0, 0, 0, 0, 0, 0}, lost.Append(nil)...),
		})
	}
	p := s.heard(there, unreachable)
	inner, err := wiretest.Parse(p.Payload[8:])
	s.must(err)
	if p.Payload[1] != 3 || inner.Destination != s.home || inner.Payload[7] != 6 {
		s.t.Errorf("told by %s of %s", p, inner)
	}
}

// isNotReachedFromLink asks for the link-local address that is held with the home
// address (the L bit).
func (s *stranger) isNotReachedFromLink() {
	wire := s.wire(s.Router, s.Home.String())
	s.put(wire, s.HomeAgent, testbed.Interface, echo(testbed.RouterAddress(testbed.HomePrefix), defence.LinkLocalAddress(s.home), 7, 60))
	if p := s.heard(wire, unreachable); p.Payload[1] != 3 {
		s.t.Errorf("told by %s", p)
	}
}

// isSpared has multicast packets on the home link. The first to be tunnelled is the
// one after them, for the home address.
func (s *stranger) isSpared() {
	wire, there := s.wire(s.Router, s.Home.String()), s.wire(s.MobileNode, testbed.Interface)
	router := testbed.RouterAddress(testbed.HomePrefix)
	for i, group := range []string{"ff02::1", "ff05::2", "ff0e::123"} {
		p := echo(router, netip.MustParseAddr(group), byte(10+i), 60)
		to := neighbor.EtherMulticast(p.Destination)
		p.To = to[:]
		s.must(wire.Send(&p))
	}
	s.put(wire, s.HomeAgent, testbed.Interface, echo(router, s.home, 20, 60))
	p, err := there.Await(20*time.Second, func(p *wiretest.Packet) bool { return p.Protocol == 41 })
	s.must(err)
	inner, err := wiretest.Parse(p.Payload)
	s.must(err)
	if inner.Destination != s.home || inner.Payload[7] != 20 {
		s.t.Errorf("tunnelled: %s", inner)
	}
}

// stays finds the binding as it was: only its lifetime ends it.
func (s *stranger) stays() {
	if b, ok := s.binding(); !ok || b.State != "bound" || b.Sequence != 1 || b.Lifetime != 400 {
		s.t.Errorf("the binding is %+v", b)
	}
	if _, err := s.Correspondent.Ping(soon(s.t), s.home); err != nil {
		s.t.Error(err)
	}
}

// isHeld finds what the daemon has made of the binding.
func (s *stranger) isHeld() {
	if !s.isDefended(20 * time.Second) {
		s.t.Error("the home address is not defended")
	}
	if s.routes() == "" || s.filters() == 0 {
		s.t.Errorf("routes are %q and filters %d", s.routes(), s.filters())
	}
}

// expires lets the binding end: nothing is left of it in the kernel, on the home
// link and in what the daemon knows.
func (s *stranger) expires() {
	s.await(s.t, "the binding is gone", func() bool { _, there := s.binding(); return !there })
	s.counted(s.t, "expired", control.Bindings{}, 1)
	if s.routes() != "" || s.filters() != 0 {
		s.t.Errorf("left of the binding: routes %q, %d filters", s.routes(), s.filters())
	}
	if s.isDefended(time.Second) {
		s.t.Error("the home address is still defended")
	}
}

// filters counts what lets packets with the home address as inner source in.
func (s *stranger) filters() int {
	s.t.Helper()
	return strings.Count(s.commands(s.HomeAgent, "tc filter show dev mip6 ingress"), s.home.String())
}

// isDefended asks the home link for the home address, and waits so long for an
// answer.
func (s *stranger) isDefended(wait time.Duration) bool {
	s.t.Helper()
	wire := s.wire(s.Router, s.Home.String())
	group, asker := neighbor.SolicitedNode(s.home), testbed.RouterAddress(testbed.HomePrefix)
	question, err := neighbor.Append(nil, &neighbor.Message{
		Kind: neighbor.Solicitation, Source: asker, Destination: group, Target: s.home,
		LinkAddress: neighbor.LinkAddress(wire.Interface().HardwareAddr),
	})
	s.must(err)
	p, err := wiretest.Parse(question)
	s.must(err)
	to := neighbor.EtherMulticast(group)
	p.To, p.HopLimit = to[:], 255
	s.must(wire.Send(p))
	_, err = wire.Await(wait, func(p *wiretest.Packet) bool {
		m, flaw := neighbor.Parse(p.Append(nil))
		return flaw == neighbor.Sound && m.Kind == neighbor.Advertisement && m.Target == s.home && m.Solicited
	})
	if !errors.Is(err, wiretest.ErrNothing) {
		s.must(err)
	}
	return err == nil
}
