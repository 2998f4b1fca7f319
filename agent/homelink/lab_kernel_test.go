//go:build kerneltest

package homelink_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"homeagent/agent/homelink"
	"homeagent/agent/homelink/neighbor"
	"homeagent/agent/homelink/packetport"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

var homeAddress = netip.MustParseAddr("2001:db8:1::100:1234")

// A lab is a home agent that serves its home link, and another node on it.
type lab struct {
	*testbed.Mobile
	t        *testing.T
	link     *homelink.Link
	wire     *wiretest.Wire // the other node's
	ownLink  net.HardwareAddr
	nodeLink net.HardwareAddr
	source   netip.Addr // of the home agent on the link
}

// node is the other node's interface on the home link: the router's.
const node = "home"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newLab(t *testing.T, maxGroups int) *lab {
	t.Helper()
	mobile, err := testbed.NewMobile(t.TempDir())
	check(t, err)
	l := &lab{Mobile: mobile, t: t}
	t.Cleanup(func() { check(t, l.Close()) })
	l.ownLink, l.nodeLink = l.linkAddress(l.HomeAgent, testbed.Interface), l.linkAddress(l.Router, node)
	check(t, l.Router.Do(func() (err error) {
		l.wire, err = wiretest.Open(node)
		return err
	}))
	t.Cleanup(func() { l.wire.Close() })
	l.link = homelink.New(homelink.Config{
		Interface: testbed.Interface, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Open: func(name string) (port homelink.Port, err error) {
			err = l.HomeAgent.Do(func() error {
				real, err := packetport.Open(name, packetport.Config{MaxGroups: maxGroups})
				if err == nil {
					l.source, port = real.Source(), real
				}
				return err
			})
			return port, err
		},
	})
	l.run()
	// What is sent before the bridge takes its new ports into service is lost.
	_, err = l.Router.Ping(t.Context(), testbed.HomeAgentAddress)
	check(t, err)
	return l
}

func (l *lab) run() {
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.link.Run(ctx) }()
	select {
	case <-l.link.Ready():
	case err := <-done:
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cancel()
		check(l.t, <-done)
	})
}

func (l *lab) linkAddress(host *testbed.Host, name string) net.HardwareAddr {
	l.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	check(l.t, err)
	return link.Attrs().HardwareAddr
}

func (l *lab) ip(host *testbed.Host, command string) string {
	l.t.Helper()
	output, err := host.Run(l.t.Context(), "sh", "-c", "ip "+command)
	check(l.t, err)
	return output
}

func (l *lab) claim(c homelink.Claim) {
	l.t.Helper()
	check(l.t, l.link.Claim(l.t.Context(), c))
}

// heard waits for a Neighbor Discovery message about the home address from the home
// agent.
func (l *lab) heard(kind neighbor.Kind, target netip.Addr) *neighbor.Message {
	l.t.Helper()
	m, err := l.listen(5*time.Second, kind, target)
	check(l.t, err)
	return m
}

func (l *lab) listen(wait time.Duration, kind neighbor.Kind, target netip.Addr) (message *neighbor.Message, err error) {
	_, err = l.wire.Await(wait, func(p *wiretest.Packet) bool {
		m, flaw := neighbor.Parse(p.Append(nil))
		if flaw != neighbor.Sound || m.Kind != kind || m.Target != target || p.From.String() != l.ownLink.String() {
			return false
		}
		message = m
		return true
	})
	return message, err
}

func (l *lab) advertised(want neighbor.Message) {
	l.t.Helper()
	want.Kind, want.Source = neighbor.Advertisement, l.source
	want.LinkAddress = neighbor.LinkAddress(l.ownLink)
	if got := l.heard(neighbor.Advertisement, want.Target); *got != want {
		l.t.Errorf("advertised %+v, want %+v", *got, want)
	}
}

func (l *lab) addressFlags(a netip.Addr) int {
	l.t.Helper()
	link, err := l.Router.Netlink().LinkByName(node)
	check(l.t, err)
	list, err := l.Router.Netlink().AddrList(link, netlink.FAMILY_V6)
	check(l.t, err)
	for _, b := range list {
		if b.IP.Equal(net.IP(a.AsSlice())) {
			return b.Flags
		}
	}
	return 0
}

// neighbour waits until the other node's neighbour cache has the home address at a
// link-layer address.
func (l *lab) neighbour(want net.HardwareAddr) {
	l.t.Helper()
	waitFor(l.t, func() error {
		entries := l.ip(l.Router, "-6 neigh show "+homeAddress.String())
		if !strings.Contains(entries, want.String()) {
			return fmt.Errorf("neighbour cache: %q, want %s", entries, want)
		}
		return nil
	})
}

func etherMulticast(group netip.Addr) net.HardwareAddr {
	a := neighbor.EtherMulticast(group)
	return a[:]
}

// ask sends a solicitation for the home address as the other node.
func (l *lab) ask(m neighbor.Message, to net.HardwareAddr, hopLimit uint8) {
	l.t.Helper()
	m.Kind, m.Target = neighbor.Solicitation, homeAddress
	packet, err := neighbor.Append(nil, &m)
	check(l.t, err)
	p, err := wiretest.Parse(packet)
	check(l.t, err)
	p.To, p.HopLimit = to, hopLimit
	l.wire.Drain()
	check(l.t, l.wire.Send(p))
}

func (l *lab) silence(m neighbor.Message, to net.HardwareAddr, hopLimit uint8) {
	l.t.Helper()
	l.ask(m, to, hopLimit)
	if got, err := l.listen(time.Second, neighbor.Advertisement, homeAddress); !errors.Is(err, wiretest.ErrNothing) {
		l.t.Errorf("answered by %+v, error %v", got, err)
	}
}

func (l *lab) linkLocal(host *testbed.Host, name string) netip.Addr {
	l.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	check(l.t, err)
	list, err := host.Netlink().AddrList(link, netlink.FAMILY_V6)
	check(l.t, err)
	for _, a := range list {
		if b, ok := netip.AddrFromSlice(a.IP); ok && b.IsLinkLocalUnicast() {
			return b
		}
	}
	l.t.Fatalf("%s of %s has no link-local address", name, host)
	return netip.Addr{}
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
