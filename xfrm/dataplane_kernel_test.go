//go:build kerneltest

package xfrm_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/xfrm"
)

func TestH30_ForwardingBothWays(t *testing.T) {
	l := newLab(t)
	l.set(binding(homeAddress, careOfA))
	l.mobileTunnel(careOfA)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := l.Correspondent.Ping(ctx, homeAddress); err != nil {
		t.Error(err)
	}
	if _, err := l.MobileNode.Ping(ctx, peer); err != nil {
		t.Error(err)
	}
}

// Only the registered pair of outer and inner source passes; the last datagram
// tells that those before it have been judged.
func TestH33_SourceCheck(t *testing.T) {
	l := newLab(t)
	spoofer := netip.MustParseAddr("2001:db8:2::666")
	l.must(l.MobileNode.AddAddress("eth0", netip.PrefixFrom(spoofer, 64)))
	r := l.listen(l.Correspondent)
	l.set(binding(homeAddress, careOfA))

	l.tunnelled(careOfA, homeAddress, r.port, "registered")
	l.tunnelled(careOfA, otherAddress, r.port, "inner source not bound")
	l.tunnelled(careOfA, peer, r.port, "inner source far away")
	l.tunnelled(spoofer, homeAddress, r.port, "outer source not registered")
	l.tunnelled(careOfA, homeAddress, r.port, "end")
	if diff := cmp.Diff([]string{"registered"}, r.received("end")); diff != "" {
		t.Errorf("datagrams (-want +got):\n%s", diff)
	}
	counters, err := l.kernel.Counters()
	l.must(err)
	if counters.Spoofed != 3 {
		t.Errorf("Counters has %d spoofed packets, want 3", counters.Spoofed)
	}
}

func TestH33_MoveRefusesTheOldCareOfAddressAtOnce(t *testing.T) {
	l := newLab(t)
	l.must(l.MobileNode.AddAddress("eth0", netip.PrefixFrom(careOfB, 64)))
	r := l.listen(l.Correspondent)
	l.set(binding(homeAddress, careOfA))
	l.tunnelled(careOfA, homeAddress, r.port, "before, old")
	l.tunnelled(careOfB, homeAddress, r.port, "before, new")
	l.tunnelled(careOfA, homeAddress, r.port, "end")
	before := r.received("end")
	l.must(l.kernel.Bind(t.Context(), binding(homeAddress, careOfB)))
	l.tunnelled(careOfA, homeAddress, r.port, "after, old")
	l.tunnelled(careOfB, homeAddress, r.port, "after, new")
	l.tunnelled(careOfB, homeAddress, r.port, "end")
	if diff := cmp.Diff([]string{"before, old", "after, new"}, append(before, r.received("end")...)); diff != "" {
		t.Errorf("datagrams (-want +got):\n%s", diff)
	}
}

// A binding's traffic is counted on when it moves.
func TestReceivedCountsWhereverTheMobileNodeIs(t *testing.T) {
	l := newLab(t)
	l.must(l.MobileNode.AddAddress("eth0", netip.PrefixFrom(careOfB, 64)))
	r := l.listen(l.Correspondent)
	l.set(binding(homeAddress, careOfA))
	l.tunnelled(careOfA, homeAddress, r.port, "12345")
	r.received("12345") // is there, and no longer on its way from where nothing is taken
	l.must(l.kernel.Bind(t.Context(), binding(homeAddress, careOfB)))
	l.tunnelled(careOfB, homeAddress, r.port, "1234567")
	l.tunnelled(careOfB, homeAddress, r.port, "end")
	r.received("end")
	got, err := l.kernel.Received(homeAddress)
	l.must(err)
	if want := (xfrm.Traffic{Packets: 3, Octets: 3*48 + 5 + 7 + 3}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// During a move the old and the new care-of address send datagrams in pairs.
// One of each pair passes, and the old one's none after one of the new one's.
func TestMoveLeavesNoGap(t *testing.T) {
	l := newLab(t)
	second := netip.MustParseAddr("2001:db8:2::101")
	l.must(l.MobileNode.AddAddress("eth0", netip.PrefixFrom(second, 64)))
	l.mobileTunnel(careOfA)
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip link add ha1 type ip6tnl mode ip6ip6 local %s remote %s encaplimit none
		ip link set ha1 up`, second, homeAgent))
	r := l.listen(l.Correspondent)
	l.set(binding(homeAddress, careOfA))
	stop := l.stream(2 * time.Millisecond)

	from, to := careOfA, second
	for round := range 20 {
		moved := make(chan error, 1)
		for i := range 20 {
			if i == 5 {
				go func() { moved <- l.kernel.Bind(t.Context(), binding(homeAddress, to)) }()
			}
			l.tunnelled(from, homeAddress, r.port, fmt.Sprintf("old %d", i))
			l.tunnelled(to, homeAddress, r.port, fmt.Sprintf("new %d", i))
		}
		l.must(<-moved)
		l.tunnelled(from, homeAddress, r.port, "old 20")
		l.tunnelled(to, homeAddress, r.port, "new 20")
		l.tunnelled(to, homeAddress, r.port, "end")
		checkPairs(t, round, r.received("end"))
		from, to = to, from
	}
	if sent, received := stop(); sent != received || sent == 0 {
		t.Errorf("towards the mobile node %d datagrams were sent and %d received", sent, received)
	}
}

// stream sends datagrams from the correspondent to the mobile node until the
// function that it returns is called, which counts them.
func (l *lab) stream(interval time.Duration) (stop func() (sent, received int)) {
	l.t.Helper()
	r := l.listen(l.MobileNode)
	conn := l.dial(l.Correspondent, r.port)
	done, finished := make(chan struct{}), make(chan int)
	go func() {
		for sent := 0; ; sent++ {
			select {
			case <-done:
				finished <- sent
				return
			case <-time.After(interval):
				conn.Write([]byte("x"))
			}
		}
	}()
	received := make(chan int, 1)
	go func() { received <- len(r.received("end")) }()
	return func() (int, int) {
		close(done)
		sent := <-finished
		conn.Write([]byte("end"))
		return sent, <-received
	}
}

// dial returns a socket connected to a port of the home address.
func (l *lab) dial(h *testbed.Host, port uint16) *net.UDPConn {
	l.t.Helper()
	var conn *net.UDPConn
	l.must(h.Do(func() (err error) {
		conn, err = net.DialUDP("udp6", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(homeAddress, port)))
		return err
	}))
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

func checkPairs(t *testing.T, round int, received []string) {
	t.Helper()
	seen := make(map[int]bool)
	firstNew := -1
	for _, payload := range received {
		var (
			from   string
			number int
		)
		if _, err := fmt.Sscanf(payload, "%s %d", &from, &number); err != nil {
			t.Fatal(err)
		}
		seen[number] = true
		switch {
		case from == "new" && firstNew < 0:
			firstNew = number
		case from == "old" && firstNew >= 0:
			t.Errorf("round %d: datagram %d from the old address passed after datagram %d from the new one", round, number, firstNew)
		}
	}
	for i := range 21 {
		if !seen[i] {
			t.Errorf("round %d: neither datagram %d passed", round, i)
		}
	}
}

func TestH34_PacketTooBigReachesTheCorrespondent(t *testing.T) {
	l := newLab(t)
	l.set(binding(homeAddress, careOfA))
	l.mobileTunnel(careOfA)
	r := l.listen(l.MobileNode)
	conn := l.dial(l.Correspondent, r.port)
	send := func(size int) {
		payload := []byte(strings.Repeat("x", size-48))
		if _, err := conn.Write(payload); err != nil { // about a packet before
			conn.Write(payload)
		}
	}
	send(1500)
	l.waitForMTU(1460)
	// A link of the outer path that takes less yet.
	l.command(l.Router, "ip link set foreign-a mtu 1400")
	send(1460)
	l.waitForMTU(1360)
	send(1500) // in fragments by now
	conn.Write([]byte("end"))
	if diff := cmp.Diff([]string{strings.Repeat("x", 1452)}, r.received("end")); diff != "" {
		t.Errorf("datagrams (-want +got):\n%s", diff)
	}
}

// waitForMTU waits until the correspondent has learnt the MTU of its path to
// the home address.
func (l *lab) waitForMTU(mtu int) {
	l.t.Helper()
	want := fmt.Sprintf("mtu %d ", mtu)
	var route string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		route = l.command(l.Correspondent, "ip -6 route get "+homeAddress.String())
		if strings.Contains(route+" ", want) {
			return
		}
	}
	l.t.Fatalf("the correspondent's route is %q, want one with %q", route, want)
}

// The outer header starts a hop count of its own and carries the inner one's
// congestion mark (RFC 2473 sections 6.3 and 6.4, RFC 6040).
func TestOuterHeader(t *testing.T) {
	l := newLab(t)
	l.set(binding(homeAddress, careOfA))
	l.mobileTunnel(careOfA)
	r := l.listen(l.MobileNode)
	capture, err := l.MobileNode.Capture(t.Context(), "eth0", "ip6 proto 41")
	l.must(err)
	var conn int
	l.must(l.Correspondent.Do(func() (err error) {
		conn, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	defer unix.Close(conn)
	l.must(unix.SetsockoptInt(conn, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xb8|2)) // EF, ECT(0)
	l.must(unix.SetsockoptInt(conn, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 30))
	l.must(unix.Sendto(conn, []byte("end"), 0, &unix.SockaddrInet6{Addr: homeAddress.As16(), Port: int(r.port)}))
	r.received("end")
	got, err := capture.Decode(t.Context(), "udp", "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.tclass.ecn")
	l.must(err)
	// One router each before and after the home agent.
	want := []string{fmt.Sprintf("%s,%s\t%s,%s\t63,28\t2,2", homeAgent, peer, careOfA, homeAddress)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outer and inner headers (-want +got):\n%s", diff)
	}
}

func TestH36_MulticastIsNotTunnelled(t *testing.T) {
	l := newLab(t)
	l.set(binding(homeAddress, careOfA))
	l.mobileTunnel(careOfA)
	group := netip.MustParseAddr("ff0e::123")
	l.command(l.HomeAgent, "ip -6 maddr add 33:33:00:00:01:23 dev eth0")
	before := l.command(l.HomeAgent, "ip -s -s link show "+tunnelName)
	l.command(l.Router, "ip -6 route replace ff0e::/16 dev home table local")
	l.sendRaw(l.Router, unix.IPPROTO_UDP, testbed.RouterAddress(testbed.HomePrefix), group,
		datagram(testbed.RouterAddress(testbed.HomePrefix), group, 9, "x")[40:])
	if after := l.command(l.HomeAgent, "ip -s -s link show "+tunnelName); before != after {
		t.Errorf("the tunnel's counters (-before +after):\n%s", cmp.Diff(before, after))
	}
}
