package bindingcache_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

var (
	networks = []netip.Prefix{network}
	part     = netip.MustParsePrefix("2001:db8:100:1::/64")
)

// router makes an update a mobile router's, with the prefixes as options.
func router(prefixes ...mobility.NetworkPrefix) func(*bindingcache.Update) {
	return func(u *bindingcache.Update) {
		u.Message.Flags |= mobility.FlagMobileRouter
		u.Message.NetworkPrefixes = prefixes
	}
}

func option(p netip.Prefix) mobility.NetworkPrefix {
	return mobility.NetworkPrefix{Addr: p.Addr(), Bits: uint8(p.Bits())}
}

func newRouterWorld(tb testing.TB) *world {
	w := newWorld(tb, func(c *bindingcache.Config) { c.MobileRouters = true })
	g := w.grants[home]
	g.Prefixes = networks
	w.grants[home] = g
	return w
}

func TestN_Registration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*bindingcache.Update)
		want   []netip.Prefix
	}{
		{"implicit", router(), networks},
		{"explicit", router(option(network)), networks},
		{"explicit, a part of it", router(option(part)), []netip.Prefix{part}},
		{"explicit, twice and with host bits", router(option(part), mobility.NetworkPrefix{Addr: part.Addr().Next(), Bits: 64}), []netip.Prefix{part}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newRouterWorld(t)
			w.apply(away(10, 150, careOfA, tt.change))
			w.expectAcks(mobility.BindingAcknowledgement{
				Flags: mobility.AckKeyManagement | mobility.AckMobileRouter, Sequence: 10, Lifetime: 150,
			})
			v := w.expectPhase(bindingcache.PhaseBound)
			if diff := cmp.Diff(tt.want, v.Prefixes, addrs); diff != "" {
				t.Errorf("unexpected networks (-want +got):\n%s", diff)
			}
			w.consistent()
		})
	}
}

func TestN_Refusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		setup  func(*world)
		change func(*bindingcache.Update)
		want   bindingcache.Reason
	}{
		{
			name:  "not served",
			setup: func(w *world) { w.cfg.MobileRouters = false; must(w.cache.Reconfigure(w.cfg)) },
			want:  bindingcache.RouterNotPermitted, change: router(),
		},
		{
			name:  "no prefix given nor known",
			setup: func(w *world) { w.grants[home] = bindingcache.Grant{Standing: bindingcache.Authorized} },
			want:  bindingcache.NetworkUnknown, change: router(),
		},
		{name: "impossible length", change: router(mobility.NetworkPrefix{Addr: network.Addr(), Bits: 129}), want: bindingcache.NetworkInvalid},
		{name: "not routable", change: router(option(netip.MustParsePrefix("fe80::/64"))), want: bindingcache.NetworkInvalid},
		{name: "everything", change: router(option(netip.MustParsePrefix("::/0"))), want: bindingcache.NetworkInvalid},
		{name: "somebody else's", change: router(option(netip.MustParsePrefix("2001:db8:200::/56"))), want: bindingcache.NetworkNotAuthorized},
		{name: "more than one's own", change: router(option(netip.MustParsePrefix("2001:db8:100::/48"))), want: bindingcache.NetworkNotAuthorized},
		{
			name:   "all or nothing",
			change: router(option(network), option(netip.MustParsePrefix("2001:db8:200::/56"))),
			want:   bindingcache.NetworkNotAuthorized,
		},
		{
			name: "care-of address inside", change: func(u *bindingcache.Update) {
				router(option(network))(u)
				u.Message.AlternateCareOf = part.Addr().Next()
			},
			want: bindingcache.CareOfIsHome,
		},
		{
			name: "the home agent inside",
			setup: func(w *world) {
				w.grants[home] = bindingcache.Grant{Standing: bindingcache.Authorized, Prefixes: []netip.Prefix{homePrefix.Prefix}}
			},
			change: router(), want: bindingcache.NetworkInvalid,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newRouterWorld(t)
			if tt.setup != nil {
				tt.setup(w)
			}
			w.expectReasons(w.apply(away(10, 150, careOfA, tt.change)), tt.want)
			status, _ := tt.want.Refusal()
			w.expectAcks(mobility.BindingAcknowledgement{Status: status, Sequence: 10})
			w.consistent()
		})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Prefixes that a later update leaves out are forwarded no more.
func TestN_PrefixesDropped(t *testing.T) {
	t.Parallel()
	w := newRouterWorld(t)
	w.register(router())
	w.expectReasons(w.apply(away(11, 150, careOfA, router(option(part)))), bindingcache.Pending, bindingcache.Refreshed)
	w.expectLog("store", "program")
	if diff := cmp.Diff([]netip.Prefix{part}, w.kernel[home].Prefixes, addrs); diff != "" {
		t.Errorf("unexpected networks in the kernel (-want +got):\n%s", diff)
	}
	w.consistent()
}

// Row 8, except that a de-registration need not know whether it was a router; its
// prefix options are ignored.
func TestN_TypeChange(t *testing.T) {
	t.Parallel()
	w := newRouterWorld(t)
	w.register(router())
	w.expectReasons(w.apply(away(11, 150, careOfA)), bindingcache.TypeChanged)
	leave := away(11, 0, careOfA, func(u *bindingcache.Update) {
		u.Message.NetworkPrefixes = []mobility.NetworkPrefix{{Bits: 200}}
	})
	w.expectReasons(w.apply(leave), bindingcache.Pending, bindingcache.Deregistered)
	w.consistent()
}

// Two mobile routers never own one network, even if both may.
func TestN_OneOwner(t *testing.T) {
	t.Parallel()
	w := newRouterWorld(t)
	w.grants[neighbour] = bindingcache.Grant{Standing: bindingcache.Authorized, Prefixes: networks}
	theirs := func(sequence uint16) bindingcache.Update {
		return away(sequence, 150, careOfB, router(), func(u *bindingcache.Update) {
			u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
		})
	}
	w.register(router())
	w.expectReasons(w.apply(theirs(1)), bindingcache.NetworkInvalid)
	w.apply(away(11, 0, careOfA, router()))
	if got := last(w.apply(theirs(2))); got.Reason != bindingcache.Registered {
		t.Errorf("%s (want registered)", got.Reason)
	}
	w.expectReasons(w.apply(away(12, 150, careOfA, router())), bindingcache.NetworkInvalid)
	w.consistent()
}

// A network that is being taken back may still be in the kernel: nobody else gets it
// before that is over.
func TestN_OwnedUntilTakenBack(t *testing.T) {
	t.Parallel()
	for _, undone := range []bool{true, false} {
		w := newRouterWorld(t)
		w.grants[neighbour] = bindingcache.Grant{Standing: bindingcache.Authorized, Prefixes: networks}
		theirs := func(sequence uint16) bindingcache.Reason {
			return last(w.apply(away(sequence, 150, careOfB, router(), func(u *bindingcache.Update) {
				u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
			}))).Reason
		}
		probe := w.cache.Apply(away(10, 150, careOfA, router()), w.now)
		register := w.cache.Commit(probe.Work, w.now)
		undo := w.cache.Abort(register.Work, bindingcache.Program, bindingcache.KernelFailed, w.now)
		if got := theirs(1); got != bindingcache.NetworkInvalid {
			t.Errorf("during undoing: %s (want %s)", got, bindingcache.NetworkInvalid)
		}
		if undone {
			w.do(undo)
		} else {
			w.cache.Abort(undo.Work, bindingcache.Unprogram, bindingcache.KernelFailed, w.now)
			if got := theirs(2); got != bindingcache.NetworkInvalid {
				t.Errorf("before the remains are taken down: %s (want %s)", got, bindingcache.NetworkInvalid)
			}
			w.wait(bindingcache.RetryTime)
		}
		if got := theirs(3); got != bindingcache.Registered {
			t.Errorf("afterwards: %s (want %s)", got, bindingcache.Registered)
		}
		w.consistent()
	}
}

// So may the networks of a binding that ended when the kernel did not obey.
func TestN_OwnedUntilTakenDown(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*world){
		"expiry":          func(w *world) { w.wait(600 * time.Second) },
		"de-registration": func(w *world) { w.apply(away(11, 0, careOfA)) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRouterWorld(t)
			w.grants[neighbour] = bindingcache.Grant{Standing: bindingcache.Authorized, Prefixes: networks}
			theirs := func(sequence uint16) bindingcache.Reason {
				return last(w.apply(away(sequence, 150, careOfB, router(), func(u *bindingcache.Update) {
					u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
				}))).Reason
			}
			w.register(router())
			w.failAt(bindingcache.Unprogram, bindingcache.KernelFailed)
			end(w)
			if got := theirs(1); got != bindingcache.NetworkInvalid {
				t.Errorf("at first: %s (want %s)", got, bindingcache.NetworkInvalid)
			}
			w.wait(bindingcache.LingerTime)
			if got := theirs(2); got != bindingcache.Registered {
				t.Errorf("afterwards: %s (want %s)", got, bindingcache.Registered)
			}
			w.consistent()
		})
	}
}

// Without R nothing is forwarded, whatever the options say (RFC 3963 section 4.1).
func TestN_OptionsWithoutFlagAreIgnored(t *testing.T) {
	t.Parallel()
	w := newRouterWorld(t)
	w.register(func(u *bindingcache.Update) { u.Message.NetworkPrefixes = []mobility.NetworkPrefix{option(network)} })
	if v := w.expectPhase(bindingcache.PhaseBound); v.Prefixes != nil {
		t.Errorf("forwards %v", v.Prefixes)
	}
}

// The kernel could not forward one of the networks: nothing is left of it.
func TestN_ForwardingFails(t *testing.T) {
	t.Parallel()
	w := newRouterWorld(t)
	w.fail = func(work *bindingcache.Work, step bindingcache.Step) bindingcache.Reason {
		return map[bindingcache.Step]bindingcache.Reason{bindingcache.Program: bindingcache.ForwardingFailed}[step]
	}
	w.expectReasons(w.apply(away(10, 150, careOfA, router())),
		bindingcache.Probing, bindingcache.Pending, bindingcache.Undoing, bindingcache.ForwardingFailed)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusInvalidPrefix, Sequence: 10})
	w.consistent()
}
