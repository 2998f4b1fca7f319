package xfrm

import (
	"testing"

	"homeagent/xfrm/internal/object"
)

// Each pair of a home agent address and a home prefix has policies of its own,
// no two of which are for the same packets.
func TestSignallingPoliciesPerPair(t *testing.T) {
	t.Parallel()
	link := len(neighborPolicies(prefix("2001:db8:1::/64")))
	one := len(signallingPolicies(desired())) - link
	d := desired(bound("100", "a"), bound("101", "b"))
	d.HomeAgents = append(d.HomeAgents, addr("2001:db8:1::2"))
	d.HomePrefixes = append(d.HomePrefixes, prefix("2001:db8:5::/64"), prefix("2001:db8:1:0:8000::/65"))
	list := signallingPolicies(d)
	if len(list) != 6*one+3*link {
		t.Errorf("%d policies for six pairs and three prefixes, want %d", len(list), 6*one+3*link)
	}
	seen := make(map[object.PolicyKey]bool)
	for _, p := range list {
		if seen[p.Key()] {
			t.Errorf("%q is there twice", p.Command(object.Add))
		}
		seen[p.Key()] = true
		if !PolicyPriorities().Contains(p.Priority) {
			t.Errorf("%q is not marked as ours", p.Command(object.Add))
		}
	}
}

// A Mobility Header is judged by address and protocol alone when it is received:
// its type cannot be relied on.
func TestH50_ReceivedMessagesAreJudgedWithoutTheirType(t *testing.T) {
	t.Parallel()
	d := desired()
	d.RouteOptimization = true
	for _, p := range signallingPolicies(d) {
		if p.Direction != object.Out && p.Typed && p.Protocol != object.ICMPv6 {
			t.Errorf("%q depends on the type", p.Command(object.Add))
		}
	}
	for _, b := range []Binding{bound("100", "a", protected(Protection{Payload: 7})), bound("100", "a", protected(Protection{ReturnRoutability: 7}))} {
		for _, p := range b.policies() {
			if p.Typed {
				t.Errorf("%q depends on the type", p.Command(object.Add))
			}
		}
	}
}

// Signalling comes before what else matches it, and a message's own routing
// header before that of route optimization.
func TestPolicyPriorities(t *testing.T) {
	t.Parallel()
	order := []uint32{prioritySignalling, priorityNeighbors, prioritySolicitation, priorityReturnRoutability, priorityPayload, priorityMobility, priorityOptimized}
	for i := 1; i < len(order); i++ {
		if order[i-1] >= order[i] {
			t.Errorf("priority %d does not come before %d", order[i-1], order[i])
		}
	}
	r := PolicyPriorities()
	for priority, want := range map[uint32]bool{
		r.First - 1: false, r.First: true, order[0]: true, order[len(order)-1]: true, r.Last: true, r.Last + 1: false,
	} {
		if got := r.Contains(priority); got != want {
			t.Errorf("priority %d is ours: %t, want %t", priority, got, want)
		}
	}
}

func TestChangesString(t *testing.T) {
	t.Parallel()
	state := wildcardState()
	changes := Changes{{object.Add, state}, {object.Delete, state}}
	checkText(t, "changes", `
		ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv
		ip xfrm state delete src :: dst :: proto hao`, changes.String())
}
