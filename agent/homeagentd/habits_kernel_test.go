//go:build kerneltest

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

// habits are what a mobile node may do on foreign link A.
func habits(userName string) []habit {
	away := alternate(testbed.CareOfAddressA)
	reserved := update(110, flagsAH|0xff, 10, away...)
	reserved[3] = 0xff // the header's Reserved
	return []habit{
		{"no alternate care-of address", update(100, flagsAH, 10), acknowledgement{Sequence: 100, Lifetime: 10}},
		{"H11 A is not set", update(101, flagsAH&^0x8000, 10, away...), acknowledgement{Sequence: 101, Lifetime: 10}},
		{"H5 one octet of padding each", update(102, flagsAH, 10, slices.Concat([]byte{0, 0}, away[2:], []byte{0, 0})...), acknowledgement{Sequence: 102, Lifetime: 10}},
		{"H5 padding that is not zero", update(103, flagsAH, 10, 1, 6, 1, 2, 3, 4, 5, 6), acknowledgement{Sequence: 103, Lifetime: 10}},
		{"H5 an option nobody knows", update(104, flagsAH, 10, slices.Concat([]byte{238, 4, 9, 9, 9, 9}, []byte{1, 0}, away)...), acknowledgement{Sequence: 104, Lifetime: 10}},
		{"its name in an option", update(105, flagsAH, 10, slices.Concat([]byte{8, byte(1 + len(userName)), 1}, []byte(userName))...), acknowledgement{Sequence: 105, Lifetime: 10}},
		{"another's name in an option", update(106, flagsAH, 10, slices.Concat([]byte{8, 7, 1}, []byte("x@y.de"))...), acknowledgement{Status: 129, Sequence: 106}},
		{"H54 K", update(107, flagsAHK, 10, away...), acknowledgement{Flags: ackK, Sequence: 107, Lifetime: 10}},
		{"H20 L from now on", update(108, flagsAH|flagL, 10, away...), acknowledgement{Sequence: 108, Lifetime: 10}},
		{"flags of a regional anchor point and of IPv4", update(109, flagsAH|0x0900, 10, away...), acknowledgement{Sequence: 109, Lifetime: 10}},
		{"H5 reserved bits are set", reserved, acknowledgement{Sequence: 110, Lifetime: 10}},
		{"the care-of address is the home agent's", update(111, flagsAH, 10, alternate(testbed.HomeAgentAddress)...), acknowledgement{Status: 174, Sequence: 111}},
		{"proxy registration", update(112, flagsAH|0x0200, 10, away...), acknowledgement{Status: 152, Sequence: 112}},
		{"H is not set any more", update(113, 0x8000, 10, away...), acknowledgement{Status: 139, Sequence: 113}},
		{"its networks where there are none", update(114, flagsAH|flagR, 10, away...), acknowledgement{Status: 139, Sequence: 114}},
		{"H10 the number before", update(109, flagsAH, 10, away...), acknowledgement{Status: outdated, Sequence: 110}},
		{"H10 the same number", update(110, flagsAH, 11, away...), acknowledgement{Status: outdated, Sequence: 110}},
		{"H10 half way round", update(110+0x8000, flagsAH, 10, away...), acknowledgement{Status: outdated, Sequence: 110}},
		{"H10 less than half way round", update(110+0x7fff, flagsAH, 10, away...), acknowledgement{Sequence: 110 + 0x7fff, Lifetime: 10}},
		{"H10 the last number there is", update(0xffff, flagsAH, 10, away...), acknowledgement{Sequence: 0xffff, Lifetime: 10}},
		{"H10 and the one after", update(0, flagsAH, 10, away...), acknowledgement{Sequence: 0, Lifetime: 10}},
	}
}

// A mobile node written by others registers, moves and returns home: the home
// agent depends on nothing that is only a habit of the laboratory's.
func TestHabitsOfOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink)
	node := s.stranger(t, 1)
	node.run("H46 before there is a security association", node.isTooEarly)
	node.secure(testbed.CareOfAddressA)
	node.run("H21 again during duplicate address detection", node.isImpatient)
	node.asks(habits(node.userName))
	node.run("H18 a lifetime without end", func() {
		// What is left of its session of an hour, in units of 4 s.
		if got := node.ask(update(1, flagsAH, 0xffff)); got.Status != 0 || got.Lifetime < 800 || got.Lifetime >= 900 {
			node.t.Errorf("acknowledged by %+v", got)
		}
	})
	node.moves()
	node.leaves()
	node.returns()
}

// isTooEarly sends a Binding Update before there is any security association, as
// if its IKE was slow.
func (s *stranger) isTooEarly() {
	s.t.Helper()
	before := s.bindings(s.t)
	s.must(s.wire(s.MobileNode, testbed.Interface).Send(&wiretest.Packet{
		To: s.hardware(s.Router, s.ForeignA.String()), Source: testbed.CareOfAddressA, Destination: testbed.HomeAgentAddress,
		HomeAddresses: []netip.Addr{s.home}, Protocol: wiretest.MobilityHeader, Payload: update(50, flagsAH, 10),
	}))
	s.counted(s.t, "ipsec_XfrmInTmplMismatch", before, 1)
	if b, ok := s.binding(); ok {
		s.t.Errorf("bound by an unprotected Binding Update: %+v", b)
	}
}

// isImpatient sends another Binding Update while duplicate address detection goes
// on for the first. There is one acknowledgement, of the newer one.
func (s *stranger) isImpatient() {
	s.t.Helper()
	s.send(update(98, flagsAH, 20))
	got, want := s.ask(update(99, flagsAH, 10)), acknowledgement{Sequence: 99, Lifetime: 10}
	if got.Sequence == 98 {
		s.t.Log("this machine took a second between two packets")
		got = s.acknowledged()
	}
	if got != want {
		s.t.Errorf("acknowledged by %+v, want %+v", got, want)
	}
}

// moves goes to foreign link B without telling IKE, and registers from there under
// the security association that there is. Whoever has the key may set up another
// IKE_SA from anywhere.
func (s *stranger) moves() {
	s.must(s.MoveTo(s.AtForeignB()))
	s.sendsFrom(testbed.CareOfAddressB)
	s.asks([]habit{{"H51 moved", update(2, flagsAHK, 10), acknowledgement{Flags: ackK, Sequence: 2, Lifetime: 10}}})
	if b, ok := s.binding(); !ok || b.CareOf != testbed.CareOfAddressB.String() {
		s.t.Errorf("after the move: %+v", b)
	}
	// Binding Updates out and Acknowledgements in, the type in the upper octet of
	// a port (RFC 4877 section 7.2.1).
	s.secureSome(testbed.CareOfAddressB, "[135/1280-1535]", "[135/1536-1791]")
	s.asks([]habit{{"H50 H57 under another IKE_SA, for types only", update(3, flagsAH, 10), acknowledgement{Sequence: 3, Lifetime: 10}}})
}

// leaves de-registers from away. The security associations outlive that (RFC 4877
// section 4.2), as it sets K: without, strongSwan has to give up the IKE_SA to the
// old care-of address (RFC 6275 section 10.3.2), and they with it.
func (s *stranger) leaves() {
	away := alternate(testbed.CareOfAddressB)
	s.asks([]habit{
		{"H25 de-registration from away", update(4, flagsAHK, 0, away...), acknowledgement{Flags: ackK, Sequence: 4}},
		{"H24 late", update(3, flagsAHK, 10, away...), acknowledgement{Status: outdated, Sequence: 4}},
		{"H55 registration while it is remembered", update(5, flagsAHK, 10, away...), acknowledgement{Flags: ackK, Sequence: 5, Lifetime: 10}},
		{"H25 the care-of address is the home address", update(6, flagsAHK, 10, alternate(s.home)...), acknowledgement{Flags: ackK, Sequence: 6}},
		{"H55 registration once more", update(7, flagsAHK|flagL, 10, away...), acknowledgement{Flags: ackK, Sequence: 7, Lifetime: 10}},
	})
}

// returns goes home and de-registers there.
func (s *stranger) returns() {
	s.returnsHome()
	s.asks([]habit{
		{"H13 refused at home", update(7, flagsAHK, 0), acknowledgement{Status: outdated, Sequence: 7}},
		{"H25 at home, with a lifetime", update(8, flagsAHK|flagL, 10), acknowledgement{Flags: ackK, Sequence: 8}},
		{"H25 at home, again", update(9, flagsAHK, 0, alternate(s.home)...), acknowledgement{Flags: ackK, Sequence: 9}},
	})
	s.commands(s.MobileNode, fmt.Sprintf("ip -6 addr change %s/64 dev %s home nodad", s.home, testbed.Interface))
	s.sendsFrom(s.home)
	s.asks([]habit{{"H12 at home, with its home address in an option", update(10, flagsAHK, 0), acknowledgement{Flags: ackK, Sequence: 10}}})
	if routes := s.routes(); routes != "" {
		s.t.Errorf("at home it is still routed: %s", routes)
	}
	if _, err := s.Correspondent.Ping(soon(s.t), s.home); err != nil {
		s.t.Errorf("at home: %v", err)
	}
}
