//go:build kerneltest

package xfrm_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/xfrm"
)

// everything are bindings of each kind.
func everything() []xfrm.Binding {
	router := binding(homeAddress, careOfA)
	router.Prefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/56"), netip.MustParsePrefix("2001:db8:200::/64")}
	payload := binding(otherAddress, careOfA)
	payload.Protection = xfrm.Protection{Payload: 7, ReturnRoutability: 8}
	routability := binding(netip.MustParseAddr("2001:db8:1::300"), careOfB)
	routability.Protection.ReturnRoutability = 9
	return []xfrm.Binding{router, payload, routability}
}

// holds is what the home agent's kernel holds, as the system's own tools see
// it.
func (l *lab) holds() string {
	l.t.Helper()
	var b strings.Builder
	for _, line := range []string{
		"ip xfrm policy", "ip xfrm state", "ip -6 route show table all", "ip -6 rule", "ip -br link", "tc qdisc",
		"tc actions list action gact",
	} {
		b.WriteString(l.command(l.HomeAgent, line))
	}
	return b.String()
}

func TestSetOnLinuxIsIdempotent(t *testing.T) {
	l := newLab(t)
	if changes := l.set(everything()...); len(changes) == 0 {
		t.Error("nothing was done at first")
	}
	before := l.holds()
	if changes := l.set(everything()...); len(changes) != 0 {
		t.Errorf("done again:\n%s", changes)
	}
	l.kernel = l.open()
	if changes := l.set(everything()...); len(changes) != 0 {
		t.Errorf("done after a restart:\n%s", changes)
	}
	if diff := cmp.Diff(before, l.holds()); diff != "" {
		t.Errorf("kernel (-before +after):\n%s", diff)
	}
}

func TestCleanUpOnLinuxLeavesNothing(t *testing.T) {
	l := newLab(t)
	l.commands(l.HomeAgent, `
		ip xfrm policy add src ::/0 dst ::/0 dir fwd priority 100000
		ip -6 route add 2001:db8:1::100/128 dev eth0 proto static`)
	before := l.holds()
	l.set(everything()...)
	if before == l.holds() {
		t.Error("nothing was set")
	}
	_, err := l.open().CleanUp(t.Context())
	l.must(err)
	if diff := cmp.Diff(before, l.holds()); diff != "" {
		t.Errorf("kernel (-before +after):\n%s", diff)
	}
}

func TestSetOnLinuxRepairs(t *testing.T) {
	l := newLab(t)
	l.set(everything()...)
	before := l.holds()
	for _, damage := range []string{
		"ip xfrm policy flush",
		"ip xfrm state flush",
		"ip xfrm policy update src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in priority 62750",
		"ip xfrm policy add src 2001:db8:7::/64 dst 2001:db8:1::1/128 proto 135 dir in priority 62750",
		"ip link delete mip6",
		"ip link set mip6 down",
		"ip link set mip6 mtu 1280",
		"ip -6 route flush proto 135",
		"ip -6 route delete 2001:db8:1::100/128",
		"ip -6 route replace 2001:db8:1::100/128 encap ip6 dst 2001:db8:2::bad src 2001:db8:1::1 hoplimit 64 dev mip6 proto 135 metric 135",
		"ip -6 route add 2001:db8:1::999/128 encap ip6 dst 2001:db8:2::bad src 2001:db8:1::1 dev mip6 proto 135 metric 135",
		"tc qdisc delete dev mip6 clsact",
		"tc filter delete dev mip6 ingress",
		"tc filter delete dev mip6 ingress prio 20",
		"tc actions replace action pass index 1", // that of the dropping filter at first
		"tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 1 flower",
		"tc filter add dev mip6 ingress protocol ipv6 prio 10 flower action pass",
		"tc filter add dev mip6 ingress protocol ipv6 prio 10 flower enc_src_ip 2001:db8:2::1 action pass",
		"tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::bad enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100 action pass",
	} {
		t.Run(damage, func(t *testing.T) {
			l.t = t
			l.command(l.HomeAgent, damage)
			changes := l.set(everything()...)
			if len(changes) == 0 {
				t.Errorf("nothing was repaired:\n%s", cmp.Diff(before, l.holds()))
			}
			if diff := cmp.Diff(comparable(before), comparable(l.holds())); diff != "" {
				t.Errorf("kernel (-before +after):\n%s\nrepaired:\n%s", diff, changes)
			}
			if changes := l.set(everything()...); len(changes) != 0 {
				t.Errorf("done again:\n%s", changes)
			}
		})
	}
}

// comparable leaves out of the tools' output what differs between two of the
// same: the numbers of actions, and the order of policies.
func comparable(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "index ") {
			kept = append(kept, line)
		}
	}
	slices.Sort(kept)
	return kept
}
