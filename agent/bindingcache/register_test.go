package bindingcache_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

func TestH14_FirstRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := away(10, 150, careOfA)
	w.expectReasons(w.apply(u), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
	w.expectLog("probe", "store", "program", "defend", "move_ike")
	want := bindingcache.Binding{
		HomeAddress: home, CareOf: careOfA, HomeAgent: agent, Sequence: 10,
		Flags: mobility.FlagKeyManagement, Lifetime: 150,
		Registered: start, Expires: start.Add(600 * time.Second),
	}
	if diff := cmp.Diff(want, w.store[home], addrs); diff != "" {
		t.Errorf("unexpected binding (-want +got):\n%s", diff)
	}
	w.expectAcks(mobility.BindingAcknowledgement{Flags: mobility.AckKeyManagement, Sequence: 10, Lifetime: 150})
	w.expectPhase(bindingcache.PhaseBound)
	w.consistent()
}

// A virtual home link has no nodes: nothing to probe and nothing to defend.
func TestH20_NoDetectionOnVirtualHomeLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, virtual)
	w.expectReasons(w.apply(away(10, 150, careOfA)), bindingcache.Pending, bindingcache.Registered)
	w.expectLog("store", "program", "move_ike")
	w.wait(time.Second)
	w.log = nil
	w.apply(away(11, 0, careOfA, flags(ahk&^mobility.FlagKeyManagement)))
	w.expectLog("unprogram", "store")
	w.consistent()
}

// H12: to the wire source, with a type 2 routing header exactly if there was a Home
// Address option, whatever the cache holds.
func TestH12_ReplyAddresses(t *testing.T) {
	t.Parallel()
	elsewhere := netip.MustParseAddr("2001:db8:c::7")
	tests := []struct {
		name   string
		update bindingcache.Update
		want   bindingcache.Reply
	}{
		{
			name:   "away",
			update: away(11, 150, careOfB, func(u *bindingcache.Update) { u.Source = elsewhere }),
			want:   bindingcache.Reply{Source: agent, Destination: elsewhere, HomeAddress: home, Interface: 3},
		},
		{
			name:   "H25: de-registration from away",
			update: away(11, 0, careOfB),
			want:   bindingcache.Reply{Source: agent, Destination: careOfB, HomeAddress: home, Interface: 3},
		},
		{
			name:   "H25: de-registration at home without the option",
			update: away(11, 0, careOfB, atHome),
			want:   bindingcache.Reply{Source: agent, Destination: home, Interface: 3},
		},
		{
			name: "H25: de-registration at home with the option",
			update: away(11, 0, careOfB, atHome, func(u *bindingcache.Update) {
				u.HomeAddressOption = home
			}),
			want: bindingcache.Reply{Source: agent, Destination: home, HomeAddress: home, Interface: 3},
		},
		{
			name:   "H13: refused at home",
			update: away(9, 0, careOfB, atHome),
			want:   bindingcache.Reply{Source: agent, Destination: home, Interface: 3, OnLink: true},
		},
		{
			name:   "refused away",
			update: away(9, 150, careOfB),
			want:   bindingcache.Reply{Source: agent, Destination: careOfB, HomeAddress: home, Interface: 3},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register()
			w.apply(tt.update)
			if len(w.sent) != 1 {
				t.Fatalf("%d replies", len(w.sent))
			}
			got := w.sent[0]
			got.Message = nil
			if diff := cmp.Diff(tt.want, got, addrs); diff != "" {
				t.Errorf("unexpected reply (-want +got):\n%s", diff)
			}
		})
	}
}

// A refresh costs a durable write and nothing else.
func TestRefresh_ProgramsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.now = w.now.Add(100 * time.Second)
	w.expectReasons(w.apply(away(11, 200, careOfA)), bindingcache.Pending, bindingcache.Refreshed)
	w.expectLog("store")
	w.expectAcks(mobility.BindingAcknowledgement{Flags: mobility.AckKeyManagement, Sequence: 11, Lifetime: 200})
	v := w.expectPhase(bindingcache.PhaseBound)
	if want := start.Add(900 * time.Second); !v.Expires.Equal(want) || !v.Registered.Equal(start) {
		t.Errorf("registered %s, expires %s (want %s and %s)", v.Registered, v.Expires, start, want)
	}
	w.consistent()
}

func TestH51_Move(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*bindingcache.Update)
		steps  []string
	}{
		{"other care-of address", func(*bindingcache.Update) {}, []string{"store", "move", "move_ike"}},
		{
			"care-of address from the header",
			func(u *bindingcache.Update) { u.Message.AlternateCareOf = netip.Addr{} },
			[]string{"store", "move", "move_ike"},
		},
		{
			"K cleared",
			flags(ahk &^ mobility.FlagKeyManagement),
			[]string{"store", "move"},
		},
		{
			"link-local address to defend from now on",
			flags(ahk | mobility.FlagLinkLocal),
			[]string{"store", "move", "defend", "move_ike"},
		},
		{
			"other address of the home agent",
			func(u *bindingcache.Update) { u.HomeAgent = otherOwn },
			[]string{"store", "move", "move_ike"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register()
			w.expectReasons(w.apply(away(11, 150, careOfB, tt.change)), bindingcache.Pending, bindingcache.Moved)
			w.expectLog(tt.steps...)
			w.consistent()
		})
	}
}

// H20, H21: one detection and one acknowledgement, for the newest update.
func TestH21_RepeatedUpdateDuringDetection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	w.expectPhase(bindingcache.PhaseProbing)
	w.now = w.now.Add(500 * time.Millisecond)
	w.expectReasons(w.apply(away(10, 150, careOfA)), bindingcache.Repeated) // a copy
	w.expectReasons(w.apply(away(11, 150, careOfB)), bindingcache.Probing)  // sent again, moved meanwhile
	w.expectReasons(w.apply(away(10, 150, careOfA)), bindingcache.OldSequence)
	w.expectReasons(w.apply(away(12, 150, otherOwn)), bindingcache.CareOfIsHome)
	w.now = w.now.Add(500 * time.Millisecond)
	w.sent = nil
	w.expectReasons(w.do(first), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
	w.expectLog("probe", "store", "program", "defend", "move_ike")
	w.expectAcks(mobility.BindingAcknowledgement{Flags: mobility.AckKeyManagement, Sequence: 11, Lifetime: 150})
	if v := w.expectPhase(bindingcache.PhaseBound); v.CareOf != careOfB {
		t.Errorf("care-of address %s (want %s)", v.CareOf, careOfB)
	}
	w.consistent()
}

// H20: with L there is a link-local address to detect duplicates of, too.
func TestH20_LinkLocalAskedForDuringDetection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	second := w.cache.Apply(away(11, 150, careOfA, flags(ahk|mobility.FlagLinkLocal)), w.now)
	w.expectReasons([]bindingcache.Outcome{first, second}, bindingcache.Probing, bindingcache.Probing)
	if second.Work == nil || !second.Work.New.Flags.Has(mobility.FlagLinkLocal) {
		t.Fatalf("unexpected work %+v (want another detection with L)", second.Work)
	}
	w.expectReasons(w.do(first), bindingcache.Probing, bindingcache.Stale)
	w.expectReasons(w.do(second), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
	w.consistent()
}

func TestH20_DuplicateAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fail = func(_ *bindingcache.Work, step bindingcache.Step) bindingcache.Reason {
		return map[bindingcache.Step]bindingcache.Reason{bindingcache.Probe: bindingcache.DuplicateAddress}[step]
	}
	w.expectReasons(w.apply(away(10, 150, careOfA)), bindingcache.Probing, bindingcache.DuplicateAddress)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusDuplicateAddress, Sequence: 10})
	if _, ok := w.cache.Lookup(home); ok || w.cache.Len() != 0 {
		t.Error("the home address is still known")
	}
	w.consistent()
}

// An update that is refused meanwhile changes nothing about the first.
func TestH21_RefusedUpdateDuringDetection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	g := w.grants[home]
	w.grants[home] = bindingcache.Grant{Standing: bindingcache.Draining}
	w.expectReasons(w.apply(away(11, 150, careOfB)), bindingcache.HomeAgentDraining)
	w.grants[home] = g
	w.expectReasons(w.do(first), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
	if v := w.expectPhase(bindingcache.PhaseBound); v.CareOf != careOfA {
		t.Errorf("at %s (want %s)", v.CareOf, careOfA)
	}
	w.consistent()
}

// What changed during detection counts when it is over.
func TestH20_AuthorizationEndsDuringDetection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	delete(w.grants, home)
	w.expectReasons(w.do(first), bindingcache.Probing, bindingcache.NotAuthorized)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusAdministrativelyProhibited, Sequence: 10})
	w.consistent()
}

// A mobile node that comes home before it was registered wants its address back.
func TestH23_DeregistrationDuringDetection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	w.expectReasons(w.apply(away(11, 0, careOfA, atHome)), bindingcache.NoRegistration, bindingcache.Removed)
	w.expectLog("relinquish")
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusNotHomeAgent, Sequence: 11})
	w.expectReasons(w.do(first), bindingcache.Probing, bindingcache.Stale)
	w.consistent()
}

func TestH23_Deregistration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		update bindingcache.Update
		flags  mobility.AckFlags
		steps  []string
	}{
		{
			"H54: at home with K", away(11, 0, careOfA, atHome), mobility.AckKeyManagement,
			[]string{"unprogram", "relinquish", "store", "move_ike"},
		},
		{
			"away, without K", away(11, 0, careOfA, flags(ahk&^mobility.FlagKeyManagement)), 0,
			[]string{"unprogram", "relinquish", "store"},
		},
		{
			"by a care-of address that is the home address", away(11, 150, home), mobility.AckKeyManagement,
			[]string{"unprogram", "relinquish", "store", "move_ike"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *bindingcache.Config) { c.VolatileStore = true })
			w.register()
			w.expectReasons(w.apply(tt.update), bindingcache.Pending, bindingcache.Deregistered)
			w.expectLog(tt.steps...)
			w.expectAcks(mobility.BindingAcknowledgement{Flags: tt.flags, Sequence: 11}) // no advice
			w.expectPhase(bindingcache.PhaseLingering)
			w.consistent()
		})
	}
}

// H24: late updates from the foreign link must not bring the binding back.
func TestH24_DeregistrationLingers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(12, 0, careOfA, atHome))
	w.sent = nil
	w.wait(bindingcache.LingerTime - 1)
	w.expectReasons(w.apply(away(11, 150, careOfA)), bindingcache.OldSequence)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusSequenceOutOfWindow, Sequence: 12})
	w.expectPhase(bindingcache.PhaseLingering)
	w.consistent()

	w.expectReasons(w.wait(1), bindingcache.Pending, bindingcache.Forgotten)
	if _, ok := w.cache.Lookup(home); ok {
		t.Error("the home address is still known")
	}
	w.consistent()
	w.expectReasons(w.apply(away(11, 150, careOfA)), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
}

// The address was the mobile node's own in the meantime, so detection is due again.
func TestH24_ReturnWhileLingering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(12, 0, careOfA, atHome))
	w.log = nil
	w.expectReasons(w.apply(away(13, 150, careOfB)), bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
	w.expectLog("probe", "store", "program", "defend", "move_ike")
	w.expectReasons(w.wait(bindingcache.LingerTime))
	w.consistent()
}

// The acknowledgement may have been lost: the second de-registration is welcome.
func TestH24_RepeatedDeregistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(11, 0, careOfA, atHome))
	w.wait(5 * time.Second)
	w.log = nil
	w.expectReasons(w.apply(away(12, 0, careOfA, atHome)), bindingcache.Pending, bindingcache.Deregistered)
	w.expectLog("store")
	w.expectReasons(w.wait(5 * time.Second))
	w.expectReasons(w.wait(5*time.Second), bindingcache.Pending, bindingcache.Forgotten)
	w.consistent()
}

// A de-registration while the detection of a return runs, see above.
func TestH24_DeregistrationDuringDetectionWhileLingering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.apply(away(12, 0, careOfA, atHome))
	probe := w.cache.Apply(away(13, 150, careOfB), w.now)
	w.log = nil
	w.expectReasons(w.apply(away(14, 0, careOfB, atHome)), bindingcache.Pending, bindingcache.Deregistered)
	w.expectLog("relinquish", "store", "move_ike")
	w.expectReasons(w.do(probe), bindingcache.Probing, bindingcache.Stale)
	w.consistent()
}

// Row 11: who is told to leave may do so.
func TestS_DrainingAcceptsDeregistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.grants[home] = bindingcache.Grant{Standing: bindingcache.Draining}
	w.expectReasons(w.apply(away(11, 0, careOfA)), bindingcache.Pending, bindingcache.Deregistered)
	w.consistent()
}

// H17: nothing is thrown out to make room.
func TestH17_FullCacheKeepsBindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *bindingcache.Config) { c.MaxBindings = 1 })
	probe := w.cache.Apply(away(10, 150, careOfA), w.now) // counts from here on
	theirs := away(1, 150, careOfB, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
	})
	w.expectReasons(w.apply(theirs), bindingcache.Full)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusInsufficientResources, Sequence: 1})
	w.do(probe)
	theirs.Message.Sequence++
	w.expectReasons(w.apply(theirs), bindingcache.Full)
	w.expectReasons(w.apply(away(11, 150, careOfB)), bindingcache.Pending, bindingcache.Moved)
	w.apply(away(12, 0, careOfB)) // lingers, and takes no room
	theirs.Message.Sequence++
	if got := last(w.apply(theirs)); got.Reason != bindingcache.Registered || w.cache.Len() != 1 {
		t.Errorf("%s with %d bindings (want registered with 1)", got.Reason, w.cache.Len())
	}
	w.consistent()
}
