package bindingcache_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

// failAt lets the first step of that kind fail, once.
func (w *world) failAt(step bindingcache.Step, cause bindingcache.Reason) {
	w.fail = func(_ *bindingcache.Work, s bindingcache.Step) bindingcache.Reason {
		if s != step {
			return 0
		}
		w.fail = func(*bindingcache.Work, bindingcache.Step) bindingcache.Reason { return 0 }
		return cause
	}
}

// Nothing is acknowledged before it is durable and programmed.
func TestCommit_AcknowledgesLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, virtual)
	out := w.cache.Apply(away(10, 150, careOfA), w.now)
	if out.Reply != nil || out.Reason != bindingcache.Pending {
		t.Errorf("%s with reply %v before the work is done", out.Reason, out.Reply)
	}
	w.expectPhase(bindingcache.PhaseChanging)
	w.expectReasons(w.do(out), bindingcache.Pending, bindingcache.Registered)
	w.expectPhase(bindingcache.PhaseBound)
}

// While a work is under way the newest update waits, and the older of those that
// wait is dropped; every update that has its turn is acknowledged.
func TestCommit_NewestWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	first := w.cache.Apply(away(11, 150, careOfB), w.now)
	w.expectReasons(w.apply(away(11, 150, careOfB)), bindingcache.Repeated)
	w.expectReasons(w.apply(away(12, 100, careOfB)), bindingcache.Held)
	w.expectReasons(w.apply(away(13, 120, careOfA)), bindingcache.Held)
	w.expectReasons(w.apply(away(13, 120, careOfA)), bindingcache.Repeated)
	w.expectReasons(w.apply(away(12, 100, careOfB)), bindingcache.OldSequence)
	w.sent = nil
	w.expectReasons(w.do(first), bindingcache.Pending, bindingcache.Moved, bindingcache.Pending, bindingcache.Moved)
	k := mobility.AckKeyManagement
	w.expectAcks(
		mobility.BindingAcknowledgement{Flags: k, Sequence: 11, Lifetime: 150},
		mobility.BindingAcknowledgement{Flags: k, Sequence: 13, Lifetime: 120},
	)
	if v := w.expectPhase(bindingcache.PhaseBound); v.CareOf != careOfA || v.Sequence != 13 {
		t.Errorf("at %s with sequence %d", v.CareOf, v.Sequence)
	}
	w.consistent()
}

// An update that waits does not hold the octets that it was parsed from.
func TestCommit_HeldUpdateIsACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	first := w.cache.Apply(away(11, 150, careOfB), w.now)
	name := []byte("mn@example.com")
	w.apply(away(12, 150, careOfA, func(u *bindingcache.Update) {
		u.Message.Identifier = mobility.Identifier{Subtype: mobility.IdentifierNAI, Value: name}
	}))
	copy(name, "xxxxxxxxxxxxxx")
	w.expectReasons(w.do(first), bindingcache.Pending, bindingcache.Moved, bindingcache.Pending, bindingcache.Moved)
}

// The waiting update is judged by what holds when its turn comes.
func TestCommit_HeldUpdateIsJudgedLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	first := w.cache.Apply(away(11, 0, careOfA, atHome), w.now)
	w.apply(away(12, 0, careOfA, atHome))
	delete(w.grants, home)
	w.expectReasons(w.do(first), bindingcache.Pending, bindingcache.Deregistered, bindingcache.NotAuthorized)
	w.consistent()
}

func TestAbort_TakesBackFirstRegistration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		step   bindingcache.Step
		cause  bindingcache.Reason
		undo   []string
		status mobility.Status
	}{
		{bindingcache.Store, bindingcache.StoreFailed, []string{"delete"}, mobility.StatusInsufficientResources},
		{bindingcache.Program, bindingcache.KernelFailed, []string{"unprogram", "delete"}, mobility.StatusInsufficientResources},
		{bindingcache.Defend, bindingcache.Failed, []string{"relinquish", "unprogram", "delete"}, mobility.StatusUnspecified},
		{bindingcache.Defend, bindingcache.Registered, []string{"relinquish", "unprogram", "delete"}, mobility.StatusUnspecified}, // no reason to refuse
	}
	for _, tt := range tests {
		t.Run(tt.step.String()+" "+tt.cause.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			probe := w.cache.Apply(away(10, 150, careOfA), w.now)
			register := w.cache.Commit(probe.Work, w.now)
			w.failAt(tt.step, tt.cause)
			undo := w.work(register.Work)
			w.log = nil
			w.do(undo)
			w.expectLog(tt.undo...)
			w.expectAcks(mobility.BindingAcknowledgement{Status: tt.status, Sequence: 10})
			if _, ok := w.cache.Lookup(home); ok || w.cache.Len() != 0 {
				t.Error("the home address is still known")
			}
			w.consistent()
		})
	}
}

func TestAbort_TakesBackMove(t *testing.T) {
	t.Parallel()
	tests := []struct {
		step bindingcache.Step
		undo []string
	}{
		{bindingcache.Store, []string{"store"}},
		{bindingcache.Move, []string{"move", "store"}},
		{bindingcache.Defend, []string{"defend", "move", "store"}},
	}
	for _, tt := range tests {
		t.Run(tt.step.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register()
			w.failAt(tt.step, bindingcache.KernelFailed)
			move := w.cache.Apply(away(11, 150, careOfB, flags(ahk|mobility.FlagLinkLocal)), w.now)
			undo := w.work(move.Work)
			w.log = nil
			w.do(undo)
			w.expectLog(tt.undo...)
			w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusInsufficientResources, Sequence: 11})
			if v := w.expectPhase(bindingcache.PhaseBound); v.CareOf != careOfA {
				t.Errorf("at %s (want %s)", v.CareOf, careOfA)
			}
			w.expectReasons(w.apply(away(11, 150, careOfB)), bindingcache.OldSequence)
			w.expectReasons(w.apply(away(12, 150, careOfB)), bindingcache.Pending, bindingcache.Moved)
			w.consistent()
		})
	}
}

// Not even taking back worked: the next update programs everything anew.
func TestAbort_OfUndoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.fail = func(_ *bindingcache.Work, s bindingcache.Step) bindingcache.Reason {
		return map[bindingcache.Step]bindingcache.Reason{bindingcache.Move: bindingcache.KernelFailed}[s]
	}
	w.expectReasons(w.apply(away(11, 150, careOfB)),
		bindingcache.Pending, bindingcache.Undoing, bindingcache.KernelFailed)
	w.fail, w.log = nil, nil
	w.expectReasons(w.apply(away(12, 150, careOfB)), bindingcache.Pending, bindingcache.Moved)
	w.expectLog("store", "program", "defend", "move_ike")
	w.consistent()
}

// A first registration that can neither be done nor undone is taken down later.
func TestAbort_OfUndoingFirstRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fail = func(_ *bindingcache.Work, s bindingcache.Step) bindingcache.Reason {
		return map[bindingcache.Step]bindingcache.Reason{
			bindingcache.Defend: bindingcache.Failed, bindingcache.Delete: bindingcache.StoreFailed,
		}[s]
	}
	w.expectReasons(w.apply(away(10, 150, careOfA)), bindingcache.Probing, bindingcache.Pending,
		bindingcache.Undoing, bindingcache.StoreFailed)
	w.fail = nil
	w.expectReasons(w.wait(bindingcache.RetryTime), bindingcache.Pending, bindingcache.Forgotten)
	w.consistent()
}

// The mobile node is at home: its binding ends even if the store does not hear of
// it, which is what the refusal is for. Repeating it puts things right.
func TestAbort_OfDeregistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.failAt(bindingcache.Store, bindingcache.StoreFailed)
	w.expectReasons(w.apply(away(11, 0, careOfA, atHome)), bindingcache.Pending, bindingcache.StoreFailed)
	w.expectAcks(mobility.BindingAcknowledgement{Status: mobility.StatusInsufficientResources, Sequence: 11})
	if len(w.kernel) != 0 || len(w.defended) != 0 {
		t.Error("still intercepted")
	}
	w.log = nil
	w.expectReasons(w.apply(away(12, 0, careOfA, atHome)), bindingcache.Pending, bindingcache.Deregistered)
	w.expectLog("unprogram", "relinquish", "store")
	w.consistent()
}

func TestAbort_OfExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.failAt(bindingcache.Relinquish, bindingcache.Failed)
	w.expectReasons(w.wait(600*time.Second), bindingcache.Pending, bindingcache.Failed)
	w.expectPhase(bindingcache.PhaseLingering)
	w.log = nil
	w.expectReasons(w.wait(bindingcache.RetryTime), bindingcache.Pending, bindingcache.Forgotten)
	w.expectLog("unprogram", "relinquish", "delete")
	w.consistent()
}

// Remains of a failed expiry are not forgotten when a registration in between fails
// as well.
func TestAbort_RemainsStayKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	w.failAt(bindingcache.Unprogram, bindingcache.KernelFailed)
	w.wait(600 * time.Second)
	w.failAt(bindingcache.Store, bindingcache.StoreFailed)
	w.expectReasons(w.apply(away(11, 150, careOfA)),
		bindingcache.Probing, bindingcache.Pending, bindingcache.Undoing, bindingcache.StoreFailed)
	w.expectReasons(w.wait(bindingcache.RetryTime), bindingcache.Pending, bindingcache.Forgotten)
	w.consistent()
}

// What is taken down later includes the link-local address.
func TestAbort_LinkLocalStaysKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(flags(ahk | mobility.FlagLinkLocal))
	w.failAt(bindingcache.Relinquish, bindingcache.Failed)
	w.wait(600 * time.Second)
	w.wait(bindingcache.RetryTime)
	w.consistent()
}

func TestRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expectReasons(w.do(w.cache.Remove(home)), bindingcache.Stale)
	w.register()
	w.expectReasons(w.do(w.cache.Remove(home)), bindingcache.Pending, bindingcache.Removed)
	w.expectLog("unprogram", "relinquish", "delete")
	w.consistent()

	probe := w.cache.Apply(away(11, 150, careOfA), w.now)
	w.expectReasons(w.do(w.cache.Remove(home)), bindingcache.Pending, bindingcache.Removed)
	w.expectReasons(w.do(probe), bindingcache.Probing, bindingcache.Stale)
	w.consistent()
}

// A registration that was under way is not acknowledged when its session ended
// meanwhile, and what waits behind it is judged after the removal.
func TestRemove_DuringWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	move := w.cache.Apply(away(11, 150, careOfB), w.now)
	w.expectReasons(w.apply(away(12, 150, careOfB)), bindingcache.Held)
	delete(w.grants, home)
	w.expectReasons(w.do(w.cache.Remove(home)), bindingcache.Held)
	w.expectReasons(w.do(move), bindingcache.Pending,
		bindingcache.NotAuthorized, bindingcache.Removed, bindingcache.NotAuthorized)
	w.expectAcks(
		mobility.BindingAcknowledgement{Status: mobility.StatusAdministrativelyProhibited, Sequence: 11},
		mobility.BindingAcknowledgement{Status: mobility.StatusAdministrativelyProhibited, Sequence: 12},
	)
	w.consistent()
}

func TestCommit_StaleWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register()
	out := w.cache.Apply(away(11, 150, careOfB), w.now)
	w.do(out)
	for _, o := range []bindingcache.Outcome{
		w.cache.Commit(out.Work, w.now),
		w.cache.Abort(out.Work, bindingcache.Move, bindingcache.KernelFailed, w.now),
		w.cache.Commit(&bindingcache.Work{HomeAddress: neighbour}, w.now),
	} {
		w.expectReasons([]bindingcache.Outcome{o}, bindingcache.Stale)
	}
	w.consistent()
}

// A step that the work does not have: all but the endpoint is taken back.
func TestAbort_AtUnknownStep(t *testing.T) {
	t.Parallel()
	for _, f := range []mobility.UpdateFlags{ahk, ahk &^ mobility.FlagKeyManagement} {
		w := newWorld(t)
		w.register()
		w.fail = func(*bindingcache.Work, bindingcache.Step) bindingcache.Reason { return 0 } // the kernel was never asked to move
		move := w.cache.Apply(away(11, 150, careOfB, flags(f)), w.now)
		w.do(w.cache.Abort(move.Work, bindingcache.Probe, bindingcache.Failed, w.now))
		w.expectLog("move", "store")
	}
}

// H54: where the endpoint of key management cannot follow, K is 0 and it starts
// anew; the registration is good.
func TestH54_EndpointStaysBehind(t *testing.T) {
	t.Parallel()
	for _, u := range []bindingcache.Update{away(11, 150, careOfB), away(11, 0, careOfB, atHome)} {
		w := newWorld(t)
		w.register()
		w.failAt(bindingcache.MoveIKE, bindingcache.Failed)
		outs := w.apply(u)
		done := last(outs)
		if done.Reason != bindingcache.Moved && done.Reason != bindingcache.Deregistered || done.DropIKE != careOfA {
			t.Errorf("%s, drops %s", done.Reason, done.DropIKE)
		}
		w.expectAcks(mobility.BindingAcknowledgement{Sequence: 11, Lifetime: u.Message.Lifetime})
		if n := w.cache.Counters()[bindingcache.KeysLeftBehind]; n != 1 {
			t.Errorf("counted %d times", n)
		}
		w.consistent()
	}
}

// H54 and the rest of the K bit.
func TestH54_KeyManagement(t *testing.T) {
	t.Parallel()
	ends := func(u *bindingcache.Update) { u.Message.Lifetime = 0 }
	atHomeAgain := func(u *bindingcache.Update) { ends(u); atHome(u) }
	endsInside := func(u *bindingcache.Update) { ends(u); inside(u) }
	elsewhere := netip.MustParseAddr("2001:db8:c::7")
	type effect struct {
		k        bool
		from, to netip.Addr // of the endpoint's move
		drop     netip.Addr
	}
	const noK = ahk &^ mobility.FlagKeyManagement
	tests := []struct {
		name   string
		fresh  bool // first registration to B, not a move from A
		update func(*bindingcache.Update)
		flags  mobility.UpdateFlags
		grant  bindingcache.Grant
		static bool // the endpoint cannot be moved
		want   effect
	}{
		{name: "move", flags: ahk, want: effect{k: true, from: careOfA, to: careOfB}},
		{name: "move, peer elsewhere", flags: ahk, grant: bindingcache.Grant{IKEPeer: elsewhere}, want: effect{k: true, from: elsewhere, to: careOfB}},
		{name: "move, peer there already", flags: ahk, grant: bindingcache.Grant{IKEPeer: careOfB}, want: effect{k: true}},
		{name: "move without K", flags: noK, want: effect{drop: careOfA}},
		{name: "move without K, keyed anew", flags: noK, grant: bindingcache.Grant{IKEPeer: careOfB}},
		{name: "endpoint cannot move", flags: ahk, static: true, want: effect{drop: careOfA}},
		{name: "H49: manual keys", flags: ahk, grant: bindingcache.Grant{Keying: bindingcache.KeyedManually}},
		{name: "first", fresh: true, flags: ahk, want: effect{k: true, from: home, to: careOfB}},
		{name: "de-registration at home", flags: ahk, update: atHomeAgain, want: effect{k: true, from: careOfA, to: home}},
		{name: "de-registration at home without K", flags: noK, update: atHomeAgain, want: effect{drop: careOfA}},
		{name: "de-registration from elsewhere", flags: ahk, update: ends, want: effect{k: true, from: careOfA, to: careOfB}},
		{name: "H52: de-registration from inside the tunnel", flags: ahk, update: endsInside, want: effect{k: true}},
		{name: "H52: de-registration without K from inside the tunnel", flags: noK, update: endsInside},
		{name: "first without K", fresh: true, flags: noK, want: effect{drop: home}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, virtual, func(c *bindingcache.Config) { c.FollowIKE = !tt.static })
			if !tt.fresh {
				w.register()
			}
			tt.grant.Standing = bindingcache.Authorized
			w.grants[home] = tt.grant
			update := away(11, 150, careOfB, flags(tt.flags))
			if tt.update != nil {
				tt.update(&update)
			}
			out := w.cache.Apply(update, w.now)
			done := w.cache.Commit(out.Work, w.now)
			got := effect{
				k:    done.Reply.Message.(*mobility.BindingAcknowledgement).Flags.Has(mobility.AckKeyManagement),
				from: out.Work.IKEFrom, drop: done.DropIKE,
			}
			if s := out.Work.Steps; s[len(s)-1] == bindingcache.MoveIKE {
				got.to = out.Work.IKETo
			}
			if diff := cmp.Diff(tt.want, got, addrs, cmp.AllowUnexported(effect{})); diff != "" {
				t.Errorf("unexpected effect (-want +got):\n%s", diff)
			}
		})
	}
}
