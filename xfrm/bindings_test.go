package xfrm

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
)

func TestBindAndUnbind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before []Binding
		bind   Binding
		want   string
	}{{
		name: "new",
		bind: bound("100", "a"),
		want: `
			tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass
			ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135`,
	}, {
		name:   "refreshed",
		before: []Binding{bound("100", "a")},
		bind:   bound("100", "a"),
		want:   ``,
	}, {
		name:   "moved: the filter is replaced in one step",
		before: []Binding{bound("1ff", "f"), bound("100", "a")},
		bind:   bound("100", "b"),
		want: `
			tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 2 flower enc_src_ip 2001:db8:2::b enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass
			ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::b hoplimit 64 dev mip6 proto 135 metric 135`,
	}, {
		name:   "mobile networks come and go",
		before: []Binding{bound("100", "a", network("2001:db8:100::/56", "2001:db8:200::/56"))},
		bind:   bound("100", "a", network("2001:db8:200::/56", "2001:db8:300::/64")),
		want: `
			tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 4 flower enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:300::/64 action pass
			ip -6 route replace 2001:db8:300::/64 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135
			ip -6 route delete 2001:db8:100::/56 dev mip6 proto 135 metric 135
			tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 2 flower`,
	}, {
		name: "protected",
		bind: bound("100", "a", protected(Protection{Payload: 7})),
		want: `
			ip xfrm policy update src 2001:db8:1::100/128 dst ::/0 dir in priority 62770 tmpl src 2001:db8:2::a dst 2001:db8:1::1 proto esp mode tunnel reqid 7
			ip xfrm policy update src 2001:db8:1::100/128 dst ::/0 dir fwd priority 62770 tmpl src 2001:db8:2::a dst 2001:db8:1::1 proto esp mode tunnel reqid 7
			ip xfrm policy update src ::/0 dst 2001:db8:1::100/128 dir out priority 62770 tmpl src 2001:db8:1::1 dst 2001:db8:2::a proto esp mode tunnel reqid 7
			ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135`,
	}, {
		name:   "protected moves",
		before: []Binding{bound("100", "a", protected(Protection{Payload: 7}))},
		bind:   bound("100", "b", protected(Protection{Payload: 7})),
		want: `
			ip xfrm migrate src 2001:db8:1::100/128 dst ::/0 dir in proto esp mode tunnel reqid 7 from src 2001:db8:2::a dst 2001:db8:1::1 to src 2001:db8:2::b dst 2001:db8:1::1 kmaddress local 2001:db8:1::1 remote 2001:db8:2::b
			ip xfrm migrate src 2001:db8:1::100/128 dst ::/0 dir fwd proto esp mode tunnel reqid 7 from src 2001:db8:2::a dst 2001:db8:1::1 to src 2001:db8:2::b dst 2001:db8:1::1 kmaddress local 2001:db8:1::1 remote 2001:db8:2::b
			ip xfrm migrate src ::/0 dst 2001:db8:1::100/128 dir out proto esp mode tunnel reqid 7 from src 2001:db8:1::1 dst 2001:db8:2::a to src 2001:db8:1::1 dst 2001:db8:2::b kmaddress local 2001:db8:1::1 remote 2001:db8:2::b
			ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::b hoplimit 64 dev mip6 proto 135 metric 135`,
	}, {
		name:   "protection of all gives way to that of return routability",
		before: []Binding{bound("100", "a", protected(Protection{Payload: 7}))},
		bind:   bound("100", "a", protected(Protection{ReturnRoutability: 7})),
		want: `
			ip xfrm policy update src 2001:db8:1::100/128 dst ::/0 proto 135 dir in priority 62760 tmpl src 2001:db8:2::a dst 2001:db8:1::1 proto esp mode tunnel reqid 7
			ip xfrm policy update src 2001:db8:1::100/128 dst ::/0 proto 135 dir fwd priority 62760 tmpl src 2001:db8:2::a dst 2001:db8:1::1 proto esp mode tunnel reqid 7
			ip xfrm policy update src ::/0 dst 2001:db8:1::100/128 proto 135 dir out priority 62760 tmpl src 2001:db8:1::1 dst 2001:db8:2::a proto esp mode tunnel reqid 7
			tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass
			ip xfrm policy delete src ::/0 dst 2001:db8:1::100/128 dir out
			ip xfrm policy delete src 2001:db8:1::100/128 dst ::/0 dir fwd
			ip xfrm policy delete src 2001:db8:1::100/128 dst ::/0 dir in`,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, fake := start(t, desired(tt.before...))
			if err := k.Bind(t.Context(), tt.bind); err != nil {
				t.Fatal(err)
			}
			checkText(t, "binding", tt.want, fake.Journal())
			checkSettled(t, k, fake, append(tt.before, tt.bind))
			for _, b := range append(tt.before, tt.bind) {
				if err := k.Unbind(t.Context(), b.HomeAddress); err != nil {
					t.Fatal(err)
				}
			}
			checkState(t, signallingText+deviceText, fake)
		})
	}
}

// checkSettled checks that the kernel holds what Set would make it hold: of
// several bindings of one home address the last.
func checkSettled(t *testing.T, k *Kernel, fake *kernel.Fake, bindings []Binding) {
	t.Helper()
	var last []Binding
	for i, b := range bindings {
		superseded := false
		for _, later := range bindings[i+1:] {
			superseded = superseded || later.HomeAddress == b.HomeAddress
		}
		if !superseded {
			last = append(last, b)
		}
	}
	before := fake.String()
	changes, err := newKernel(slog.New(slog.DiscardHandler), fake).Set(t.Context(), desired(last...))
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, "changes a Set still had to make", "", changes.String())
	checkState(t, before, fake)
}

func TestUnbindRemovesTheRouteFirst(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a", protected(Protection{ReturnRoutability: 7}))))
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); err != nil {
		t.Fatal(err)
	}
	checkText(t, "commands", `
		ip -6 route delete 2001:db8:1::100/128 dev mip6 proto 135 metric 135
		tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 1 flower
		ip xfrm policy delete src ::/0 dst 2001:db8:1::100/128 proto 135 dir out
		ip xfrm policy delete src 2001:db8:1::100/128 dst ::/0 proto 135 dir fwd
		ip xfrm policy delete src 2001:db8:1::100/128 dst ::/0 proto 135 dir in`, fake.Journal())
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); err != nil {
		t.Errorf("unbinding again: %v", err)
	}
	checkText(t, "commands of unbinding again", "", fake.Journal())
}

func TestBindAndUnbindNeedSet(t *testing.T) {
	t.Parallel()
	k := newKernel(slog.New(slog.DiscardHandler), kernel.NewFake())
	if err := k.Bind(t.Context(), bound("100", "a")); !errors.Is(err, ErrNotSet) {
		t.Errorf("binding: got error %v, want %v", err, ErrNotSet)
	}
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); !errors.Is(err, ErrNotSet) {
		t.Errorf("unbinding: got error %v, want %v", err, ErrNotSet)
	}
}

func TestBindKeepsMobileNetworksApart(t *testing.T) {
	t.Parallel()
	k, _ := start(t, desired(bound("100", "a", network("2001:db8:100::/56"))))
	err := k.Bind(t.Context(), bound("101", "b", network("2001:db8:100::/56")))
	if err == nil || !strings.Contains(err.Error(), "is 2001:db8:1::100's") {
		t.Errorf("got error %v, want one that names the owner", err)
	}
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); err != nil {
		t.Fatal(err)
	}
	if err := k.Bind(t.Context(), bound("101", "b", network("2001:db8:100::/56"))); err != nil {
		t.Errorf("binding after the owner is gone: %v", err)
	}
}

// A change that fails half way is finished, or undone, by whatever comes next.
func TestBindAfterAFailure(t *testing.T) {
	t.Parallel()
	moved := bound("100", "b", network("2001:db8:300::/64"))
	for _, command := range []string{
		"tc filter replace", "ip -6 route replace", "tc filter delete", "ip -6 route delete",
		"ip -6 route replace 2001:db8:300::/64",
	} {
		for _, before := range [][]Binding{nil, {bound("100", "a", network("2001:db8:200::/64"))}} {
			for name, next := range map[string]func(*testing.T, *Kernel) []Binding{
				"repeated": func(t *testing.T, k *Kernel) []Binding {
					return []Binding{moved}
				},
				"elsewhere": func(t *testing.T, k *Kernel) []Binding {
					return []Binding{bound("100", "c")}
				},
				"back":    func(t *testing.T, k *Kernel) []Binding { return before },
				"unbound": func(t *testing.T, k *Kernel) []Binding { return nil },
			} {
				t.Run(fmt.Sprintf("%s/%d before/%s", command, len(before), name), func(t *testing.T) {
					t.Parallel()
					k, fake := start(t, desired(before...))
					fake.Fail(command, syscall.ENOMEM)
					_ = k.Bind(t.Context(), moved)
					_ = k.Unbind(t.Context(), addr("2001:db8:1::1ff"))
					fake.Fail(command, nil)
					want := next(t, k)
					for _, b := range want {
						if err := k.Bind(t.Context(), b); err != nil {
							t.Fatal(err)
						}
					}
					if len(want) == 0 {
						if err := k.Unbind(t.Context(), moved.HomeAddress); err != nil {
							t.Fatal(err)
						}
					}
					checkSettled(t, k, fake, want)
				})
			}
		}
	}
}

func TestUnbindAfterAFailure(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a")))
	fake.Fail("tc filter delete", syscall.ENOMEM)
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); !errors.Is(err, syscall.ENOMEM) {
		t.Fatalf("got error %v, want %v", err, syscall.ENOMEM)
	}
	fake.Fail("tc filter delete", nil)
	if err := k.Unbind(t.Context(), addr("2001:db8:1::100")); err != nil {
		t.Fatal(err)
	}
	checkState(t, signallingText+deviceText, fake)
}

func TestHandlesStayDense(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a"), bound("101", "b"), bound("102", "c")))
	if err := k.Unbind(t.Context(), addr("2001:db8:1::101")); err != nil {
		t.Fatal(err)
	}
	restarted := newKernel(slog.New(slog.DiscardHandler), fake)
	d := desired(bound("100", "a"), bound("102", "c"))
	if _, err := restarted.Set(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	fake.Journal()
	for _, home := range []string{"103", "104"} {
		if err := restarted.Bind(t.Context(), bound(home, "d")); err != nil {
			t.Fatal(err)
		}
	}
	journal := fake.Journal()
	for _, handle := range []string{"handle 2 flower enc_src_ip 2001:db8:2::d enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::103",
		"handle 4 flower enc_src_ip 2001:db8:2::d enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::104"} {
		if !strings.Contains(journal, handle) {
			t.Errorf("no %q in\n%s", handle, journal)
		}
	}
}

// Protection changes while care-of address and networks stay: what must be under
// ESP is stopped from passing without it first, and let through last.
func TestProtect(t *testing.T) {
	t.Parallel()
	b := bound("100", "a", network("2001:db8:100::/56"))
	k, fake := start(t, desired(b))
	for _, p := range []Protection{
		{Payload: 8}, {ReturnRoutability: 7, Payload: 8}, {ReturnRoutability: 7}, {},
	} {
		if err := k.Protect(t.Context(), b.HomeAddress, p); err != nil {
			t.Fatal(err)
		}
		b.Protection = p
		checkSettled(t, k, fake, []Binding{b})
	}
	fake.Journal()
	if err := k.Protect(t.Context(), b.HomeAddress, Protection{}); err != nil {
		t.Fatal(err)
	}
	checkText(t, "commands", "", fake.Journal())
}

func TestProtectOrder(t *testing.T) {
	t.Parallel()
	b := bound("100", "a")
	k, fake := start(t, desired(b))
	kinds := func() (words []string) {
		for line := range strings.Lines(fake.Journal()) {
			words = append(words, strings.Join(strings.Fields(line)[:4], " "))
		}
		return slices.Compact(words)
	}
	for _, tt := range []struct {
		p    Protection
		want []string
	}{
		{Protection{Payload: 8}, []string{"ip xfrm policy update", "tc filter delete dev"}},
		{Protection{}, []string{"tc filter replace dev", "ip xfrm policy delete"}},
	} {
		if err := k.Protect(t.Context(), b.HomeAddress, tt.p); err != nil {
			t.Fatal(err)
		}
		if got := kinds(); !slices.Equal(got, tt.want) {
			t.Errorf("to %s: %q, want %q", tt.p, got, tt.want)
		}
	}
}

func TestProtectRefuses(t *testing.T) {
	t.Parallel()
	k, _ := start(t, desired(bound("100", "a")))
	if err := k.Protect(t.Context(), addr("2001:db8:1::101"), Protection{Payload: 8}); !errors.Is(err, ErrNotBound) {
		t.Errorf("without a binding: %v, want %v", err, ErrNotBound)
	}
	if err := k.Protect(t.Context(), addr("2001:db8:1::100"), Protection{8, 8}); err == nil {
		t.Error("one reqid for two kinds of traffic was taken")
	}
	k = newKernel(k.log, kernel.NewFake())
	if err := k.Protect(t.Context(), addr("2001:db8:1::100"), Protection{}); !errors.Is(err, ErrNotSet) {
		t.Errorf("before Set: %v, want %v", err, ErrNotSet)
	}
}
