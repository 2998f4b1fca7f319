package xfrm

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

const (
	neighborsText = `
		ip xfrm policy add src 2001:db8:1::/64 dst ::/0 proto 58 type 135 dir in priority 62752
		ip xfrm policy add src ::/0 dst 2001:db8:1::/64 proto 58 type 135 dir out priority 62752
		ip xfrm policy add src 2001:db8:1::/64 dst ::/0 proto 58 type 136 dir in priority 62752
		ip xfrm policy add src ::/0 dst 2001:db8:1::/64 proto 58 type 136 dir out priority 62752`
	signallingText = neighborsText + `
		ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in priority 62750 tmpl proto esp mode transport reqid 1001 tmpl proto hao mode ro level use
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 0 dir out priority 62750 tmpl proto esp mode transport reqid 1001 level use
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 6 dir out priority 62750 tmpl proto esp mode transport reqid 1001
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 12 dir out priority 62750 tmpl proto esp mode transport reqid 1001
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 16 dir out priority 62750 tmpl proto esp mode transport reqid 1001
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 58 type 147 dir out priority 62750 tmpl proto esp mode transport reqid 1001 level use
		ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv`
	deviceText = `
		ip link add mip6 mtu 1460 type ip6tnl external
		tc qdisc add dev mip6 clsact; tc filter add dev mip6 ingress protocol all prio 20 matchall action drop
		ip link set mip6 mtu 1460 up`
	bindingText = `
		tc filter add dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass
		ip -6 route add 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135`
)

func TestSetBuildsEverythingInASafeOrder(t *testing.T) {
	t.Parallel()
	fake := kernel.NewFake()
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	changes, err := k.Set(t.Context(), desired(bound("100", "a")))
	if err != nil {
		t.Fatal(err)
	}
	want := signallingText + deviceText + bindingText
	checkText(t, "changes", want, changes.String())
	checkText(t, "commands executed", want, fake.Journal())
	checkState(t, want, fake)
}

func TestSetAgainChangesNothing(t *testing.T) {
	t.Parallel()
	d := desired(
		bound("100", "a", network("2001:db8:100::/56")),
		bound("101", "b", protected(Protection{Payload: 7})),
		bound("102", "c", protected(Protection{ReturnRoutability: 8})))
	k, fake := start(t, d)
	restarted := newKernel(slog.New(slog.DiscardHandler), fake)
	for name, k := range map[string]*Kernel{"same process": k, "restarted": restarted} {
		changes, err := k.Set(t.Context(), d)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkText(t, name, "", changes.String())
	}
}

func TestSetRepairsDrift(t *testing.T) {
	t.Parallel()
	policies := func(f *kernel.Fake) []object.Policy { p, _ := f.Policies(); return p }
	device := func(f *kernel.Fake) object.Tunnel { t, _, _ := f.Tunnel("mip6"); return t }
	tests := []struct {
		name   string
		damage func(f *kernel.Fake) []error
		repair string
	}{{
		name: "policies flushed",
		damage: func(f *kernel.Fake) (errs []error) {
			for _, p := range policies(f) {
				errs = append(errs, f.Apply(object.Delete, p))
			}
			return errs
		},
		repair: strings.ReplaceAll(signallingText, "ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv", ""),
	}, {
		name: "state flushed",
		damage: func(f *kernel.Fake) []error {
			return []error{f.Apply(object.Delete, wildcardState())}
		},
		repair: `ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv`,
	}, {
		name: "policy weakened",
		damage: func(f *kernel.Fake) []error {
			p := receivedPolicy(addr("2001:db8:1::1"), prefix("2001:db8:1::/64"), 1001)
			p.Templates[0].Optional = true
			return []error{f.Apply(object.Replace, p)}
		},
		repair: `ip xfrm policy update src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in priority 62750 tmpl proto esp mode transport reqid 1001 tmpl proto hao mode ro level use`,
	}, {
		name: "policy left over",
		damage: func(f *kernel.Fake) []error {
			p := receivedPolicy(addr("2001:db8:1::1"), prefix("2001:db8:1::/64"), 1001)
			p.Src = prefix("2001:db8:9::/64")
			return []error{f.Apply(object.Add, p)}
		},
		repair: `ip xfrm policy delete src 2001:db8:9::/64 dst 2001:db8:1::1/128 proto 135 dir in`,
	}, {
		name: "tunnel deleted",
		damage: func(f *kernel.Fake) []error {
			return []error{f.Apply(object.Delete, device(f))}
		},
		repair: deviceText + bindingText,
	}, {
		name: "tunnel down with another MTU",
		damage: func(f *kernel.Fake) []error {
			t := device(f)
			t.MTU, t.Up = 1280, false
			return []error{f.Apply(object.Replace, t)}
		},
		repair: `ip link set mip6 mtu 1460 up
			ip -6 route add 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135`,
	}, {
		name: "gate open",
		damage: func(f *kernel.Fake) []error {
			g, err := f.Gate(device(f))
			return []error{err, f.Apply(object.Delete, g)}
		},
		repair: `tc qdisc add dev mip6 clsact; tc filter add dev mip6 ingress protocol all prio 20 matchall action drop
			tc filter add dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::a enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass`,
	}, {
		name: "route elsewhere and route too many",
		damage: func(f *kernel.Fake) []error {
			routes, err := f.Routes(device(f))
			elsewhere, extra := routes[0], routes[0]
			elsewhere.CareOf = addr("2001:db8:2::e")
			extra.Dst = prefix("2001:db8:1::e/128")
			return []error{err, f.Apply(object.Replace, elsewhere), f.Apply(object.Add, extra)}
		},
		repair: `ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::a hoplimit 64 dev mip6 proto 135 metric 135
			ip -6 route delete 2001:db8:1::e/128 dev mip6 proto 135 metric 135`,
	}, {
		name: "filter twice",
		damage: func(f *kernel.Fake) []error {
			filters, err := f.Filters(device(f))
			extra := filters[0]
			extra.Handle, extra.CareOf = 7, addr("2001:db8:2::e")
			return []error{err, f.Apply(object.Add, extra)}
		},
		repair: `tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 7 flower`,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := desired(bound("100", "a"))
			k, fake := start(t, d)
			if err := errors.Join(tt.damage(fake)...); err != nil {
				t.Fatalf("damaging: %v", err)
			}
			changes, err := k.Set(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			checkText(t, "repair", tt.repair, changes.String())
			checkState(t, signallingText+deviceText+bindingText, fake)
		})
	}
}

func TestSetAddsBeforeItRemoves(t *testing.T) {
	t.Parallel()
	k, _ := start(t, desired(bound("100", "a"), bound("101", "b")))
	d := desired(bound("100", "c"), bound("102", "d"))
	d.RequireProtectedPrefixDiscovery = true
	changes, err := k.Set(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, "changes", `
		ip xfrm policy update src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 58 type 147 dir out priority 62750 tmpl proto esp mode transport reqid 1001
		tc filter replace dev mip6 ingress protocol ipv6 prio 10 handle 1 flower enc_src_ip 2001:db8:2::c enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::100/128 action pass
		tc filter add dev mip6 ingress protocol ipv6 prio 10 handle 3 flower enc_src_ip 2001:db8:2::d enc_dst_ip 2001:db8:1::1 src_ip 2001:db8:1::102/128 action pass
		ip -6 route replace 2001:db8:1::100/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::c hoplimit 64 dev mip6 proto 135 metric 135
		ip -6 route add 2001:db8:1::102/128 encap ip6 src 2001:db8:1::1 dst 2001:db8:2::d hoplimit 64 dev mip6 proto 135 metric 135
		ip -6 route delete 2001:db8:1::101/128 dev mip6 proto 135 metric 135
		tc filter delete dev mip6 ingress protocol ipv6 prio 10 handle 2 flower`, changes.String())
}

func TestSetLeavesForeignThingsAlone(t *testing.T) {
	t.Parallel()
	fake := kernel.NewFake()
	foreignPolicy := object.Policy{
		Selector:  object.Selector{Src: object.Everything(), Dst: object.Everything()},
		Direction: object.Forward,
		Priority:  100000,
	}
	foreignState := wildcardState()
	foreignState.ReqID = 0
	if err := errors.Join(fake.Apply(object.Add, foreignPolicy), fake.Apply(object.Add, foreignState)); err != nil {
		t.Fatal(err)
	}
	before := fake.String()
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	if _, err := k.Set(t.Context(), desired(bound("100", "a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkState(t, before, fake)
}

func TestSetNamesWhatStandsInItsWay(t *testing.T) {
	t.Parallel()
	policy := receivedPolicy(addr("2001:db8:1::1"), prefix("2001:db8:1::/64"), 1001)
	policy.Priority = 1
	state := wildcardState()
	state.CareOf = addr("2001:db8:2::a")
	tests := []struct {
		name string
		put  object.Object
		want string
	}{
		{"policy", policy, "its priority is 1, ours are from 62748 to 62799); delete it"},
		{"state", state, "coa 2001:db8:2::a flag wildrecv\" stands where"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := kernel.NewFake()
			if err := fake.Apply(object.Add, tt.put); err != nil {
				t.Fatal(err)
			}
			k := newKernel(slog.New(slog.DiscardHandler), fake)
			_, err := k.Set(t.Context(), desired(bound("100", "a")))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			if !strings.Contains(fake.String(), "ip -6 route add 2001:db8:1::100/128") {
				t.Errorf("packets are not forwarded because of it:\n%s", fake)
			}
		})
	}
}

// With a reqid per mobile node any association of the right addresses may
// carry what is received, and only protected sockets send.
func TestSetWithAReqIDPerMobileNode(t *testing.T) {
	t.Parallel()
	d := desired()
	d.ReqID, d.Tunnel.Name = 0, ""
	_, fake := start(t, d)
	checkState(t, neighborsText+`
		ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in priority 62750 tmpl proto esp mode transport tmpl proto hao mode ro level use
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 0 dir out priority 62750
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 6 dir out priority 62750 action block
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 12 dir out priority 62750 action block
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 type 16 dir out priority 62750 action block
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 58 type 147 dir out priority 62750
		ip xfrm state add src :: dst :: proto hao mode ro reqid 6275 coa :: flag wildrecv`, fake)
}

// A Mobility Header from inside the tunnel of anybody's payload is told from others by
// its mark, and needs no Home Address option.
func TestH52_SetWithTunnelledSignalling(t *testing.T) {
	t.Parallel()
	d := desired()
	d.TunnelledSignalling = true
	k, fake := start(t, d)
	const policy = `
		ip xfrm policy add src ::/0 dst 2001:db8:1::1/128 proto 135 mark 0x80000000 mask 0xc0000000 dir in priority 62748 tmpl src :: dst 2001:db8:1::1 proto esp mode tunnel tmpl proto hao mode ro level use`
	checkState(t, signallingText+deviceText+policy, fake)
	d.TunnelledSignalling = false
	if _, err := k.Set(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	checkState(t, signallingText+deviceText, fake)
	for mark, want := range map[uint32]bool{0: false, 7: false, 1 << 31: true, MarkOf(1<<31 | 1001): true, 3 << 30: false, 1 << 30: false} {
		if got := Tunnelled(mark); got != want {
			t.Errorf("mark %#x: %t", mark, got)
		}
	}
}

func TestSetWithRouteOptimization(t *testing.T) {
	t.Parallel()
	d := desired(bound("100", "a"))
	d.RouteOptimization = true
	k, fake := start(t, d)
	const policiesText = `
		ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 58 type 146 dir in priority 62754 tmpl proto hao mode ro reqid 6276 level use
		ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 58 type 58 dir in priority 62754 tmpl proto hao mode ro reqid 6276 level use
		ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1/128 dir in priority 62790 tmpl proto hao mode ro reqid 6276 level use
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 dir out priority 62790 tmpl proto route2 mode ro reqid 6276 level use
		ip xfrm policy add src 2001:db8:1::1/128 dst 2001:db8:1::/64 proto 135 dir out priority 62780`
	checkState(t, signallingText+deviceText+bindingText+policiesText+`
		ip xfrm state add src 2001:db8:1::100 dst 2001:db8:1::1 proto hao mode ro reqid 6276 coa 2001:db8:2::a
		ip xfrm state add src 2001:db8:1::1 dst 2001:db8:1::100 proto route2 mode ro reqid 6276 coa 2001:db8:2::a`, fake)
	if err := errors.Join(k.Bind(t.Context(), bound("100", "b")), k.Bind(t.Context(), bound("101", "c"))); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, line := range unindent(fake.Journal()) {
		if strings.Contains(line, "xfrm state") {
			states = append(states, line)
		}
	}
	checkText(t, "changes of states", `
		ip xfrm state update src 2001:db8:1::100 dst 2001:db8:1::1 proto hao mode ro reqid 6276 coa 2001:db8:2::b
		ip xfrm state update src 2001:db8:1::1 dst 2001:db8:1::100 proto route2 mode ro reqid 6276 coa 2001:db8:2::b
		ip xfrm state add src 2001:db8:1::101 dst 2001:db8:1::1 proto hao mode ro reqid 6276 coa 2001:db8:2::c
		ip xfrm state add src 2001:db8:1::1 dst 2001:db8:1::101 proto route2 mode ro reqid 6276 coa 2001:db8:2::c`,
		strings.Join(states, "\n"))
	if changes, err := k.Repair(t.Context()); err != nil || len(changes) != 0 {
		t.Errorf("repairing: got changes %v, error %v", changes, err)
	}
	if err := errors.Join(k.Unbind(t.Context(), addr("2001:db8:1::100")), k.Unbind(t.Context(), addr("2001:db8:1::101"))); err != nil {
		t.Fatal(err)
	}
	checkState(t, signallingText+deviceText+policiesText, fake)
	if _, err := k.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkState(t, "", fake)
}

func TestSetGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"ip xfrm policy add", "ip xfrm state", "ip link add", "ip link set", "tc qdisc", "tc filter add", "ip -6 route",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			fake := kernel.NewFake()
			k := newKernel(slog.New(slog.DiscardHandler), fake)
			fake.Fail(command, syscall.ENOMEM)
			d := desired(bound("100", "a"))
			changes, err := k.Set(t.Context(), d)
			if !errors.Is(err, syscall.ENOMEM) {
				t.Fatalf("got error %v, want %v", err, syscall.ENOMEM)
			}
			checkText(t, "changes returned with the error", fake.Journal(), changes.String())
			fake.Fail(command, nil)
			if _, err := k.Set(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			checkState(t, signallingText+deviceText+bindingText, fake)
		})
	}
}

func TestSetEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := newKernel(slog.New(slog.DiscardHandler), kernel.NewFake())
	if _, err := k.Set(ctx, desired()); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestSetMovesToAnotherDevice(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a")))
	d := desired(bound("100", "a"))
	d.Tunnel.Name = "other"
	if _, err := k.Set(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	checkState(t, signallingText+strings.ReplaceAll(deviceText+bindingText, "mip6", "other"), fake)
	d.Tunnel.Name, d.Bindings = "", nil
	if _, err := k.Set(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	checkState(t, signallingText, fake)
}

func TestSetRefusesNonsense(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Desired)
		want   string
	}{
		{"IPv4 home agent", func(d *Desired) { d.HomeAgents[0] = addr("192.0.2.1") }, "home agent address 192.0.2.1"},
		{"link-local home agent", func(d *Desired) { d.HomeAgents[0] = addr("fe80::1") }, "home agent address fe80::1"},
		{"host bits", func(d *Desired) { d.HomePrefixes[0] = netip.PrefixFrom(addr("2001:db8:1::5"), 64) }, "without host bits"},
		{"prefix twice", func(d *Desired) { d.HomePrefixes = append(d.HomePrefixes, d.HomePrefixes[0]) }, "given twice"},
		{"long name", func(d *Desired) { d.Tunnel.Name = "sixteen-octets-n" }, "16 octets, at most 15"},
		{"small MTU", func(d *Desired) { d.Tunnel.MTU = 1279 }, "is 1279, must be from 1280 to 65495"},
		{"no device", func(d *Desired) { d.Tunnel.Name = "" }, "no tunnel device"},
		{"bound twice", func(d *Desired) { d.Bindings = append(d.Bindings, d.Bindings[0]) }, "given twice"},
		{"multicast home address", func(d *Desired) { d.Bindings[0].HomeAddress = addr("ff02::1") }, "home address ff02::1"},
		{"care-of is home", func(d *Desired) { d.Bindings[0].CareOf = d.Bindings[0].HomeAddress }, "care-of address"},
		{"foreign home agent", func(d *Desired) { d.Bindings[0].HomeAgent = addr("2001:db8::9") }, "none of the home agent's addresses"},
		{"one reqid for two", func(d *Desired) { d.Bindings[0].Protection = Protection{9, 9} }, "need two reqids, both have 9"},
		{"default route", func(d *Desired) { d.Bindings[0].Prefixes = []netip.Prefix{prefix("::/0")} }, "at least 1 bit"},
		{"network twice", func(d *Desired) {
			d.Bindings[0].Prefixes = []netip.Prefix{prefix("2001:db8:100::/56")}
			d.Bindings = append(d.Bindings, bound("101", "b", network("2001:db8:100::/56")))
		}, "is 2001:db8:1::100's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := desired(bound("100", "a"))
			tt.change(&d)
			fake := kernel.NewFake()
			k := newKernel(slog.New(slog.DiscardHandler), fake)
			_, err := k.Set(t.Context(), d)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			checkState(t, "", fake)
		})
	}
}
