package object_test

import (
	"net/netip"
	"testing"

	"homeagent/xfrm/internal/object"
)

var (
	home   = netip.MustParseAddr("2001:db8:1::100")
	agent  = netip.MustParseAddr("2001:db8:1::1")
	careOf = netip.MustParseAddr("2001:db8:2::a")
	none   = netip.IPv6Unspecified()
)

func TestCommands(t *testing.T) {
	t.Parallel()
	policy := object.Policy{
		Selector: object.Selector{
			Src: netip.MustParsePrefix("2001:db8:1::/64"), Dst: object.Host(agent),
			Protocol: object.MobilityHeader, Type: 5, Typed: true,
		},
		Priority: 62750,
		Templates: [2]object.Template{
			{Transform: object.ESP, Mode: object.Transport, ReqID: 1001},
			{Transform: object.HomeAddress, Mode: object.RouteOptimization, Optional: true},
		},
	}
	payload := object.Policy{
		Selector:  object.Selector{Src: object.Host(home), Dst: object.Everything()},
		Direction: object.Forward,
		Templates: [2]object.Template{{Transform: object.ESP, Mode: object.TunnelMode, Src: careOf, Dst: agent, ReqID: 7}},
	}
	block := object.Policy{
		Selector:  object.Selector{Src: object.Everything(), Dst: object.Everything(), Protocol: object.ICMPv6},
		Direction: object.Out, Block: true,
	}
	wildcard := object.State{Transform: object.HomeAddress, Src: none, Dst: none, CareOf: none, ReqID: 6275, Wildcard: true}
	routing := object.State{Transform: object.Routing, Src: agent, Dst: home, CareOf: careOf}
	tunnel := object.Tunnel{Name: "mip6", Index: 5, MTU: 1460, Up: true}
	down := object.Tunnel{Name: "mip6", Index: 5, MTU: 1460}
	gate := object.Gate{Device: "mip6", Index: 5}
	filter := object.Filter{Device: "mip6", Index: 5, Handle: 3, CareOf: careOf, HomeAgent: agent, Source: object.Host(home)}
	route := object.Route{Device: "mip6", Index: 5, Dst: object.Host(home), HomeAgent: agent, CareOf: careOf, HopLimit: 64}

	tests := []struct {
		verb   object.Verb
		object object.Object
		want   string
	}{
		{object.Add, policy, "ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 type 5 dir in priority 62750" +
			" tmpl proto esp mode transport reqid 1001 tmpl proto hao mode ro level use"},
		{object.Replace, payload, "ip xfrm policy update src 2001:db8:1::100/128 dst ::/0 dir fwd priority 0" +
			" tmpl src 2001:db8:2::a dst 2001:db8:1::1 proto esp mode tunnel reqid 7"},
		{object.Add, block, "ip xfrm policy add src ::/0 dst ::/0 proto 58 dir out priority 0 action block"},
		{object.Delete, policy, "ip xfrm policy delete src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 type 5 dir in"},
		{object.Add, wildcard, "ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv"},
		{object.Replace, routing, "ip xfrm state update src 2001:db8:1::1 dst 2001:db8:1::100 proto route2 mode ro coa 2001:db8:2::a"},
		{object.Delete, routing, "ip xfrm state delete src 2001:db8:1::1 dst 2001:db8:1::100 proto route2"},
		{object.Add, tunnel, "ip link add mip6 mtu 1460 type ip6tnl external"},
		{object.Replace, tunnel, "ip link set mip6 mtu 1460 up"},
		{object.Replace, down, "ip link set mip6 mtu 1460 down"},
		{object.Delete, tunnel, "ip link delete mip6"},
		{object.Add, gate, "tc qdisc add dev mip6 clsact; tc filter add dev mip6 ingress protocol all prio 20 matchall action drop"},
		{object.Delete, gate, "tc qdisc delete dev mip6 clsact"},
		{object.Add, filter, "tc filter add dev mip6 ingress protocol ipv6 prio 10 handle 3 flower" +
			" enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass"},
		{object.Replace, filter, "tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 3 flower" +
			" enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass"},
		{object.Delete, filter, "tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 3 flower"},
		{object.Add, route, "ip -6 route add 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64" +
			" dev mip6 proto 135 metric 135"},
		{object.Delete, route, "ip -6 route delete 2001:db8:1::100/128 dev mip6 proto 135 metric 135"},
	}
	for _, tt := range tests {
		if got := tt.object.Command(tt.verb); got != tt.want {
			t.Errorf("got\n\t%s\nwant\n\t%s", got, tt.want)
		}
	}
}

func TestMigrationString(t *testing.T) {
	t.Parallel()
	m := object.Migration{
		Policy: object.PolicyKey{Selector: object.Selector{Src: object.Everything(), Dst: object.Host(home)}, Direction: object.Out},
		Moves: []object.Move{{
			Mode: object.TunnelMode, ReqID: 7, FromSrc: agent, FromDst: careOf, ToSrc: agent, ToDst: home,
		}},
		Local: agent, Remote: home,
	}
	want := "ip xfrm migrate src ::/0 dst 2001:db8:1::100/128 dir out proto esp mode tunnel reqid 7" +
		" from src 2001:db8:1::1 dst 2001:db8:2::a to src 2001:db8:1::1 dst 2001:db8:1::100" +
		" kmaddress local 2001:db8:1::1 remote 2001:db8:1::100"
	if got := m.String(); got != want {
		t.Errorf("got\n\t%s\nwant\n\t%s", got, want)
	}
}

// What a kernel may tell and nobody here has a word for is shown as a number.
func TestUnknownWords(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"unknown":     object.Verb(9).String(),
		"direction-7": object.Direction(7).String(),
		"51":          object.Transform(51).String(),
		"mode-4":      object.Mode(4).String(),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Two objects of one key are two versions of one thing.
func TestKeys(t *testing.T) {
	t.Parallel()
	policy := object.Policy{Selector: object.Selector{Src: object.Host(home)}, Priority: 1}
	other := policy
	other.Priority, other.Block = 2, true
	if policy.Key() != other.Key() {
		t.Error("a policy's priority is in its key")
	}
	other.Direction = object.Out
	if policy.Key() == other.Key() {
		t.Error("a policy's direction is not in its key")
	}
	state := object.State{Transform: object.Routing, Src: agent, Dst: home}
	moved := state
	moved.CareOf = careOf
	if state.Key() != moved.Key() {
		t.Error("a state's care-of address is in its key")
	}
	filter, route := object.Filter{Handle: 3, CareOf: careOf}, object.Route{Dst: object.Host(home), CareOf: careOf}
	if filter.Key() != 3 || route.Key() != object.Host(home) {
		t.Errorf("keys %v and %v", filter.Key(), route.Key())
	}
}
