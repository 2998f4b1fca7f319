//go:build kerneltest

package homelink_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"homeagent/agent/homelink"
	"homeagent/agent/homelink/neighbor"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/testbed"
)

func TestH20_H27_OnTheWire(t *testing.T) {
	l := newLab(t, 0)
	start := time.Now()
	l.claim(homelink.Claim{HomeAddress: homeAddress, LinkLocal: true})
	t.Logf("claimed after %s", time.Since(start))
	probe := l.heard(neighbor.Solicitation, homeAddress)
	if !probe.Probe() || probe.Destination != neighbor.SolicitedNode(homeAddress) {
		t.Errorf("probe %+v", probe)
	}
	l.heard(neighbor.Solicitation, netip.MustParseAddr("fe80::100:1234"))
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Override: true})
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: netip.MustParseAddr("fe80::100:1234"), Override: true})
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Override: true})
}

func TestH20_OtherNodeHasTheAddress(t *testing.T) {
	l := newLab(t, 0)
	check(t, l.Router.AddAddress(node, netip.MustParsePrefix("fe80::5/64")))
	check(t, l.Router.AddAddress(node, netip.PrefixFrom(homeAddress, 64)))
	// Its kernel joins the addresses' groups, and so hears probes, a little later.
	_, err := l.HomeAgent.Ping(t.Context(), homeAddress)
	check(t, err)
	for _, c := range []homelink.Claim{
		{HomeAddress: homeAddress},
		{HomeAddress: netip.MustParseAddr("2001:db8:1::5"), LinkLocal: true},
		{HomeAddress: testbed.HomeAgentAddress},
	} {
		err := l.link.Claim(t.Context(), c)
		if !errors.Is(err, homelink.ErrDuplicate) {
			t.Errorf("%+v: %v", c, err)
		}
		t.Log(err)
	}
}

// TestH22_OtherNodeIsKeptFromTheAddress lets another node's kernel try.
func TestH22_OtherNodeIsKeptFromTheAddress(t *testing.T) {
	l := newLab(t, 0)
	l.claim(homelink.Claim{HomeAddress: homeAddress, Router: true})
	for range 3 { // each of which would keep it from the address, too
		l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Override: true, Router: true})
	}
	for _, name := range []string{"all", node} {
		check(t, l.Router.Sysctl("net.ipv6.conf."+name+".accept_dad", "1"))
	}
	l.ip(l.Router, "address add "+homeAddress.String()+"/64 dev "+node)
	waitFor(t, func() error {
		if a := l.addressFlags(homeAddress); a&unix.IFA_F_DADFAILED == 0 {
			return fmt.Errorf("the address has flags %#x, want DADFAILED", a)
		}
		return nil
	})
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Router: true})
	if got := l.link.Status().Counters.Defended; got != 1 {
		t.Errorf("%d defences counted, want 1", got)
	}
}

// TestH27_H28_Neighbours: who knew the mobile node at home finds it at the home
// agent now, and who did not knows at once.
func TestH27_H28_Neighbours(t *testing.T) {
	l := newLab(t, 0)
	check(t, l.MoveTo(l.AtHome(homeAddress)))
	_, err := l.Router.Ping(t.Context(), homeAddress)
	check(t, err)
	l.neighbour(l.linkAddress(l.MobileNode, testbed.Interface))
	check(t, l.MoveTo(l.AtForeignA()))
	l.claim(homelink.Claim{HomeAddress: homeAddress})
	l.neighbour(l.ownLink) // by the unsolicited advertisement
	l.ip(l.Router, "neigh flush dev "+node)
	l.Router.Do(func() error { // starts address resolution
		conn, err := net.Dial("udp6", net.JoinHostPort(homeAddress.String(), "9"))
		if err == nil {
			conn.Write([]byte{1})
			conn.Close()
		}
		return err
	})
	l.neighbour(l.ownLink)
	if l.link.Status().Counters.Answered == 0 {
		t.Error("no answer was counted")
	}
}

func TestH28_Answers(t *testing.T) {
	l := newLab(t, 0)
	l.claim(homelink.Claim{HomeAddress: homeAddress})
	for range 3 {
		l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Override: true})
	}
	other := netip.MustParseAddr("fe80::77")
	for _, tt := range []struct {
		name     string
		question neighbor.Message
		to       net.HardwareAddr
		want     neighbor.Message
	}{
		{
			name:     "multicast",
			question: neighbor.Message{Source: other, Destination: neighbor.SolicitedNode(homeAddress), LinkAddress: neighbor.LinkAddress(l.nodeLink)},
			to:       etherMulticast(neighbor.SolicitedNode(homeAddress)),
			want:     neighbor.Message{Destination: other, Solicited: true},
		},
		{
			name:     "unicast, as to verify reachability",
			question: neighbor.Message{Source: other, Destination: homeAddress},
			to:       l.ownLink,
			want:     neighbor.Message{Destination: other, Solicited: true},
		},
		{
			name:     "probe",
			question: neighbor.Message{Source: netip.IPv6Unspecified(), Destination: neighbor.SolicitedNode(homeAddress)},
			to:       etherMulticast(neighbor.SolicitedNode(homeAddress)),
			want:     neighbor.Message{Destination: neighbor.AllNodes()},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.ask(tt.question, tt.to, 255)
			tt.want.Target = homeAddress
			l.advertised(tt.want)
		})
	}
	t.Run("H29 released", func(t *testing.T) {
		l.link.Release(homeAddress)
		l.silence(neighbor.Message{Source: other, Destination: homeAddress}, l.ownLink, 255)
	})
}

// TestH31_LinkLocalAddress: packets to the link-local address are not tunnelled,
// and the sender learns.
func TestH31_LinkLocalAddress(t *testing.T) {
	l := newLab(t, 0)
	l.ip(l.HomeAgent, "link add away type dummy")
	l.ip(l.HomeAgent, "link set away up")
	l.ip(l.HomeAgent, "route add "+homeAddress.String()+" dev away")
	l.claim(homelink.Claim{HomeAddress: homeAddress, LinkLocal: true})
	linkLocal := netip.MustParseAddr("fe80::100:1234")
	for _, source := range []netip.Addr{l.linkLocal(l.Router, node), testbed.RouterAddress(testbed.HomePrefix)} {
		check(t, l.wire.Send(&wiretest.Packet{
			To: l.ownLink, Source: source, Destination: linkLocal,
			Protocol: wiretest.ICMPv6, Payload: []byte{128, 0, 0, 0, 0, 1, 0, 1},
		}))
		p, err := l.wire.Await(10*time.Second, func(p *wiretest.Packet) bool {
			return p.Protocol == wiretest.ICMPv6 && ipv6.ICMPType(p.Payload[0]) == ipv6.ICMPTypeDestinationUnreachable
		})
		check(t, err)
		if p.Payload[1] != 3 {
			t.Errorf("from %s: destination unreachable with code %d, want 3", source, p.Payload[1])
		}
	}
	if stats := l.ip(l.HomeAgent, "-s link show away"); !strings.Contains(strings.Join(strings.Fields(stats), " "), "TX: bytes packets errors dropped carrier collsns 0 0 ") {
		t.Errorf("something was sent on: %s", stats)
	}
}

// TestManyAddresses holds more addresses than groups are joined, and answers for
// one whose group is not.
func TestManyAddresses(t *testing.T) {
	count, maxGroups := 2000, 300
	if n, err := strconv.Atoi(os.Getenv("HOMELINK_ADDRESSES")); err == nil {
		count, maxGroups = n, 0
	}
	l := newLab(t, maxGroups)
	a := homeAddress.As16()
	start := time.Now()
	results := make(chan error, count)
	for i := range count {
		a[13], a[14], a[15] = byte(i>>16), byte(i>>8), byte(i)
		c := homelink.Claim{HomeAddress: netip.AddrFrom16(a)}
		go func() { results <- l.link.Claim(t.Context(), c) }()
	}
	for range count {
		check(t, <-results)
	}
	t.Logf("%d addresses claimed in %s", count, time.Since(start))
	s := l.link.Status()
	if s.Held != count || s.GroupsJoined+s.GroupsBeyond != count || s.GroupsBeyond == 0 || s.Errors != 0 {
		t.Errorf("status %+v", s)
	}
	// Let the unsolicited advertisements pass, of which there are three.
	waitFor(t, func() error {
		if n := l.link.Status().Counters.Advertised; n != uint64(3*count) {
			return fmt.Errorf("%d advertisements sent, want %d", n, 3*count)
		}
		return nil
	})
	last := netip.AddrFrom16(a)
	group := neighbor.SolicitedNode(last)
	packet, err := neighbor.Append(nil, &neighbor.Message{Kind: neighbor.Solicitation, Source: netip.IPv6Unspecified(), Destination: group, Target: last})
	check(t, err)
	p, err := wiretest.Parse(packet)
	check(t, err)
	p.To = etherMulticast(group)
	l.wire.Drain()
	check(t, l.wire.Send(p))
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: last})
	start = time.Now()
	for i := range count {
		a[13], a[14], a[15] = byte(i>>16), byte(i>>8), byte(i)
		l.link.Release(netip.AddrFrom16(a))
	}
	t.Logf("%d addresses released in %s", count, time.Since(start))
	if s := l.link.Status(); s.Held != 0 || s.GroupsJoined != 0 || s.GroupsBeyond != 0 || s.Errors != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestInterfaceDownAndUp(t *testing.T) {
	l := newLab(t, 0)
	l.claim(homelink.Claim{HomeAddress: homeAddress})
	l.ip(l.HomeAgent, "link set "+testbed.Interface+" down")
	waitFor(t, func() error {
		if l.link.Status().Up {
			return errors.New("the link is still up")
		}
		return nil
	})
	if err := l.link.Claim(t.Context(), homelink.Claim{HomeAddress: homeAddress}); !errors.Is(err, homelink.ErrDown) {
		t.Errorf("claiming on an interface that is down: %v", err)
	}
	l.wire.Drain()
	l.ip(l.HomeAgent, "link set "+testbed.Interface+" up")
	waitFor(t, func() error {
		if !l.link.Status().Up {
			return errors.New("the link is not back")
		}
		return nil
	})
	l.advertised(neighbor.Message{Destination: neighbor.AllNodes(), Target: homeAddress, Override: true})
	l.ask(neighbor.Message{Source: netip.MustParseAddr("fe80::77"), Destination: homeAddress}, l.ownLink, 255)
	l.advertised(neighbor.Message{Destination: netip.MustParseAddr("fe80::77"), Target: homeAddress, Solicited: true})
}
