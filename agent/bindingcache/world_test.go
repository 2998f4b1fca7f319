package bindingcache_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

var (
	agent     = netip.MustParseAddr("2001:db8:1::1")
	otherOwn  = netip.MustParseAddr("2001:db8:1::2")
	home      = netip.MustParseAddr("2001:db8:1::1234")
	neighbour = netip.MustParseAddr("2001:db8:1::5678")
	careOfA   = netip.MustParseAddr("2001:db8:a::100")
	careOfB   = netip.MustParseAddr("2001:db8:b::100")
	network   = netip.MustParsePrefix("2001:db8:100::/56")
	start     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	homePrefix = bindingcache.HomePrefix{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}
)

const ahk = mobility.FlagAcknowledge | mobility.FlagHomeRegistration | mobility.FlagKeyManagement

var addrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
}

// grants is an [bindingcache.Authority] of a map.
type grants map[netip.Addr]bindingcache.Grant

func (g grants) Grant(home netip.Addr, _ time.Time) bindingcache.Grant { return g[home] }

// A world is a cache with a store, a kernel, a home link and a key management
// protocol around it, which do what its works say and complain of works that make
// no sense.
type world struct {
	tb     testing.TB
	cfg    bindingcache.Config
	cache  *bindingcache.Cache
	grants grants
	now    time.Time

	store    map[netip.Addr]bindingcache.Binding
	kernel   map[netip.Addr]bindingcache.Binding
	defended map[netip.Addr]bool // true if the link-local address is, too
	ike      map[netip.Addr]netip.Addr
	sent     []bindingcache.Reply
	// fail, if set, decides whether a step fails; 0 is success.
	fail func(*bindingcache.Work, bindingcache.Step) bindingcache.Reason
	log  []string // the steps done, for tests that look at their order
}

func newWorld(tb testing.TB, change ...func(*bindingcache.Config)) *world {
	tb.Helper()
	w := &world{
		tb: tb, now: start,
		grants: grants{
			home:      {Standing: bindingcache.Authorized, Identity: "mn@example.com"},
			neighbour: {Standing: bindingcache.Authorized, Identity: "other@example.com"},
		},
		store:    map[netip.Addr]bindingcache.Binding{},
		kernel:   map[netip.Addr]bindingcache.Binding{},
		defended: map[netip.Addr]bool{},
		ike:      map[netip.Addr]netip.Addr{},
	}
	w.cfg = bindingcache.Config{
		Authority:  w.grants,
		HomeAgents: []netip.Addr{agent, otherOwn},
		Prefixes:   []bindingcache.HomePrefix{homePrefix},
		HomeLink:   bindingcache.PhysicalHomeLink,
		FollowIKE:  true,
	}
	for _, c := range change {
		c(&w.cfg)
	}
	cache, err := bindingcache.New(w.cfg)
	if err != nil {
		tb.Fatal(err)
	}
	w.cache = cache
	return w
}

func virtual(cfg *bindingcache.Config) { cfg.HomeLink = bindingcache.VirtualHomeLink }

// away is a Binding Update of the mobile node from a foreign link, under its own
// security association.
func away(sequence uint16, lifetime mobility.Lifetime, careOf netip.Addr, change ...func(*bindingcache.Update)) bindingcache.Update {
	u := bindingcache.Update{
		Source:            careOf,
		HomeAddressOption: home,
		HomeAgent:         agent,
		Interface:         3,
		Protection:        bindingcache.Protection{Kind: bindingcache.ProtectedByESP, HomeAddress: home},
		Message: &mobility.BindingUpdate{
			Sequence: sequence, Flags: ahk, Lifetime: lifetime,
			Options: mobility.Options{AlternateCareOf: careOf},
		},
	}
	for _, c := range change {
		c(&u)
	}
	return u
}

// atHome makes an update one that came from the home link, without the option.
func atHome(u *bindingcache.Update) {
	u.Source, u.HomeAddressOption, u.AtHome = home, netip.Addr{}, true
	u.Message.AlternateCareOf = netip.Addr{}
}

// inside has an update sent inside the tunnel for the payload, without the options.
func inside(u *bindingcache.Update) {
	u.Source, u.HomeAddressOption, u.Tunnelled = home, netip.Addr{}, true
	u.Message.AlternateCareOf = netip.Addr{}
}

func flags(f mobility.UpdateFlags) func(*bindingcache.Update) {
	return func(u *bindingcache.Update) { u.Message.Flags = f }
}

// apply applies an update and does all the work that comes of it; it returns
// what was said on the way, last what became of the update.
func (w *world) apply(u bindingcache.Update) []bindingcache.Outcome {
	return w.do(w.cache.Apply(u, w.now))
}

// do carries out an outcome and what follows from it.
func (w *world) do(out bindingcache.Outcome) []bindingcache.Outcome {
	var all []bindingcache.Outcome
	for o := &out; o != nil; o = o.Next {
		all = append(all, *o)
		if o.Reply != nil {
			w.sent = append(w.sent, *o.Reply)
		}
		if o.Work != nil {
			all = append(all, w.do(w.work(o.Work))...)
		}
	}
	return all
}

func (w *world) work(work *bindingcache.Work) bindingcache.Outcome {
	for _, step := range work.Steps {
		w.log = append(w.log, step.String())
		if w.fail != nil {
			if cause := w.fail(work, step); cause != 0 {
				return w.cache.Abort(work, step, cause, w.now)
			}
		}
		w.step(work, step)
	}
	return w.cache.Commit(work, w.now)
}

func (w *world) step(work *bindingcache.Work, step bindingcache.Step) {
	switch step {
	case bindingcache.Probe:
	case bindingcache.Store:
		w.store[work.HomeAddress] = work.New
	case bindingcache.Delete:
		delete(w.store, work.HomeAddress)
	case bindingcache.Program:
		w.kernel[work.HomeAddress] = work.New
	case bindingcache.Move:
		w.move(work)
	case bindingcache.Unprogram:
		delete(w.kernel, work.HomeAddress)
	case bindingcache.Defend:
		w.defended[work.HomeAddress] = work.New.Flags.Has(mobility.FlagLinkLocal)
	case bindingcache.Relinquish:
		w.relinquish(work)
	case bindingcache.MoveIKE:
		w.ike[work.HomeAddress] = work.New.CareOf
	}
}

// relinquish goes by the flags of the old binding, as a home link would.
func (w *world) relinquish(work *bindingcache.Work) {
	if work.Old.HomeAddress != work.HomeAddress {
		w.tb.Errorf("relinquishing %s without knowing what was claimed: %+v", work.HomeAddress, work.Old)
	}
	if w.defended[work.HomeAddress] && !work.Old.Flags.Has(mobility.FlagLinkLocal) {
		w.tb.Errorf("relinquishing %s, but not its link-local address", work.HomeAddress)
	}
	delete(w.defended, work.HomeAddress)
}

func (w *world) move(work *bindingcache.Work) {
	if w.fail == nil && w.kernel[work.HomeAddress].CareOf != work.Old.CareOf {
		w.tb.Errorf("moving %s from %s, but the kernel has %s", work.HomeAddress, work.Old.CareOf, w.kernel[work.HomeAddress].CareOf)
	}
	w.kernel[work.HomeAddress] = work.New
}

// expire does what is due.
func (w *world) expire() []bindingcache.Outcome {
	var all []bindingcache.Outcome
	for _, out := range w.cache.Expire(w.now, 1000) {
		all = append(all, w.do(out)...)
	}
	return all
}

func (w *world) wait(d time.Duration) []bindingcache.Outcome {
	w.now = w.now.Add(d)
	return w.expire()
}

// consistent checks that the store, the kernel and the home link hold what the
// cache says, when no work is under way.
func (w *world) consistent() {
	w.tb.Helper()
	stored, programmed := map[netip.Addr]bindingcache.Binding{}, map[netip.Addr]netip.Addr{}
	defended := map[netip.Addr]bool{}
	for v := range w.cache.All() {
		stored[v.HomeAddress] = v.Binding
		if v.Active() {
			programmed[v.HomeAddress] = v.CareOf
			defended[v.HomeAddress] = v.Flags.Has(mobility.FlagLinkLocal)
		}
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Sequence" }, cmp.Ignore())
	if diff := cmp.Diff(stored, w.store, addrs, ignore); diff != "" {
		w.tb.Errorf("unexpected store (-cache +store):\n%s", diff)
	}
	kernel := map[netip.Addr]netip.Addr{}
	for a, b := range w.kernel {
		kernel[a] = b.CareOf
	}
	if diff := cmp.Diff(programmed, kernel, addrs); diff != "" {
		w.tb.Errorf("unexpected kernel (-cache +kernel):\n%s", diff)
	}
	if w.cfg.HomeLink == bindingcache.PhysicalHomeLink {
		if diff := cmp.Diff(defended, w.defended, addrs); diff != "" {
			w.tb.Errorf("unexpected home link (-cache +link):\n%s", diff)
		}
	}
}

// register brings the mobile node to care-of address A with sequence number 10 and
// a lifetime of 600 s.
func (w *world) register(change ...func(*bindingcache.Update)) {
	w.tb.Helper()
	outs := w.apply(away(10, 150, careOfA, change...))
	if got := outs[len(outs)-1]; got.Reason != bindingcache.Registered {
		w.tb.Fatalf("registering ended with %s", got.Reason)
	}
	w.sent, w.log = nil, nil
}

// acks returns the acknowledgements sent so far.
func (w *world) acks() []mobility.BindingAcknowledgement {
	var acks []mobility.BindingAcknowledgement
	for _, r := range w.sent {
		if ack, ok := r.Message.(*mobility.BindingAcknowledgement); ok {
			acks = append(acks, *ack)
		}
	}
	return acks
}

func (w *world) expectAcks(want ...mobility.BindingAcknowledgement) {
	w.tb.Helper()
	if diff := cmp.Diff(want, w.acks(), addrs); diff != "" {
		w.tb.Errorf("unexpected acknowledgements (-want +got):\n%s", diff)
	}
}

func (w *world) expectLog(want ...string) {
	w.tb.Helper()
	if diff := cmp.Diff(want, w.log); diff != "" {
		w.tb.Errorf("unexpected steps (-want +got):\n%s", diff)
	}
}

func (w *world) expectReasons(outs []bindingcache.Outcome, want ...bindingcache.Reason) {
	w.tb.Helper()
	var got []bindingcache.Reason
	for _, o := range outs {
		got = append(got, o.Reason)
	}
	if !slices.Equal(got, want) {
		w.tb.Errorf("unexpected reasons %v (want %v)", got, want)
	}
}

func (w *world) expectPhase(want bindingcache.Phase) bindingcache.View {
	w.tb.Helper()
	v, ok := w.cache.Lookup(home)
	if !ok || v.Phase != want {
		w.tb.Errorf("unexpected phase %d, known %t (want %s)", v.Phase, ok, want)
	}
	return v
}

func last(outs []bindingcache.Outcome) bindingcache.Outcome { return outs[len(outs)-1] }
