//go:build kerneltest

package xfrm_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/xfrm"
)

// mobileOptimizes makes the mobile node use the Home Address option for an
// upper protocol and take type 2 routing headers.
func (l *lab) mobileOptimizes(careOf netip.Addr, protocol string) {
	l.t.Helper()
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip -6 addr replace %[1]s/128 dev lo nodad home
		ip xfrm state add src %[1]s dst %[2]s proto hao mode ro coa %[3]s
		ip xfrm policy add src %[1]s dst %[2]s proto %[4]s dir out tmpl src %[1]s dst %[2]s proto hao mode ro
		ip xfrm state add src :: dst :: proto route2 mode ro coa :: flag wildrecv
		ip xfrm policy add src %[2]s dst %[1]s dir in tmpl proto route2 mode ro level use
		`, homeAddress, homeAgent, careOf, protocol))
}

func (l *lab) optimized(bindings ...xfrm.Binding) {
	l.t.Helper()
	d := l.desired(bindings...)
	d.RouteOptimization = true
	_, err := l.kernel.Set(l.t.Context(), d)
	l.must(err)
}

// The mobile node has no tunnel here: what arrives came by a routing header,
// and what is answered has a Home Address option.
func TestH32_HomeAgentSendsWithARoutingHeader(t *testing.T) {
	l := newLab(t)
	l.optimized(binding(homeAddress, careOfA))
	l.mobileOptimizes(careOfA, "ipv6-icmp")
	capture, err := l.MobileNode.Capture(t.Context(), "eth0", "ip6")
	l.must(err)
	l.ping(l.HomeAgent, homeAddress)
	got, err := capture.Decode(t.Context(), "icmpv6.type == 128", "ipv6.src", "ipv6.dst", "ipv6.routing.type", "ipv6.routing.mipv6.home_address")
	l.must(err)
	want := fmt.Sprintf("%s\t%s\t2\t%s", homeAgent, careOfA, homeAddress)
	if len(got) == 0 || got[0] != want {
		t.Errorf("got echo requests %q, want %q", got, want)
	}
	// Mobility Header messages leave it to their senders.
	fd := l.mobilitySocket(l.HomeAgent)
	tunnelled, err := l.MobileNode.Capture(t.Context(), "any", "ip6 proto 41")
	l.must(err)
	l.must(unix.Sendto(fd, mobility(3, 7), 0, &unix.SockaddrInet6{Addr: homeAddress.As16()}))
	l.await("a tunnelled Home Test", func() bool {
		got, err := tunnelled.Decode(t.Context(), "mipv6", "ipv6.dst")
		l.must(err)
		return len(got) > 0 && got[0] == fmt.Sprintf("%s,%s", careOfA, homeAddress)
	})
}

// A Home Address option must agree with the binding, whatever the kernel
// accepts for Binding Updates.
func TestH7_FalseHomeAddressOptionIsRejectedAndTold(t *testing.T) {
	tests := map[string]func(*lab){
		"without route optimization": func(l *lab) { l.set(binding(homeAddress, careOfA)) },
		"with route optimization":    func(l *lab) { l.optimized(binding(homeAddress, careOfB)) },
		"not bound":                  func(l *lab) { l.optimized() },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			set(l)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			rejected := make(chan xfrm.Rejection, 100)
			go l.kernel.Watch(ctx, xfrm.Watcher{Drift: func() {}, Rejected: func(r xfrm.Rejection) { rejected <- r }})
			l.mobileOptimizes(careOfA, "udp")
			r := l.listen(l.HomeAgent)
			payload := datagram(homeAddress, homeAgent, r.port, "false")[40:]
			want := xfrm.Rejection{HomeAddress: homeAddress, CareOf: careOfA, HomeAgent: homeAgent, Protocol: unix.IPPROTO_UDP}
			for told := false; !told; {
				l.sendRaw(l.MobileNode, unix.IPPROTO_UDP, homeAddress, homeAgent, payload)
				select {
				case got := <-rejected:
					told = true
					if got != want {
						t.Errorf("told of %v, want %v", got, want)
					}
				case <-time.After(1100 * time.Millisecond): // the kernel's limit
				case <-ctx.Done():
					t.Fatal("the rejection was not told")
				}
			}
			l.sendRaw(l.Router, unix.IPPROTO_UDP, testbed.RouterAddress(testbed.HomePrefix), homeAgent,
				datagram(testbed.RouterAddress(testbed.HomePrefix), homeAgent, r.port, "end")[40:])
			if got := r.received("end"); len(got) != 0 {
				t.Errorf("%q got through", got)
			}
		})
	}
}

// A message of unknown type reaches those who answer it, but not without ESP
// if it claims to be from a home address.
func TestH2_UnknownMobilityHeaderType(t *testing.T) {
	l := newLab(t)
	l.set()
	fd := l.mobilitySocket(l.HomeAgent)
	l.mobileOptimizes(careOfA, "135")
	before := l.statistics()
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, homeAgent, mobility(77, 4))
	l.sendRaw(l.MobileNode, mobilityHeader, careOfA, homeAgent, mobility(77, 5))
	if got := l.next(fd, 77); got != 5 {
		t.Errorf("got number %d, want 5", got)
	}
	if diff := cmp.Diff(map[string]int{"XfrmInTmplMismatch": 1}, difference(before, l.statistics())); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

// A Mobile Prefix Solicitation is taken with a Home Address option that agrees
// with the binding; an advertisement leaves without ESP unless that is
// forbidden.
func TestH42_MobilePrefixDiscovery(t *testing.T) {
	l := newLab(t)
	d := l.desired(binding(homeAddress, careOfA))
	d.RouteOptimization = true
	l.mobileOptimizes(careOfA, "ipv6-icmp")
	advertisement, err := l.MobileNode.Capture(t.Context(), "eth0", "ip6")
	l.must(err)
	for _, step := range []struct {
		required bool
		want     map[string]int
	}{{false, map[string]int{}}, {true, map[string]int{"XfrmOutNoStates": 1}}} {
		d.RequireProtectedPrefixDiscovery = step.required
		_, err := l.kernel.Set(t.Context(), d)
		l.must(err)
		before := l.statistics()
		l.sendRaw(l.MobileNode, unix.IPPROTO_ICMPV6, homeAddress, homeAgent, []byte{146, 0, 0, 0, 0, 1, 0, 0})
		l.sendRaw(l.HomeAgent, unix.IPPROTO_ICMPV6, homeAgent, homeAddress, []byte{147, 0, 0, 0, 0, 1, 0, 0})
		l.ping(l.HomeAgent, homeAddress) // is answered after both
		if diff := cmp.Diff(step.want, difference(before, l.statistics())); diff != "" {
			t.Errorf("ESP required %t, dropped (-want +got):\n%s", step.required, diff)
		}
	}
	got, err := advertisement.Decode(t.Context(), "icmpv6.type == 147", "ipv6.src")
	l.must(err)
	if len(got) != 1 {
		t.Errorf("%d advertisements left, want 1: %q", len(got), got)
	}
}

// Home Test Init and Home Test messages pass in an ESP tunnel only; the rest of
// the packets as before.
func TestH51_ReturnRoutabilityIsProtected(t *testing.T) {
	l := newLab(t)
	b := binding(homeAddress, careOfA)
	b.Protection.ReturnRoutability = 1001
	l.set(b)
	l.mobileTunnel(careOfA)
	l.ping(l.Correspondent, homeAddress)

	correspondent, mobile := l.mobilitySocket(l.Correspondent), l.mobilitySocket(l.MobileNode)
	before := l.statistics()
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, peer, mobility(1, 1)) // in the clear
	l.ping(l.MobileNode, peer)
	if diff := cmp.Diff(map[string]int{"XfrmInTmplMismatch": 1}, difference(before, l.statistics())); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	tunnelSA := "ip xfrm state add src %s dst %s proto esp spi %d reqid 1001 mode tunnel auth hmac(sha256) 0x%064x enc cbc(aes) 0x%032x"
	for _, h := range []*testbed.Host{l.HomeAgent, l.MobileNode} {
		l.commands(h, fmt.Sprintf(tunnelSA+"\n"+tunnelSA, careOfA, homeAgent, 0x300, 1, 1, homeAgent, careOfA, 0x301, 2, 2))
	}
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip xfrm policy add src %[1]s dst ::/0 proto 135 dir out tmpl src %[2]s dst %[3]s proto esp mode tunnel reqid 1001
		ip xfrm policy add src ::/0 dst %[1]s proto 135 dir in tmpl src %[3]s dst %[2]s proto esp mode tunnel reqid 1001
		`, homeAddress, careOfA, homeAgent))
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, peer, mobility(1, 2))
	if got := l.next(correspondent, 1); got != 2 {
		t.Errorf("the correspondent got Home Test Init %d first, want 2", got)
	}
	l.sendRaw(l.Correspondent, mobilityHeader, peer, homeAddress, mobility(3, 9))
	if got := l.next(mobile, 3); got != 9 {
		t.Errorf("the mobile node got Home Test %d, want 9", got)
	}
	l.ping(l.Correspondent, homeAddress)
}

// A mobile router's network is reached through it, and may send; no other
// sources may.
func TestN_MobileNetwork(t *testing.T) {
	l := newLab(t)
	b := binding(homeAddress, careOfA)
	b.Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/56")}
	l.set(b)
	inside := netip.MustParseAddr("2001:db8:100:7::1")
	outside := netip.MustParseAddr("2001:db8:100:100::1")
	l.mobileTunnel(careOfA)
	for _, a := range []netip.Addr{inside, outside} {
		l.command(l.MobileNode, fmt.Sprintf("ip -6 addr add %s/128 dev ha0 nodad", a))
		l.must(l.Router.AddRoute(netip.PrefixFrom(a, 128), homeAgent))
	}
	l.ping(l.Correspondent, inside)
	r := l.listen(l.Correspondent)
	l.tunnelled(careOfA, outside, r.port, "outside")
	l.tunnelled(careOfA, inside, r.port, "inside")
	l.tunnelled(careOfA, inside, r.port, "end")
	if diff := cmp.Diff([]string{"inside"}, r.received("end")); diff != "" {
		t.Errorf("datagrams (-want +got):\n%s", diff)
	}
	b.Prefixes = nil
	l.must(l.kernel.Bind(t.Context(), b))
	l.tunnelled(careOfA, inside, r.port, "inside, no longer ours")
	l.tunnelled(careOfA, homeAddress, r.port, "end")
	if got := r.received("end"); len(got) != 0 {
		t.Errorf("%q got through after the network was given up", got)
	}
}

// Packets flow while nobody looks after the kernel.
func TestForwardingOutlivesTheProcess(t *testing.T) {
	l := newLab(t)
	l.set(binding(homeAddress, careOfA))
	l.mobileTunnel(careOfA)
	traffic, err := l.Correspondent.SendTraffic(homeAddress, 5*time.Millisecond)
	l.must(err)
	l.await("traffic to flow", func() bool { return traffic.Report().Received > 0 })
	lost := traffic.Report().Lost()
	for range 3 {
		l.must(l.kernel.Close())
		l.kernel = l.open()
		l.set(binding(homeAddress, careOfA))
	}
	if report := traffic.Stop(); report.Lost() > lost {
		t.Errorf("%s, %d of them lost before", report, lost)
	}
}

// A mobile node that has come home finds the home agent on the link while it is
// still bound elsewhere: it has to, before it can deregister.
func TestH25_HomeAgentIsFoundFromHome(t *testing.T) {
	tests := map[string]func(*xfrm.Desired){
		"route optimization": func(d *xfrm.Desired) { d.RouteOptimization = true },
		"protected payload":  func(d *xfrm.Desired) { d.Bindings[0].Protection.Payload = 1002 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			d := l.desired(binding(homeAddress, careOfA))
			change(&d)
			_, err := l.kernel.Set(t.Context(), d)
			l.must(err)
			l.must(l.MoveTo(l.AtHome(homeAddress)))
			l.command(l.MobileNode, "ip -6 neigh flush dev eth0")
			l.sendRaw(l.MobileNode, unix.IPPROTO_UDP, homeAddress, homeAgent, datagram(homeAddress, homeAgent, 9, "here")[40:])
			l.await("the home agent's link-layer address", func() bool {
				return strings.Contains(l.command(l.MobileNode, "ip -6 neigh show "+homeAgent.String()), "REACHABLE")
			})
		})
	}
}

// A Mobile Prefix Solicitation comes in with a Home Address option where all else
// must be in an ESP tunnel, and in ESP transport mode as well.
func TestH42_SolicitationBesideAProtectedPayload(t *testing.T) {
	l := newLab(t)
	d := l.desired(binding(homeAddress, careOfA))
	d.RouteOptimization, d.Bindings[0].Protection.Payload = true, 1002
	_, err := l.kernel.Set(t.Context(), d)
	l.must(err)
	l.mobileOptimizes(careOfA, "ipv6-icmp")
	solicit := func(id byte) {
		l.sendRaw(l.MobileNode, unix.IPPROTO_ICMPV6, homeAddress, homeAgent, []byte{146, 0, 0, 0, 0, id, 0, 0})
	}
	fd := l.rawSocket(l.HomeAgent, unix.IPPROTO_ICMPV6)
	solicit(1)
	if got := l.nextICMP(fd, 146); got != 1 {
		t.Errorf("got solicitation %d, want 1", got)
	}
	l.commands(l.MobileNode, transportSA(homeAddress, homeAgent, 0x100, "")+"\n"+fmt.Sprintf(
		"ip xfrm policy update src %[1]s dst %[2]s proto ipv6-icmp dir out tmpl proto esp mode transport reqid 1001 tmpl src %[1]s dst %[2]s proto hao mode ro",
		homeAddress, homeAgent))
	l.command(l.HomeAgent, transportSA(homeAddress, homeAgent, 0x100, ""))
	solicit(2)
	if got := l.nextICMP(fd, 146); got != 2 {
		t.Errorf("got solicitation %d, want 2", got)
	}
	if got := l.statistics(); len(got) != 0 {
		t.Errorf("dropped: %v", got)
	}
}

// What the home agent sends to addresses of the home prefix that are not bound leaves
// nothing in the kernel that is taken for ours, nor in the way of a binding.
func TestH32_UnboundAddressesAreNoMatter(t *testing.T) {
	l := newLab(t)
	l.hearsAcquires()
	l.optimized(binding(otherAddress, careOfA))
	l.ping(l.HomeAgent, testbed.RouterAddress(testbed.HomePrefix))
	l.sendRaw(l.HomeAgent, unix.IPPROTO_UDP, homeAgent, homeAddress, datagram(homeAgent, homeAddress, 9, "nobody")[40:])
	changes, err := l.kernel.Repair(t.Context())
	l.must(err)
	checkNothing(t, changes)
	l.must(l.kernel.Bind(t.Context(), binding(homeAddress, careOfA)))
	l.sendRaw(l.HomeAgent, unix.IPPROTO_UDP, homeAgent, careOfB, datagram(homeAgent, careOfB, 9, "nobody")[40:])
	l.must(l.kernel.Unbind(t.Context(), homeAddress))
	l.sendRaw(l.HomeAgent, unix.IPPROTO_UDP, homeAgent, homeAddress, datagram(homeAgent, homeAddress, 9, "nobody")[40:])
	l.kernel = l.open()
	l.optimized(binding(homeAddress, careOfA), binding(otherAddress, careOfA))
	changes, err = l.kernel.Repair(t.Context())
	l.must(err)
	checkNothing(t, changes)
}

// hearsAcquires listens as charon does: then the kernel makes a state for what it
// asks about.
func (l *lab) hearsAcquires() {
	l.t.Helper()
	l.must(l.HomeAgent.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_XFRM)
		if err != nil {
			return err
		}
		l.t.Cleanup(func() { unix.Close(fd) })
		return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1})
	}))
}
