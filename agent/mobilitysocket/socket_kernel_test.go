//go:build kerneltest

package mobilitysocket_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/mobilitysocket/ancillary"
	"homeagent/agent/mobilitysocket/rawsocket"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

func TestH12_AwayAndBack(t *testing.T) {
	l := newLab(t)
	l.serve()
	sent := update(1)
	l.send(sent)
	got := l.receive()
	want := mobilitysocket.Packet{
		Source: careOf, HomeAddress: home, Destination: agent,
		Interface: l.index(l.HomeAgent, testbed.Interface),
		Payload:   got.Payload,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("unexpected packet (-want +got):\n%s", diff)
	}
	if !mobility.ChecksumOK(home, agent, got.Payload) || got.Payload[2] != 5 || got.Payload[7] != 1 {
		t.Errorf("payload %x is not the Binding Update", got.Payload)
	}
	check(t, l.socket.Send(got.Reply(acknowledgement)))
	l.reply(l.awaitMobility(), careOf, home)
	check(t, l.socket.SendError(got.Error(acknowledgement)))
	l.reply(l.awaitMobility(), careOf, netip.Addr{})
}

func TestH12_AtHome(t *testing.T) {
	l := newLab(t)
	l.serve()
	check(t, l.MoveTo(l.AtHome(home)))
	p := update(1)
	p.HomeAddresses, p.Source, p.To = nil, home, l.address(l.HomeAgent, testbed.Interface)
	l.send(p)
	got := l.receive()
	if got.Source != home || got.HomeAddress.IsValid() {
		t.Errorf("from %s with home address %s, want from %s without", got.Source, got.HomeAddress, home)
	}
	check(t, l.socket.Send(got.Reply(acknowledgement)))
	l.reply(l.awaitMobility(), home, netip.Addr{})
}

// TestH13_RefusalReachesHome: the route of the binding leads elsewhere, and the
// mobile node stands on the home link.
func TestH13_RefusalReachesHome(t *testing.T) {
	l := newLab(t)
	check(t, l.MoveTo(l.AtHome(home)))
	l.run(l.HomeAgent, "link add away type dummy")
	l.run(l.HomeAgent, "link set away up")
	l.run(l.HomeAgent, "route add "+home.String()+" dev away")
	p := mobilitysocket.Packet{Source: home, Destination: agent}
	reply := p.Reply(acknowledgement)
	reply.Interface = l.index(l.HomeAgent, testbed.Interface)
	for range 2 {
		check(t, l.HomeAgent.Do(func() error { return l.socket.Send(reply) }))
		l.reply(l.awaitMobility(), home, netip.Addr{})
	}
	reply.Interface = 9999
	if err := l.HomeAgent.Do(func() error { return l.socket.Send(reply) }); err == nil {
		t.Error("sending out of interface 9999 succeeded")
	}
	if c := l.socket.Counters().Socket; c.Sent != 2 || c.SendErrors != 1 {
		t.Errorf("%d sent and %d errors, want 2 and 1", c.Sent, c.SendErrors)
	}
	check(t, l.socket.Close())
}

func TestH1_ChecksumIsVerified(t *testing.T) {
	l := newLab(t)
	l.serve()
	p := update(1)
	p.Payload[4] = 0x12 // Append leaves it alone
	l.silence("a packet with a wrong checksum", p)
}

func TestH2_UnknownType(t *testing.T) {
	l := newLab(t)
	l.serve()
	p := update(1)
	p.Payload[2] = 77
	l.send(p)
	got := l.receive()
	if got.Payload[2] != 77 {
		t.Fatalf("payload %x, want MH Type 77", got.Payload)
	}
	sent, limited := 0, 0
	for range 1000 {
		switch err := l.socket.SendError(got.Error(acknowledgement)); {
		case err == nil:
			sent++
		case errors.Is(err, mobilitysocket.ErrRateLimited):
			limited++
		default:
			t.Fatal(err)
		}
	}
	if sent < 10 || sent > 100 || uint64(limited) != l.socket.Counters().ErrorsLimited {
		t.Errorf("%d Binding Errors of 1000 sent, %d limited, counters %+v", sent, limited, l.socket.Counters())
	}
}

// TestH3_H4_ParameterProblem: RFC 6275 section 9.2 wants a pointer to the octet,
// counted from the start of the IPv6 packet, and no delivery.
func TestH3_H4_ParameterProblem(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*wiretest.Packet)
		want   uint32
	}{
		{"H3 payload proto, away", func(p *wiretest.Packet) { p.Payload[0] = 17 }, 40 + 24},
		{"H4 header length, away", func(p *wiretest.Packet) { p.Payload[1] = 0 }, 40 + 24 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.serve()
			p := update(1)
			tt.change(&p)
			l.silence("the packet", p)
			problem := l.awaitICMP(4)
			if code, pointer := problem.Payload[1], binary.BigEndian.Uint32(problem.Payload[4:]); code != 0 || pointer != tt.want {
				t.Errorf("parameter problem with code %d and pointer %d, want 0 and %d", code, pointer, tt.want)
			}
		})
	}
}

func TestH6_HomeAddressOption(t *testing.T) {
	l := newLab(t)
	l.serve()
	twice := update(1)
	twice.HomeAddresses = append(twice.HomeAddresses, netip.MustParseAddr("2001:db8:1::5"))
	l.silence("a packet with two Home Address options", twice)
	linkLocal := update(1)
	linkLocal.HomeAddresses[0] = netip.MustParseAddr("fe80::1234")
	l.silence("a link-local home address", linkLocal)
	routed := update(1)
	routed.Route = agent
	l.silence("a packet with a type 2 routing header", routed)
	if got := l.socket.Counters().Discarded[mobilitysocket.HomeAddressUnusable]; got != 1 {
		t.Errorf("%d link-local home addresses counted, want 1", got)
	}
}

// TestH46_PolicyForTheProtocol: what keeps unprotected Mobility Headers away does so
// with and without a Home Address option.
func TestH46_PolicyForTheProtocol(t *testing.T) {
	l := newLab(t)
	l.serve()
	l.run(l.HomeAgent, "xfrm policy add src "+testbed.HomePrefix.String()+" dst "+agent.String()+
		" proto 135 dir in priority 2 tmpl proto esp mode transport reqid 1001 level required tmpl proto hao mode ro level use")
	for _, option := range [][]netip.Addr{{home}, nil} {
		p := update(1)
		p.HomeAddresses = option
		if option == nil { // as if from home
			p.Source = home
		}
		l.send(p)
	}
	l.run(l.HomeAgent, "xfrm policy delete src "+testbed.HomePrefix.String()+" dst "+agent.String()+" proto 135 dir in")
	l.send(update(7))
	if got := l.receive(); got.Payload[7] != 7 {
		t.Errorf("an unprotected Binding Update was handed over: %+v", got)
	}
}

// TestOverflow: what does not fit into the receive buffer is counted.
func TestOverflow(t *testing.T) {
	l := newLab(t)
	check(t, l.socket.Close())
	check(t, l.HomeAgent.Do(func() (err error) {
		l.socket, err = mobilitysocket.Open(mobilitysocket.Config{ReceiveBuffer: 8192, Log: slog.New(slog.DiscardHandler)})
		return err
	}))
	for range 100 {
		l.send(update(1))
	}
	time.Sleep(100 * time.Millisecond)
	l.serve()
	for range 2 { // a counter comes with the next packet
		l.receive()
		l.send(update(1))
	}
	waitFor(t, func() error {
		if c := l.socket.Counters().Socket; c.Overflowed == 0 || c.Overflowed >= 100 {
			return fmt.Errorf("%d overflowed, want some: %+v", c.Overflowed, c)
		}
		return nil
	})
}

func TestLongHeadersAreDiscarded(t *testing.T) {
	l := newLab(t)
	l.serve()
	p := update(1)
	for range 30 { // more than ancillary.ReceiveSpace
		p.HomeAddresses = append(p.HomeAddresses, home)
	}
	l.silence("a packet with thirty headers", p)
	var none [ancillary.Flaws]uint64
	if c := l.socket.Counters().Socket; c.Flawed != none || c.Truncated > 1 {
		t.Errorf("unexpected counters %+v", c)
	}
}

// TestPrivileges: CAP_NET_RAW is needed and enough.
func TestPrivileges(t *testing.T) {
	l := newLab(t)
	if got := open(t, l.HomeAgent, 1<<unix.CAP_NET_RAW|1<<unix.CAP_NET_ADMIN); got != rawsocket.DefaultReceiveBuffer*2 {
		t.Errorf("receive buffer of %d octets, want twice %d: the kernel counts overhead", got, rawsocket.DefaultReceiveBuffer)
	}
	if got := open(t, l.HomeAgent, 1<<unix.CAP_NET_RAW); got == 0 || got >= rawsocket.DefaultReceiveBuffer {
		t.Errorf("receive buffer of %d octets without CAP_NET_ADMIN, want some less", got)
	}
	err := withCapabilities(l.HomeAgent, 0, func() error {
		_, err := rawsocket.Open(rawsocket.Config{Protocol: mobilitysocket.Protocol})
		return err
	})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("without privileges: %v, want a hint at CAP_NET_RAW", err)
	}
}

// open opens a socket with the given capabilities and returns the size of its
// receive buffer.
func open(t *testing.T, host *testbed.Host, capabilities uint32) (size int) {
	t.Helper()
	check(t, withCapabilities(host, capabilities, func() error {
		s, err := rawsocket.Open(rawsocket.Config{Protocol: mobilitysocket.Protocol})
		if err == nil {
			size = s.ReceiveBuffer()
			err = s.Close()
		}
		return err
	}))
	return size
}

// withCapabilities runs f on a thread that ends with it.
func withCapabilities(host *testbed.Host, capabilities uint32, f func() error) error {
	return host.Do(func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: capabilities, Permitted: capabilities}}
		if err := unix.Capset(&header, &data[0]); err != nil {
			return fmt.Errorf("dropping capabilities: %w", err)
		}
		return f()
	})
}
