package xfrm

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/xfrm/internal/kernel"
)

var (
	addr   = netip.MustParseAddr
	prefix = netip.MustParsePrefix
)

// desired is a home agent with one address, one prefix and a tunnel.
func desired(bindings ...Binding) Desired {
	return Desired{
		HomeAgents:   []netip.Addr{addr("2001:db8:1::1")},
		HomePrefixes: []netip.Prefix{prefix("2001:db8:1::/64")},
		ReqID:        1001,
		Tunnel:       TunnelConfig{Name: "mip6"},
		Bindings:     bindings,
	}
}

// bound is a binding of the home address ending in home to the care-of address
// ending in careOf.
func bound(home, careOf string, change ...func(*Binding)) Binding {
	b := Binding{
		HomeAddress: addr("2001:db8:1::" + home),
		CareOf:      addr("2001:db8:2::" + careOf),
		HomeAgent:   addr("2001:db8:1::1"),
	}
	for _, c := range change {
		c(&b)
	}
	return b
}

func protected(p Protection) func(*Binding) {
	return func(b *Binding) { b.Protection = p }
}

func network(prefixes ...string) func(*Binding) {
	return func(b *Binding) {
		for _, p := range prefixes {
			b.Prefixes = append(b.Prefixes, prefix(p))
		}
	}
}

// start returns a kernel that holds d, and the fake below it.
func start(t *testing.T, d Desired) (*Kernel, *kernel.Fake) {
	t.Helper()
	fake := kernel.NewFake()
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	if _, err := k.Set(t.Context(), d); err != nil {
		t.Fatalf("setting: %v", err)
	}
	fake.Journal()
	return k, fake
}

// checkText compares two blocks of commands, one per line.
func checkText(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(unindent(want), unindent(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// checkState compares what a kernel holds with commands, in any order.
func checkState(t *testing.T, want string, fake *kernel.Fake) {
	t.Helper()
	sorted := func(text string) string {
		lines := unindent(text)
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	checkText(t, "state", sorted(want), sorted(fake.String()))
}

func unindent(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
