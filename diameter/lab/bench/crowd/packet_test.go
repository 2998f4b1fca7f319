package crowd

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket/wiretest"
)

var (
	home   = netip.MustParseAddr("2001:db8:1::1234")
	agent  = netip.MustParseAddr("2001:db8:1::1")
	away   = netip.MustParseAddr("2001:db8:2::100")
	farOff = netip.MustParseAddr("2001:db8:4::100")
)

func sampleUpdate(tb testing.TB) *outgoing {
	tb.Helper()
	message, err := mobility.Append(nil, &mobility.BindingUpdate{Sequence: 7, Lifetime: 900, Flags: mobility.FlagAcknowledge})
	if err != nil {
		tb.Fatal(err)
	}
	return &outgoing{careOf: away, home: home, agent: agent, spi: 0x1000, number: 1, message: message}
}

// sampleAcknowledgement is what a home agent sends.
func sampleAcknowledgement(tb testing.TB, s *suite, sequence uint16) []byte {
	tb.Helper()
	return acknowledge(tb, s, away, 0x1001, &mobility.BindingAcknowledgement{Sequence: sequence, Lifetime: 900})
}

func acknowledge(tb testing.TB, s *suite, careOf netip.Addr, spi uint32, m mobility.Message) []byte {
	tb.Helper()
	message, err := mobility.Append(nil, m)
	if err != nil {
		tb.Fatal(err)
	}
	mobility.SetChecksum(agent, home, message)
	p := wiretest.Packet{Source: agent, Destination: careOf, Route: home, Protocol: headerESP, Payload: s.seal(nil, spi, 1, headerMobility, message)}
	return p.Append(nil)
}

// What is sent is what another reader of packets finds in it.
func TestUpdateOnTheWire(t *testing.T) {
	t.Parallel()
	s := newTestSuite(t)
	p, err := wiretest.Parse(sampleUpdate(t).append(nil, s))
	if err != nil {
		t.Fatal(err)
	}
	if p.Source != away || p.Destination != agent || len(p.HomeAddresses) != 1 || p.HomeAddresses[0] != home || p.Protocol != headerESP {
		t.Errorf("on the wire: %v", p)
	}
	if spi := binary.BigEndian.Uint32(p.Payload); spi != 0x1000 {
		t.Errorf("SPI %#x", spi)
	}
	_, next, message, err := s.open(p.Payload)
	if err != nil || next != headerMobility || !mobility.ChecksumOK(home, agent, message) {
		t.Errorf("under ESP: next header %d, %x, %v", next, message, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	s := newTestSuite(t)
	p, err := parse(sampleAcknowledgement(t, s, 7), s)
	if err != nil || p.careOf != away || p.home != home || p.agent != agent || p.spi != 0x1001 || p.ack.Sequence != 7 {
		t.Errorf("read %+v, %v", p, err)
	}
	foreign := wiretest.Packet{Source: agent, Destination: away, Protocol: wiretest.ICMPv6, Payload: make([]byte, 64)}
	if _, err := parse(foreign.Append(nil), s); !errors.Is(err, errForeign) {
		t.Errorf("a packet without routing header: %v", err)
	}
	clear := wiretest.Packet{Source: agent, Destination: away, Route: home, Protocol: headerMobility, Payload: make([]byte, 64)}
	if _, err := parse(clear.Append(nil), s); !errors.Is(err, errForeign) {
		t.Errorf("an acknowledgement without ESP: %v", err)
	}
	if _, err := parse(acknowledge(t, s, away, 0x1001, new(mobility.BindingRefreshRequest)), s); err == nil {
		t.Error("a Binding Refresh Request was taken for an acknowledgement")
	}
	cut := sampleAcknowledgement(t, s, 7)
	if _, err := parse(cut[:len(cut)-1], s); !errors.Is(err, errShort) {
		t.Errorf("a packet that is cut off: %v", err)
	}
	short := sampleAcknowledgement(t, s, 7)
	short[4], short[5] = 0, 8
	if _, err := parse(short, s); !errors.Is(err, errShort) {
		t.Errorf("a packet whose Payload Length ends within the routing header: %v", err)
	}
}
