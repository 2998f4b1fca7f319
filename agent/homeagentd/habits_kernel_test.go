//go:build kerneltest

package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

// A habit is a way to write a Binding Update that other mobile nodes may have, and
// the acknowledgement it is owed.
type habit struct {
	name    string
	message []byte
	want    acknowledgement
}

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
		{"H54 K", update(107, flagsAH|flagK, 10, away...), acknowledgement{Flags: ackK, Sequence: 107, Lifetime: 10}},
		{"H20 L from now on", update(108, flagsAH|flagL, 10, away...), acknowledgement{Sequence: 108, Lifetime: 10}},
		{"flags of a regional anchor point and of IPv4", update(109, flagsAH|0x0900, 10, away...), acknowledgement{Sequence: 109, Lifetime: 10}},
		{"H5 reserved bits are set", reserved, acknowledgement{Sequence: 110, Lifetime: 10}},
		{"H18 a lifetime without end", update(111, flagsAH, 0xffff, away...), acknowledgement{Sequence: 111, Lifetime: 899}},
		{"the care-of address is the home agent's", update(112, flagsAH, 10, alternate(testbed.HomeAgentAddress)...), acknowledgement{Status: 174, Sequence: 112}},
		{"proxy registration", update(113, flagsAH|0x0200, 10, away...), acknowledgement{Status: 152, Sequence: 113}},
		{"H is not set any more", update(114, 0x8000, 10, away...), acknowledgement{Status: 139, Sequence: 114}},
		{"H10 the number before", update(110, flagsAH, 10, away...), acknowledgement{Status: outdated, Sequence: 111}},
		{"H10 the same number", update(111, flagsAH, 11, away...), acknowledgement{Status: outdated, Sequence: 111}},
		{"H10 half way round", update(111+0x8000, flagsAH, 10, away...), acknowledgement{Status: outdated, Sequence: 111}},
		{"H10 less than half way round", update(111+0x7fff, flagsAH, 10, away...), acknowledgement{Sequence: 111 + 0x7fff, Lifetime: 10}},
		{"H10 the last number there is", update(0xffff, flagsAH, 10, away...), acknowledgement{Sequence: 0xffff, Lifetime: 10}},
		{"H10 and the one after", update(0, flagsAH, 10, away...), acknowledgement{Sequence: 0, Lifetime: 10}},
	}
}

// A mobile node written by others registers, moves and returns home: the home
// agent depends on nothing that is only a habit of the laboratory's.
func TestH5_H10_H11_H25_H50_H57_HabitsOfOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink)
	node := s.stranger(t, 1)
	node.isTooEarly()
	node.secure(testbed.CareOfAddressA)
	if got, want := node.twice(update(99, flagsAH, 10)), (acknowledgement{Sequence: 99, Lifetime: 10}); got != want {
		t.Errorf("first registration: %+v, want %+v", got, want)
	}
	for _, h := range habits(node.userName) {
		got := node.ask(h.message)
		if h.want.Lifetime == 899 && got.Lifetime > 800 && got.Lifetime < 900 {
			h.want.Lifetime = got.Lifetime // what is left of its session, in units of 4 s
		}
		if got != h.want {
			t.Errorf("%s: %+v, want %+v", h.name, got, h.want)
		}
	}
	node.moves()
	node.leavesAndReturns()
}

// isTooEarly sends a Binding Update before there is any security association, as
// if its IKE was slow.
func (s *stranger) isTooEarly() {
	s.t.Helper()
	before := s.bindings(s.t)
	var wire *wiretest.Wire
	err := s.MobileNode.Do(func() (err error) {
		wire, err = wiretest.Open(testbed.Interface)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer wire.Close()
	err = wire.Send(&wiretest.Packet{
		To: s.hardware(s.Router, s.ForeignA.String()), Source: testbed.CareOfAddressA, Destination: testbed.HomeAgentAddress,
		HomeAddresses: []netip.Addr{s.home}, Protocol: wiretest.MobilityHeader, Payload: update(50, flagsAH, 10),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.counted(s.t, "ipsec_XfrmInTmplMismatch", before, 1)
	if b, ok := s.binding(); ok {
		s.t.Errorf("bound by an unprotected Binding Update: %+v", b)
	}
}

func (s *stranger) hardware(host *testbed.Host, name string) net.HardwareAddr {
	s.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return link.Attrs().HardwareAddr
}

// twice sends a Binding Update, and again while duplicate address detection goes
// on. There is one acknowledgement (the next one is that of the next message).
func (s *stranger) twice(message []byte) acknowledgement {
	s.t.Helper()
	s.send(message)
	s.await(s.t, "duplicate address detection has begun", func() bool {
		b, ok := s.binding()
		return ok && b.State == "probing"
	})
	return s.ask(message)
}

// moves goes to foreign link B without telling IKE, and registers from there under
// the security association that there is.
func (s *stranger) moves() {
	s.t.Helper()
	if err := s.MoveTo(s.AtForeignB()); err != nil {
		s.t.Fatal(err)
	}
	s.sendsFrom(testbed.CareOfAddressB)
	if got, want := s.ask(update(1, flagsAH|flagK, 10)), (acknowledgement{Flags: ackK, Sequence: 1, Lifetime: 10}); got != want {
		s.t.Errorf("moved: %+v, want %+v", got, want)
	}
	if b, ok := s.binding(); !ok || b.CareOf != testbed.CareOfAddressB.String() {
		s.t.Errorf("after the move: %+v", b)
	}
	// A new IKE_SA from there: whoever has the key may come from anywhere.
	s.secure(testbed.CareOfAddressB)
	if got, want := s.ask(update(2, flagsAH, 10)), (acknowledgement{Sequence: 2, Lifetime: 10}); got != want {
		s.t.Errorf("under new security associations: %+v, want %+v", got, want)
	}
}

// leavesAndReturns de-registers in all ways there are. The security associations
// outlive each of them (RFC 4877 section 4.2).
func (s *stranger) leavesAndReturns() {
	s.t.Helper()
	away := alternate(testbed.CareOfAddressB)
	steps := []habit{
		{"H25 de-registration from away", update(3, flagsAH, 0, away...), acknowledgement{Sequence: 3}},
		{"H24 late", update(2, flagsAH, 10, away...), acknowledgement{Status: outdated, Sequence: 3}},
		{"registration while it is remembered", update(4, flagsAH, 10, away...), acknowledgement{Sequence: 4, Lifetime: 10}},
		{"the care-of address is the home address", update(5, flagsAH, 10, alternate(s.home)...), acknowledgement{Sequence: 5}},
		{"registration once more", update(6, flagsAH|flagL, 10, away...), acknowledgement{Sequence: 6, Lifetime: 10}},
	}
	for _, step := range steps {
		if got := s.ask(step.message); got != step.want {
			s.t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	s.returnsHome()
	for _, step := range []habit{
		{"H13 refused at home", update(6, flagsAH, 0), acknowledgement{Status: outdated, Sequence: 6}},
		{"H25 at home, with a lifetime", update(7, flagsAH|flagL, 10), acknowledgement{Sequence: 7}},
		{"H25 at home, again", update(8, flagsAH, 0, alternate(s.home)...), acknowledgement{Sequence: 8}},
	} {
		if got := s.ask(step.message); got != step.want {
			s.t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	if routes := s.routes(); routes != "" {
		s.t.Errorf("at home it is still routed: %s", routes)
	}
	if _, err := s.Correspondent.Ping(soon(s.t), s.home); err != nil {
		s.t.Error(fmt.Errorf("at home: %w", err))
	}
}
