//go:build kerneltest

package discovery_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/ipv6"

	"homeagent/agent/discovery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/rawsocket"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

// A lab is a home agent that serves discovery, and wires to write to it octet by
// octet: of the mobile node on foreign link A and of the router on the home link.
type lab struct {
	*testbed.Mobile
	t          *testing.T
	server     *discovery.Server
	mobile     *wiretest.Wire
	homeRouter *wiretest.Wire
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLab serves the home prefix on its interface, or as one that is only routed here.
func newLab(t *testing.T, interfaceName string) *lab {
	t.Helper()
	mobile, err := testbed.NewMobile(t.TempDir())
	check(t, err)
	l := &lab{Mobile: mobile, t: t}
	t.Cleanup(func() { check(t, l.Close()) })
	check(t, l.MoveTo(l.AtForeignA()))
	l.ip("xfrm state add src :: dst :: proto hao mode ro coa :: flag wildrecv")
	// Linux before 6.7 takes the Next Header field of the Destination Options
	// header for the ICMPv6 type of a received packet.
	for _, kind := range []string{"58", "146"} {
		l.ip("xfrm policy add src ::/0 dst ::/0 proto ipv6-icmp type " + kind + " dir in priority 9 tmpl proto hao mode ro level use")
	}
	l.mobile = l.wire(l.MobileNode, testbed.Interface)
	l.homeRouter = l.wire(l.Router, "home")
	l.serve(discovery.Link{
		Interface: interfaceName, HomeAgents: []netip.Addr{testbed.HomeAgentAddress}, Preference: 5,
		Prefixes: []discovery.Prefix{{Prefix: testbed.HomePrefix, OnLink: true, Autonomous: true}},
	})
	_, err = l.MobileNode.Ping(t.Context(), testbed.HomeAgentAddress)
	check(t, err)
	return l
}

func (l *lab) ip(command string) {
	l.t.Helper()
	_, err := l.HomeAgent.Run(l.t.Context(), "sh", "-c", "ip "+command)
	check(l.t, err)
}

func (l *lab) wire(host *testbed.Host, name string) (wire *wiretest.Wire) {
	l.t.Helper()
	check(l.t, host.Do(func() (err error) {
		wire, err = wiretest.Open(name)
		return err
	}))
	l.t.Cleanup(func() { wire.Close() })
	return wire
}

func (l *lab) serve(link discovery.Link) {
	server, err := discovery.New(discovery.Config{
		Links: []discovery.Link{link},
		Binding: func(a netip.Addr) (discovery.Binding, bool) {
			return discovery.Binding{CareOf: testbed.CareOfAddressA, HomeAgent: testbed.HomeAgentAddress}, a == home
		},
		Log:           slog.New(slog.NewTextHandler(l.t.Output(), nil)),
		Open:          l.open,
		FindInterface: l.find,
	})
	check(l.t, err)
	l.server = server
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	select {
	case <-server.Ready():
	case err := <-done:
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cancel()
		check(l.t, <-done)
	})
}

func (l *lab) open() (socket discovery.Socket, err error) {
	err = l.HomeAgent.Do(func() error {
		socket, err = rawsocket.Open(rawsocket.Config{Protocol: 58, Types: []ipv6.ICMPType{134, 144, 146}})
		return err
	})
	return socket, err
}

func (l *lab) find(name string) (discovery.Interface, error) {
	link, err := l.HomeAgent.Netlink().LinkByName(name)
	if err != nil {
		return discovery.Interface{}, err
	}
	return discovery.Interface{Index: link.Attrs().Index}, nil
}

func (l *lab) routerAddress() net.HardwareAddr {
	l.t.Helper()
	link, err := l.Router.Netlink().LinkByName(l.ForeignA.String())
	check(l.t, err)
	return link.Attrs().HardwareAddr
}

// ask sends a message from the mobile node and returns the answer on the wire, if it
// is of a type.
func (l *lab) ask(p wiretest.Packet, m message.Message, want message.Type) (*wiretest.Packet, message.Message) {
	l.t.Helper()
	p.To, p.Source, p.Protocol = l.routerAddress(), testbed.CareOfAddressA, wiretest.ICMPv6
	p.Payload = message.Append(nil, m)
	check(l.t, l.mobile.Send(&p))
	answer, err := l.mobile.Await(5*time.Second, func(p *wiretest.Packet) bool {
		return p.Protocol == wiretest.ICMPv6 && p.Payload[0] == byte(want)
	})
	check(l.t, err)
	if !answer.ChecksumOK() {
		l.t.Errorf("%s has a wrong checksum", answer)
	}
	got, err := message.Parse(answer.Payload)
	check(l.t, err)
	return answer, got
}

// advertise sends a Router Advertisement of another home agent on the home link.
func (l *lab) advertise(m *message.RouterAdvertisement) {
	l.t.Helper()
	check(l.t, l.homeRouter.Send(&wiretest.Packet{
		To: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, HopLimit: 255,
		Source: neighbor, Destination: netip.IPv6LinkLocalAllNodes(),
		Protocol: wiretest.ICMPv6, Payload: message.Append(nil, m),
	}))
}

func TestH40_OnTheWire(t *testing.T) {
	other := netip.MustParseAddr("2001:db8:1::2")
	for _, tt := range []struct {
		name, interfaceName string
		want                []netip.Addr
	}{
		{"physical", testbed.Interface, []netip.Addr{other, testbed.HomeAgentAddress}},
		{"virtual", "", []netip.Addr{testbed.HomeAgentAddress}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, tt.interfaceName)
			if tt.interfaceName == "" { // the prefix is routed here, and not on any link
				_, err := l.Router.Run(t.Context(), "ip", "route", "add", anycast.String(), "via", testbed.HomeAgentAddress.String())
				check(t, err)
			}
			l.advertise(routerAdvertisement(other, 9))
			waitFor(t, func() error {
				if c := l.server.Status().Counters; c.Received[discovery.Answered]+c.Received[discovery.OtherInterface] == 0 {
					return fmt.Errorf("no advertisement received: %+v", c)
				}
				return nil
			})
			packet, got := l.ask(wiretest.Packet{Destination: anycast}, &message.AgentRequest{ID: 0x1234}, message.TypeAgentReply)
			want := &message.AgentReply{ID: 0x1234, Agents: tt.want}
			if diff := cmp.Diff(message.Message(want), got, equal); diff != "" {
				t.Errorf("unexpected reply (-want +got):\n%s", diff)
			}
			if packet.Source != testbed.HomeAgentAddress || packet.Destination != testbed.CareOfAddressA || packet.Route.IsValid() {
				t.Errorf("on the wire: %s", packet)
			}
			if s := l.server.Status().Links[0]; s.Problem != "" || s.HomeAgents != len(tt.want)-1 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestH42_OnTheWire(t *testing.T) {
	l := newLab(t, testbed.Interface)
	packet, got := l.ask(wiretest.Packet{Destination: testbed.HomeAgentAddress, HomeAddresses: []netip.Addr{home}},
		&message.PrefixSolicitation{ID: 0xbeef}, message.TypePrefixAdvertisement)
	want := &message.PrefixAdvertisement{ID: 0xbeef, Prefixes: []message.Prefix{{
		Address: testbed.HomeAgentAddress, Bits: 64, OnLink: true, Autonomous: true, Router: true,
		Valid: message.Infinite, Preferred: message.Infinite,
	}}}
	if diff := cmp.Diff(message.Message(want), got, equal); diff != "" {
		t.Errorf("unexpected advertisement (-want +got):\n%s", diff)
	}
	if packet.Source != testbed.HomeAgentAddress || packet.Destination != testbed.CareOfAddressA || packet.Route != home {
		t.Errorf("on the wire: %s, want a type 2 routing header with %s", packet, home)
	}
}

func waitFor(t *testing.T, holds func() error) {
	t.Helper()
	end := time.Now().Add(10 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
