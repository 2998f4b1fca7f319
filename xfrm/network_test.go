package xfrm

import (
	"errors"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
)

// A kernel that does not take a mobile network is told from one that takes nothing
// of a binding, and another's network from both.
func TestErrorsAboutNetworks(t *testing.T) {
	t.Parallel()
	router := func(home string) Binding { return bound(home, "a", network("2001:db8:100::/56")) }
	protectedRouter := router("100")
	protectedRouter.Protection.Payload = 7
	tests := []struct {
		name    string
		command string // fails
		bind    Binding
		want    bool
	}{
		{"route", "ip -6 route replace 2001:db8:100::/56", router("100"), true},
		{"source check", "tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 2", router("100"), true},
		{"policy in", "ip xfrm policy update src 2001:db8:100::/56", protectedRouter, true},
		{"policy out", "ip xfrm policy update src ::/0 dst 2001:db8:100::/56", protectedRouter, true},
		{"route of the home address", "ip -6 route replace 2001:db8:1::100/128", router("100"), false},
		{"policy of the home address", "ip xfrm policy update src 2001:db8:1::100/128", protectedRouter, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, fake := start(t, desired())
			fake.Fail(tt.command, syscall.EINVAL)
			err := k.Bind(t.Context(), tt.bind)
			if !errors.Is(err, syscall.EINVAL) || errors.Is(err, ErrNetwork) != tt.want {
				t.Errorf("got %v, want it to be about a network: %t", err, tt.want)
			}
		})
	}
	k, _ := start(t, desired(router("100")))
	if err := k.Bind(t.Context(), router("101")); !errors.Is(err, ErrNetwork) {
		t.Errorf("another's network: %v, want %v", err, ErrNetwork)
	}
	if err := newKernel(k.log, kernel.NewFake()).Bind(t.Context(), router("101")); errors.Is(err, ErrNetwork) {
		t.Errorf("before Set: %v", err)
	}
}
