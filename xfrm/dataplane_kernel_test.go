//go:build kerneltest

package xfrm_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	if t.Failed() {
		t.Log(l.command(l.HomeAgent, "ip -6 route"), l.command(l.HomeAgent, "ip -s link"), l.command(l.HomeAgent, "tc -s filter show dev mip6 ingress"))
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
}

func TestH33_MoveRefusesTheOldCareOfAddressAtOnce(t *testing.T) {
	l := newLab(t)
	l.must(l.MobileNode.AddAddress("eth0", netip.PrefixFrom(careOfB, 64)))
	r := l.listen(l.Correspondent)
	l.set(binding(homeAddress, careOfA))
	l.tunnelled(careOfA, homeAddress, r.port, "before, old")
	l.tunnelled(careOfB, homeAddress, r.port, "before, new")
	l.must(l.kernel.Bind(t.Context(), binding(homeAddress, careOfB)))
	l.tunnelled(careOfA, homeAddress, r.port, "after, old")
	l.tunnelled(careOfB, homeAddress, r.port, "after, new")
	l.tunnelled(careOfB, homeAddress, r.port, "end")
	if diff := cmp.Diff([]string{"before, old", "after, new"}, r.received("end")); diff != "" {
		t.Errorf("datagrams (-want +got):\n%s", diff)
	}
}
