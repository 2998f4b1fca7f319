package xfrm

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

// unreadable is a kernel that lists nothing.
type unreadable struct{ *kernel.Fake }

var errUnreadable = errors.New("no netlink")

func (unreadable) Policies() ([]object.Policy, error) { return nil, errUnreadable }

func TestForeignPolicies(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a")))
	if got, err := k.ForeignPolicies(); len(got) != 0 || err != nil {
		t.Errorf("our own are told: %v, %v", got, err)
	}
	selector := object.Selector{Src: netip.MustParsePrefix("2001:db8:7::/64"), Dst: netip.MustParsePrefix("::/0"), Protocol: 135}
	if err := fake.Apply(object.Add, object.Policy{Selector: selector, Direction: object.Forward, Priority: 5, Block: true}); err != nil {
		t.Fatal(err)
	}
	got, err := k.ForeignPolicies()
	want := []ForeignPolicy{{
		Src: selector.Src, Dst: selector.Dst, Protocol: 135, Direction: "fwd", Priority: 5, Block: true,
		Delete: "ip xfrm policy delete src 2001:db8:7::/64 dst ::/0 proto 135 dir fwd",
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("unexpected policies, %v (-want +got):\n%s", err, diff)
	}
	if _, err := newKernel(slog.New(slog.DiscardHandler), unreadable{fake}).ForeignPolicies(); !errors.Is(err, errUnreadable) {
		t.Errorf("where they cannot be listed: %v", err)
	}
}
