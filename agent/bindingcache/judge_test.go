package bindingcache_test

import (
	"net/netip"
	"testing"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobility"
)

// A refusalRow is an update that is refused, in a world where the mobile node is
// registered with sequence number 10 unless fresh is set.
type refusalRow struct {
	name   string
	fresh  bool
	config func(*bindingcache.Config)
	grant  func(*bindingcache.Grant)
	update func(*bindingcache.Update)
	want   bindingcache.Reason
	status mobility.Status // 0 for silence
}

// The rows are in the order of the checks; each but the last of its kind also
// breaks a later check, to show that the first failing one decides.
func silentRows() []refusalRow {
	return []refusalRow{
		{
			name:   "row 1: multicast source",
			update: func(u *bindingcache.Update) { u.Source = netip.MustParseAddr("ff02::1"); u.Protection.Kind = 0 },
			want:   bindingcache.SourceNotUnicast,
		},
		{
			name:   "row 1: unspecified source",
			update: func(u *bindingcache.Update) { u.Source = netip.IPv6Unspecified() },
			want:   bindingcache.SourceNotUnicast,
		},
		{
			name:   "row 2: in clear",
			update: func(u *bindingcache.Update) { u.Protection = bindingcache.Protection{} },
			want:   bindingcache.NotProtected,
		},
		{
			name:   "row 2: somebody else's security association",
			update: func(u *bindingcache.Update) { u.Protection.HomeAddress = neighbour },
			want:   bindingcache.NotProtected,
		},
		{
			name: "row 3: link-local home address",
			update: func(u *bindingcache.Update) {
				u.HomeAddressOption = netip.MustParseAddr("fe80::1234")
				u.Protection.HomeAddress = u.HomeAddressOption
			},
			want: bindingcache.HomeAddressUnusable,
		},
		{
			name:   "row 4: multicast alternate care-of address",
			update: func(u *bindingcache.Update) { u.Message.AlternateCareOf = netip.MustParseAddr("ff0e::1") },
			want:   bindingcache.CareOfUnusable,
		},
		{
			name: "row 4: link-local source without alternate",
			update: func(u *bindingcache.Update) {
				u.Source, u.Message.AlternateCareOf = netip.MustParseAddr("fe80::1"), netip.Addr{}
			},
			want: bindingcache.CareOfUnusable,
		},
		{
			name: "row 6: nonce indices",
			update: func(u *bindingcache.Update) {
				u.Message.NonceIndices = &mobility.NonceIndices{}
				u.Message.Sequence = 1
			},
			want: bindingcache.ForCorrespondents,
		},
		{
			name:   "row 6: authorization data",
			update: func(u *bindingcache.Update) { u.Message.Authorization = []byte{} },
			want:   bindingcache.ForCorrespondents,
		},
		{
			name:   "10.3.1: no Home Address option while away",
			update: func(u *bindingcache.Update) { u.Source, u.HomeAddressOption = home, netip.Addr{} },
			want:   bindingcache.HomeAddressMissing,
		},
		{
			name: "H16: a correspondent's update", fresh: true,
			update: flags(mobility.FlagAcknowledge),
			want:   bindingcache.NoCorrespondent,
		},
	}
}

func validityRows() []refusalRow {
	return []refusalRow{
		{
			name: "H52: no Alternate Care-of Address option inside the tunnel", update: inside,
			want: bindingcache.CareOfUnprotected, status: mobility.StatusInvalidCareOfAddress,
		},
		{
			name:   "row 5: care-of address is ours",
			update: func(u *bindingcache.Update) { u.Message.AlternateCareOf = otherOwn; u.Message.Sequence = 1 },
			want:   bindingcache.CareOfIsHome, status: mobility.StatusInvalidCareOfAddress,
		},
		{
			name:   "P: proxy registration",
			update: func(u *bindingcache.Update) { u.Message.Flags |= mobility.FlagProxy; u.Message.Sequence = 1 },
			want:   bindingcache.ProxyRegistration, status: mobility.StatusProxyNotEnabled,
		},
		{
			name:   "NEMO: R without H",
			update: flags(mobility.FlagMobileRouter),
			want:   bindingcache.RouterNotPermitted, status: mobility.StatusMobileRouterNotPermitted,
		},
		{
			name:   "row 7: same sequence number",
			update: func(u *bindingcache.Update) { u.Message.Sequence, u.Message.Flags = 10, 0 },
			want:   bindingcache.OldSequence, status: mobility.StatusSequenceOutOfWindow,
		},
		{
			name:   "row 8: H cleared",
			update: flags(mobility.FlagAcknowledge),
			want:   bindingcache.TypeChanged, status: mobility.StatusTypeChangeDisallowed,
		},
		{
			name:   "row 8: R set",
			update: flags(ahk | mobility.FlagMobileRouter),
			want:   bindingcache.TypeChanged, status: mobility.StatusTypeChangeDisallowed,
		},
	}
}

func admissionRows() []refusalRow {
	expired := func(g *bindingcache.Grant) { g.Until = start }
	return []refusalRow{
		{
			name: "row 9: not a home agent's address", fresh: true,
			update: func(u *bindingcache.Update) { u.HomeAgent = careOfB; elsewhere(u) },
			want:   bindingcache.NotHomeAgentAddress, status: mobility.StatusHomeRegistrationNotSupported,
		},
		{
			name: "row 10: home address in no home prefix", fresh: true, update: elsewhere,
			want: bindingcache.NotHomePrefix, status: mobility.StatusNotHomeSubnet,
		},
		{
			name:   "row 10: home prefix ended",
			config: func(c *bindingcache.Config) { c.Prefixes[0].Valid = lifetime.Until(start) },
			fresh:  true, grant: expired,
			want: bindingcache.NotHomePrefix, status: mobility.StatusNotHomeSubnet,
		},
		{
			name: "row 11: no authorization", grant: func(g *bindingcache.Grant) { *g = bindingcache.Grant{} },
			want: bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row 11: authorization over", grant: expired,
			want: bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row 11: draining", grant: func(g *bindingcache.Grant) { g.Standing = bindingcache.Draining },
			want: bindingcache.HomeAgentDraining, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row 11: another home agent address than assigned", grant: func(g *bindingcache.Grant) { g.HomeAgent = otherOwn },
			want: bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row 11: IKE identity of another user", update: func(u *bindingcache.Update) { u.Protection.Identity = "other@example.com" },
			want: bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row I: identifier option of another user",
			update: func(u *bindingcache.Update) {
				u.Message.Identifier = mobility.Identifier{Subtype: mobility.IdentifierNAI, Value: []byte("other@example.com")}
			},
			want: bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name: "row 12: nothing to de-register", fresh: true, update: func(u *bindingcache.Update) { u.Message.Lifetime = 0 },
			want: bindingcache.NoRegistration, status: mobility.StatusNotHomeAgent,
		},
		{
			name: "row 12: care-of address is the home address", fresh: true,
			update: func(u *bindingcache.Update) { u.Message.AlternateCareOf = home },
			want:   bindingcache.NoRegistration, status: mobility.StatusNotHomeAgent,
		},
		{
			name:  "H18: less than one unit of authorization left",
			grant: func(g *bindingcache.Grant) { g.Until = start.Add(3999 * time.Millisecond) },
			want:  bindingcache.NotAuthorized, status: mobility.StatusAdministrativelyProhibited,
		},
		{
			name:   "H18: less than one unit of the prefix left",
			config: func(c *bindingcache.Config) { c.Prefixes[0].Valid = lifetime.Until(start.Add(time.Second)) },
			fresh:  true, want: bindingcache.NotHomePrefix, status: mobility.StatusNotHomeSubnet,
		},
	}
}

func elsewhere(u *bindingcache.Update) {
	u.HomeAddressOption = netip.MustParseAddr("2001:db8:9::1")
	u.Protection.HomeAddress = u.HomeAddressOption
}

func TestH11_RefusalsInOrder(t *testing.T) {
	t.Parallel()
	for _, rows := range [][]refusalRow{silentRows(), validityRows(), admissionRows()} {
		for _, tt := range rows {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tt.run(t)
			})
		}
	}
}

func (tt refusalRow) run(t *testing.T) {
	w := newWorld(t, func(c *bindingcache.Config) {
		if tt.config != nil {
			tt.config(c)
		}
	})
	if !tt.fresh {
		w.register()
	}
	if tt.grant != nil {
		g := w.grants[home]
		tt.grant(&g)
		w.grants[home] = g
	}
	before, _ := w.cache.Lookup(home)
	u := away(11, 150, careOfB, flags(ahk&^mobility.FlagAcknowledge)) // answered although A is not set
	if tt.update != nil {
		tt.update(&u)
	}
	outs := w.apply(u)
	w.expectReasons(outs, tt.want)
	if got := w.cache.Counters()[tt.want]; got != 1 {
		t.Errorf("unexpected count %d of %s (want 1)", got, tt.want)
	}
	tt.expectReply(t, outs[0], &u)
	if after, _ := w.cache.Lookup(home); after.CareOf != before.CareOf || !after.Expires.Equal(before.Expires) {
		t.Errorf("the binding changed from %v to %v", before, after)
	}
	w.consistent()
}

func (tt refusalRow) expectReply(t *testing.T, out bindingcache.Outcome, u *bindingcache.Update) {
	t.Helper()
	if silent := tt.status == 0; silent != tt.want.Silent() || silent != (out.Reply == nil) {
		t.Fatalf("unexpected reply %v, reason silent %t (want silence %t)", out.Reply, tt.want.Silent(), silent)
	}
	if tt.status == 0 {
		return
	}
	ack := out.Reply.Message.(*mobility.BindingAcknowledgement)
	sequence := u.Message.Sequence
	if tt.want == bindingcache.OldSequence {
		sequence = 10
	}
	if ack.Status != tt.status || ack.Sequence != sequence || ack.Lifetime != 0 {
		t.Errorf("unexpected acknowledgement %+v (want status %d, sequence %d)", ack, tt.status, sequence)
	}
}

// H10: modulo 2^16, the last number and the 32768 before it are old.
func TestH10_SequenceArithmetic(t *testing.T) {
	t.Parallel()
	tests := []struct {
		last, received uint16
		ok             bool
	}{
		{15, 0, false}, {15, 14, false}, {15, 15, false}, {15, 16, true},
		{15, 32782, true}, {15, 32783, false}, {15, 65535, false},
		{65535, 0, true}, {65535, 32766, true}, {65535, 32767, false}, {65535, 65534, false},
		{0, 1, true}, {0, 32767, true}, {0, 32768, false}, {0, 65535, false},
		{40000, 7231, true}, {40000, 7232, false}, {40000, 39999, false},
	}
	for _, tt := range tests {
		w := newWorld(t)
		w.expectReasons(w.apply(away(tt.last, 150, careOfA)), // with none known, any is good
			bindingcache.Probing, bindingcache.Pending, bindingcache.Registered)
		want := bindingcache.OldSequence
		if tt.ok {
			want = bindingcache.Refreshed
		}
		if got := last(w.apply(away(tt.received, 150, careOfA))); got.Reason != want {
			t.Errorf("%d after %d: %s (want %s)", tt.received, tt.last, got.Reason, want)
		}
	}
}

// The sequence number of a valid update counts even if the update is refused for
// something else (RFC 6275 section 9.5.1), but not that of an invalid one.
func TestH10_RefusedUpdatesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	g := w.grants[home]
	w.grants[home] = bindingcache.Grant{}
	w.expectReasons(w.apply(away(20, 150, careOfB)), bindingcache.NotAuthorized)
	w.grants[home] = g
	w.expectReasons(w.apply(away(30, 150, careOfB, flags(mobility.FlagAcknowledge))), bindingcache.TypeChanged)
	w.expectReasons(w.apply(away(20, 150, careOfB)), bindingcache.OldSequence)
	w.expectReasons(w.apply(away(21, 150, careOfB)), bindingcache.Pending, bindingcache.Moved)
	w.consistent()
}

// Row 5: nobody's packets may be led in a circle.
func TestRow05_CareOfIsAnotherHomeAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, virtual)
	first := w.cache.Apply(away(10, 150, careOfA), w.now) // not even acknowledged yet
	theirs := away(1, 150, home, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
	})
	w.expectReasons(w.apply(theirs), bindingcache.CareOfIsHome)
	w.do(first)
	theirs.Message.Sequence++
	w.expectReasons(w.apply(theirs), bindingcache.CareOfIsHome)
	w.apply(away(11, 0, careOfA))
	theirs.Message.Sequence++
	w.expectReasons(w.apply(theirs), bindingcache.Pending, bindingcache.Registered)
	w.consistent()
}

// The same, when the other home address was bound while the update waited.
func TestRow05_CircleThroughAHeldUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, virtual)
	first := w.cache.Apply(away(10, 150, careOfA), w.now)
	w.expectReasons(w.apply(away(11, 150, neighbour)), bindingcache.Held)
	undo := w.cache.Abort(first.Work, bindingcache.Store, bindingcache.StoreFailed, w.now)
	theirs := away(1, 150, home, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = neighbour, neighbour
	})
	w.expectReasons(w.apply(theirs), bindingcache.Pending, bindingcache.Registered)
	w.expectReasons(w.do(undo), bindingcache.Undoing, bindingcache.StoreFailed, bindingcache.CareOfIsHome)
	w.consistent()
}

// H53: ESP does not protect the IPv6 header, so the care-of address has to be in an
// option, if that is asked for; not at home, where there is none.
func TestH53_AlternateCareOfRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *bindingcache.Config) { c.RequireAlternateCareOf = true })
	without := func(u *bindingcache.Update) { u.Message.AlternateCareOf = netip.Addr{} }
	w.expectReasons(w.apply(away(1, 150, careOfA, without)), bindingcache.CareOfUnprotected)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusInvalidCareOfAddress, Sequence: 1})
	w.register()
	w.expectReasons(w.apply(away(11, 0, careOfA, atHome)), bindingcache.Pending, bindingcache.Deregistered)
	w.consistent()
}

// For trials without IPsec only.
func TestH46_UnprotectedOnlyIfAllowed(t *testing.T) {
	t.Parallel()
	clear := func(u *bindingcache.Update) { u.Protection = bindingcache.Protection{} }
	w := newWorld(t, func(c *bindingcache.Config) { c.AllowUnprotected = true })
	w.register(clear)
	other := away(11, 150, careOfB, func(u *bindingcache.Update) { u.Protection.HomeAddress = neighbour })
	w.expectReasons(w.apply(other), bindingcache.NotProtected)
	w.consistent()
}
