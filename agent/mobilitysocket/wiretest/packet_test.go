package wiretest_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket/wiretest"
)

var (
	agent  = netip.MustParseAddr("2001:db8:1::1")
	home   = netip.MustParseAddr("2001:db8:1::100")
	careOf = netip.MustParseAddr("2001:db8:2::5")
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	update := []byte{59, 1, 5, 0, 0, 0, 0, 1, 0xc0, 0, 0, 10, 1, 2, 0, 0}
	for _, sent := range []wiretest.Packet{
		{Source: careOf, Destination: agent, HopLimit: 64, HomeAddresses: []netip.Addr{home}, Protocol: wiretest.MobilityHeader, Payload: update},
		{Source: careOf, Destination: agent, HopLimit: 64, HomeAddresses: []netip.Addr{home, careOf}, Protocol: wiretest.MobilityHeader, Payload: update},
		{Source: agent, Destination: careOf, HopLimit: 64, Route: home, Protocol: wiretest.MobilityHeader, Payload: update},
		{Source: agent, Destination: careOf, HopLimit: 1, Route: home, HomeAddresses: []netip.Addr{careOf}, Protocol: wiretest.ICMPv6, Payload: []byte{146, 0, 0, 0, 0, 1, 0, 0}},
		{Source: agent, Destination: careOf, HopLimit: 255, Protocol: 17, Payload: []byte{1}},
	} {
		got, err := wiretest.Parse(sent.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got.Protocol != 17 && !got.ChecksumOK() {
			t.Errorf("%s has a wrong checksum", got)
		}
		if got.Protocol == wiretest.MobilityHeader && got.Route == home && !mobility.ChecksumOK(agent, home, got.Payload) {
			t.Errorf("%s has a checksum that mobility does not agree with", got)
		}
		for i := range got.Payload { // what Append filled in
			if sent.Payload[i] == 0 {
				got.Payload[i] = 0
			}
		}
		if diff := cmp.Diff(sent, *got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("unexpected packet (-want +got):\n%s", diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	packet := wiretest.Packet{Source: careOf, Destination: agent, HomeAddresses: []netip.Addr{home}, Protocol: 17}
	whole := packet.Append(nil)
	for _, b := range [][]byte{nil, {0x45}, whole[:len(whole)-1], append(append([]byte{}, whole[:5]...), append([]byte{8}, whole[6:48]...)...)} {
		if p, err := wiretest.Parse(b); err == nil {
			t.Errorf("%x was parsed as %s", b, p)
		}
	}
}
