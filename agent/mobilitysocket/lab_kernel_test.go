//go:build kerneltest

package mobilitysocket_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"homeagent/agent/mobilitysocket"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

var (
	home   = netip.MustParseAddr("2001:db8:1::1234")
	agent  = testbed.HomeAgentAddress
	careOf = testbed.CareOfAddressA
)

// A lab is a home agent with an open socket, and a mobile node whose packets are
// written and read octet by octet.
type lab struct {
	*testbed.Mobile
	t        *testing.T
	socket   *mobilitysocket.Socket
	received chan mobilitysocket.Packet
	wire     *wiretest.Wire
	router   net.HardwareAddr // the first hop of the mobile node
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLab puts the mobile node on foreign link A. The home agent's kernel takes any
// Home Address option, as it does under XFRM's policies for Binding Updates.
func newLab(t *testing.T) *lab {
	mobile, err := testbed.NewMobile(t.TempDir())
	l := &lab{Mobile: must(t, mobile, err), t: t, received: make(chan mobilitysocket.Packet, 100)}
	t.Cleanup(func() { check(t, l.Close()) })
	check(t, l.MoveTo(l.AtForeignA()))
	l.run(l.HomeAgent, "xfrm state add src :: dst :: proto hao mode ro coa :: flag wildrecv")
	l.run(l.HomeAgent, "xfrm policy add src ::/0 dst ::/0 dir in priority 9 tmpl proto hao mode ro level use")
	check(t, l.HomeAgent.Do(func() (err error) {
		l.socket, err = mobilitysocket.Open(mobilitysocket.Config{Log: slog.New(slog.DiscardHandler)})
		return err
	}))
	l.openWire(l.MobileNode)
	l.router = l.address(l.Router, l.RouterPort())
	return l
}

// RouterPort is the router's interface on foreign link A.
func (l *lab) RouterPort() string { return l.ForeignA.String() }

func (l *lab) openWire(host *testbed.Host) {
	check(l.t, host.Do(func() (err error) {
		l.wire, err = wiretest.Open(testbed.Interface)
		return err
	}))
	l.t.Cleanup(func() { l.wire.Close() })
}

func (l *lab) run(host *testbed.Host, command string) {
	l.t.Helper()
	if _, err := host.Run(l.t.Context(), "sh", "-c", "ip "+command); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) address(host *testbed.Host, name string) net.HardwareAddr {
	l.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	return must(l.t, link, err).Attrs().HardwareAddr
}

func (l *lab) index(host *testbed.Host, name string) int {
	l.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	return must(l.t, link, err).Attrs().Index
}

// serve runs the socket, with the packets going to l.received, until the test ends.
func (l *lab) serve() {
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error)
	go func() {
		done <- l.socket.Run(ctx, func(p *mobilitysocket.Packet) {
			kept := *p
			kept.Payload = slices.Clone(p.Payload)
			l.received <- kept
		})
	}()
	<-l.socket.Ready()
	l.t.Cleanup(func() {
		cancel()
		check(l.t, <-done)
		check(l.t, l.socket.Close())
	})
}

func (l *lab) send(p wiretest.Packet) {
	l.t.Helper()
	if p.To == nil {
		p.To = l.router
	}
	if !p.Destination.IsValid() {
		p.Destination = agent
	}
	p.Protocol = wiretest.MobilityHeader
	check(l.t, l.wire.Send(&p))
}

func (l *lab) receive() mobilitysocket.Packet {
	l.t.Helper()
	select {
	case p := <-l.received:
		return p
	case <-time.After(5 * time.Second):
		l.t.Fatal("no packet was handed over")
		return mobilitysocket.Packet{}
	}
}

// silence sends a packet that must not be handed over, and a good one after it.
func (l *lab) silence(name string, p wiretest.Packet) {
	l.t.Helper()
	l.send(p)
	l.send(update(7))
	if got := l.receive(); got.Payload[7] != 7 {
		l.t.Errorf("%s was handed over: %x", name, got.Payload)
	}
}

func (l *lab) awaitICMP(kind uint8) *wiretest.Packet {
	l.t.Helper()
	p, err := l.wire.Await(5*time.Second, func(p *wiretest.Packet) bool {
		return p.Protocol == wiretest.ICMPv6 && p.Payload[0] == kind
	})
	return must(l.t, p, err)
}

func (l *lab) awaitMobility() *wiretest.Packet {
	l.t.Helper()
	p, err := l.wire.Await(5*time.Second, func(p *wiretest.Packet) bool {
		return p.Protocol == wiretest.MobilityHeader && p.Source == agent
	})
	return must(l.t, p, err)
}

// update is a Binding Update from foreign link A.
func update(sequence byte) wiretest.Packet {
	return wiretest.Packet{
		Source:        careOf,
		HomeAddresses: []netip.Addr{home},
		Payload:       []byte{59, 1, 5, 0, 0, 0, 0, sequence, 0xc0, 0, 0, 10, 1, 2, 0, 0},
	}
}

var acknowledgement = []byte{59, 1, 6, 0, 0, 0, 0, 0, 0, 7, 0, 10, 1, 2, 0, 0}

// reply checks a packet on the wire.
func (l *lab) reply(p *wiretest.Packet, destination, route netip.Addr) {
	l.t.Helper()
	if p.Source != agent || p.Destination != destination || p.Route != route || len(p.HomeAddresses) != 0 {
		l.t.Errorf("on the wire: %s, want %s > %s with route %s", p, agent, destination, route)
	}
	if !p.ChecksumOK() {
		l.t.Errorf("on the wire: %s has a wrong checksum", p)
	}
}

func waitFor(t *testing.T, holds func() error) {
	t.Helper()
	end := time.Now().Add(5 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
