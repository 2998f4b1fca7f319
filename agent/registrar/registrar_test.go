package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
	"homeagent/agent/registrar"
)

var (
	home  = netip.MustParseAddr("2001:db8:1::1234")
	agent = netip.MustParseAddr("2001:db8:1::1")
	away  = netip.MustParseAddr("2001:db8:2::100")
	away2 = netip.MustParseAddr("2001:db8:4::100")
)

// world is everything around a Registrar: it writes down what happens, in
// order, and fails or waits at a step when told to.
type world struct {
	mu  sync.Mutex
	log []string
	// commits are the numbers of records that were stored together.
	commits []int
	// dropped are the IKE peers of mobile nodes that did not set K.
	dropped []netip.Addr
	fail    map[string]error
	block   map[string]chan struct{}
}

func (w *world) happens(step string, what ...any) error {
	w.mu.Lock()
	w.log = append(w.log, strings.TrimSpace(step+" "+fmt.Sprint(what...)))
	err, block := w.fail[step], w.block[step]
	w.mu.Unlock()
	if block != nil {
		<-block
	}
	return err
}

func (w *world) Probe(_ context.Context, b bindingcache.Binding) error {
	return w.happens("probe", b.HomeAddress)
}
func (w *world) Save(_ context.Context, records []registrar.Record) error {
	w.mu.Lock()
	w.commits = append(w.commits, len(records))
	w.mu.Unlock()
	var errs []error
	for _, r := range records {
		if r.Binding.HomeAddress.IsValid() {
			errs = append(errs, w.happens("store", r.Binding.CareOf, " ", r.Binding.Sequence))
		} else {
			errs = append(errs, w.happens("delete", r.HomeAddress))
		}
	}
	return errors.Join(errs...)
}
func (w *world) Program(_ context.Context, b bindingcache.Binding) error {
	return w.happens("program", b.CareOf)
}
func (w *world) Unprogram(_ context.Context, a netip.Addr) error { return w.happens("unprogram", a) }
func (w *world) Defend(_ context.Context, b bindingcache.Binding) error {
	return w.happens("defend", b.HomeAddress)
}
func (w *world) Relinquish(_ context.Context, b bindingcache.Binding) error {
	return w.happens("relinquish", b.HomeAddress)
}
func (w *world) MoveIKE(_ context.Context, from, to netip.Addr, _ bindingcache.Binding) error {
	return w.happens("move IKE", from, " ", to)
}
func (w *world) DropIKE(_, peer netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = append(w.dropped, peer)
}
func (w *world) Send(r *bindingcache.Reply) error {
	ack, ok := r.Message.(*mobility.BindingAcknowledgement)
	if !ok {
		return w.happens("send", r.Message.Type())
	}
	return w.happens("acknowledge", uint8(ack.Status), " ", ack.Sequence)
}

func (w *world) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

// everyone may register everything.
type everyone struct{}

func (everyone) Grant(netip.Addr, time.Time) bindingcache.Grant {
	return bindingcache.Grant{Standing: bindingcache.Authorized}
}

func start(t *testing.T, link bindingcache.HomeLink) (*registrar.Registrar, *world) {
	t.Helper()
	cache, err := bindingcache.New(bindingcache.Config{
		Authority: everyone{}, HomeAgents: []netip.Addr{agent}, HomeLink: link,
		Prefixes: []bindingcache.HomePrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{fail: map[string]error{}, block: map[string]chan struct{}{}}
	r := registrar.New(cache, w, w, 5*time.Second, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r, w
}

func update(careOf netip.Addr, sequence uint16, lifetime mobility.Lifetime) bindingcache.Update {
	return bindingcache.Update{
		Source: careOf, HomeAddressOption: home, HomeAgent: agent, Interface: 2,
		Protection: bindingcache.Protection{Kind: bindingcache.ProtectedByESP, HomeAddress: home},
		Message: &mobility.BindingUpdate{
			Sequence: sequence, Lifetime: lifetime,
			Flags: mobility.FlagAcknowledge | mobility.FlagHomeRegistration,
		},
	}
}

func expect(t *testing.T, w *world, step string, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, w.taken()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

// What is acknowledged is durable and programmed before.
func TestAcknowledgementComesLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		r.Handle(update(away, 1, 100))
		expect(t, w, "registration", "store 2001:db8:2::100 1", "program 2001:db8:2::100", "acknowledge 0 1")
		r.Handle(update(away, 2, 100))
		expect(t, w, "refresh", "store 2001:db8:2::100 2", "acknowledge 0 2")
		r.Handle(update(away2, 3, 100))
		expect(t, w, "move", "store 2001:db8:4::100 3", "program 2001:db8:4::100", "acknowledge 0 3")
		if want := []netip.Addr{home, away}; !slices.Equal(w.dropped, want) {
			t.Errorf("IKE peers dropped: %v, want %v (RFC 6275 section 10.3.1)", w.dropped, want)
		}
		if v, ok := r.Binding(home); !ok || v.CareOf != away2 || len(r.Bindings()) != 1 {
			t.Errorf("Binding = %+v, %v", v, ok)
		}
	})
}

func TestH20_PhysicalHomeLinkIsProbedAndDefended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.PhysicalHomeLink)
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		log := w.taken()
		if len(log) == 0 || log[0] != "probe 2001:db8:1::1234" || log[len(log)-1] != "acknowledge 0 1" {
			t.Errorf("registration: %v", log)
		}
	})
}

func TestH20_DuplicateIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.PhysicalHomeLink)
		w.fail["probe"] = fmt.Errorf("probing: %w", registrar.ErrDuplicate)
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		log := w.taken()
		if want := fmt.Sprint("acknowledge ", uint8(mobility.StatusDuplicateAddress), " 1"); log[len(log)-1] != want {
			t.Errorf("the last of %v is not %q", log, want)
		}
		if r.Counters()[bindingcache.DuplicateAddress] != 1 {
			t.Error("the duplicate was not counted")
		}
	})
}

// A step that fails is taken back and refused; nothing is acknowledged as done.
func TestFailuresAreTakenBack(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"store", "program"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, w := start(t, bindingcache.VirtualHomeLink)
				w.fail[step] = errors.New("broken")
				r.Handle(update(away, 1, 100))
				synctest.Wait()
				for _, line := range w.taken() {
					if line == "acknowledge 0 1" {
						t.Error("a registration that failed was acknowledged")
					}
				}
				if v, ok := r.Binding(home); ok && v.Active() {
					t.Errorf("a registration that failed is in force: %+v", v)
				}
			})
		})
	}
}

// A mobile network that the kernel does not take is refused as such (RFC 3963
// section 6.2), and not as a lack of resources.
func TestN_KernelRefusesTheNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want mobility.Status
	}{
		{fmt.Errorf("programming: %w", registrar.ErrNetwork), mobility.StatusInvalidPrefix},
		{errors.New("no buffer space"), mobility.StatusInsufficientResources},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, w := start(t, bindingcache.VirtualHomeLink)
				w.fail["program"] = tt.err
				r.Handle(update(away, 1, 100))
				synctest.Wait()
				log := w.taken()
				if want := fmt.Sprint("acknowledge ", uint8(tt.want), " 1"); log[len(log)-1] != want {
					t.Errorf("the last of %v is not %q", log, want)
				}
			})
		})
	}
}

func TestH19_ExpiryTakesDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		r.Handle(update(away, 1, 10)) // 40 s
		synctest.Wait()
		w.taken()
		time.Sleep(39 * time.Second)
		expect(t, w, "before the end")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if log := strings.Join(w.taken(), "\n"); !strings.Contains(log, "unprogram 2001:db8:1::1234") || !strings.Contains(log, "delete 2001:db8:1::1234") {
			t.Errorf("at the end:\n%s", log)
		}
		if len(r.Bindings()) != 0 {
			t.Errorf("left: %+v", r.Bindings())
		}
	})
}

func TestRemoveTakesDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		w.taken()
		r.Remove(home)
		synctest.Wait()
		if log := strings.Join(w.taken(), "\n"); !strings.Contains(log, "unprogram") || strings.Contains(log, "acknowledge") {
			t.Errorf("removal:\n%s", log)
		}
	})
}

func TestH26_RestoredBindingRefusesReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		err := r.Restore(bindingcache.Binding{
			HomeAddress: home, CareOf: away, HomeAgent: agent, Sequence: 7, Flags: mobility.FlagHomeRegistration,
			Lifetime: 100, Registered: time.Now(), Expires: time.Now().Add(400 * time.Second),
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Handle(update(away2, 7, 100))
		expect(t, w, "replay", fmt.Sprint("acknowledge ", uint8(mobility.StatusSequenceOutOfWindow), " 7"))
	})
}

// One mobile node whose work hangs does not hold up another.
func TestWorksRunSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		block := make(chan struct{})
		w.block["program"] = block
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		w.mu.Lock()
		w.block["program"] = nil
		w.mu.Unlock()
		w.taken()
		other := update(away, 1, 100)
		other.HomeAddressOption = home.Next()
		other.Protection.HomeAddress = home.Next()
		r.Handle(other)
		time.Sleep(time.Second)
		expect(t, w, "the other", "store 2001:db8:2::100 1", "program 2001:db8:2::100", "acknowledge 0 1")
		close(block)
		expect(t, w, "the first", "acknowledge 0 1")
	})
}

// Whoever observes hears what became of each Binding Update, with the reply.
func TestOutcomesAreObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		var got []string
		r.Observe(func(o *bindingcache.Outcome, _ time.Time) {
			got = append(got, fmt.Sprint(o.Reason, " ", o.HomeAddress, " ", o.Reply != nil))
		})
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		w.taken()
		want := []string{"pending " + home.String() + " false", "registered " + home.String() + " true"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

// from makes the update another mobile node's.
func from(i byte, u bindingcache.Update) bindingcache.Update {
	octets := home.As16()
	octets[14] = i
	u.HomeAddressOption = netip.AddrFrom16(octets)
	u.Protection.HomeAddress = u.HomeAddressOption
	return u
}

// Those who come while a commit is under way share the next one, and so do those
// who come while the kernel is programmed.
func TestWorksShareCommits(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"store", "program"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, w := start(t, bindingcache.VirtualHomeLink)
				block := make(chan struct{})
				w.block[step] = block
				for i := range byte(10) {
					r.Handle(from(i, update(away, 1, 100)))
					synctest.Wait()
				}
				close(block)
				synctest.Wait()
				if diff := cmp.Diff([]int{1, 9}, w.commits); diff != "" {
					t.Errorf("records in each commit (-want +got):\n%s", diff)
				}
				if n := len(r.Bindings()); n != 10 {
					t.Errorf("%d bindings, want 10", n)
				}
			})
		})
	}
}

// A commit that fails is everybody's who took part in it, and nobody else's.
func TestFailedCommitRefusesAllInIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := start(t, bindingcache.VirtualHomeLink)
		block := make(chan struct{})
		w.block["store"] = block
		r.Handle(from(0, update(away, 1, 100)))
		synctest.Wait()
		w.mu.Lock()
		w.fail["store"] = errors.New("disk full")
		w.mu.Unlock()
		r.Handle(from(1, update(away, 1, 100)))
		r.Handle(from(2, update(away, 1, 100)))
		close(block)
		synctest.Wait()
		refused := 0
		for _, line := range w.taken() {
			if line == fmt.Sprint("acknowledge ", uint8(mobility.StatusInsufficientResources), " 1") {
				refused++
			}
		}
		if refused != 2 {
			t.Errorf("%d registrations refused, want 2", refused)
		}
	})
}

// Registrations that are under way when the daemon stops come to their end.
func TestStopWaitsForWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache, err := bindingcache.New(bindingcache.Config{
			Authority: everyone{}, HomeAgents: []netip.Addr{agent}, HomeLink: bindingcache.VirtualHomeLink,
			Prefixes: []bindingcache.HomePrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		block := make(chan struct{})
		w := &world{fail: map[string]error{}, block: map[string]chan struct{}{"store": block}}
		r := registrar.New(cache, w, w, 5*time.Second, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		r.Handle(update(away, 1, 100))
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case <-ended:
			t.Error("Run ended while a binding was being stored")
		default:
		}
		close(block)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		expect(t, w, "the end", "store 2001:db8:2::100 1", "program 2001:db8:2::100", "acknowledge 0 1")
		r.Handle(update(away, 2, 100))
		expect(t, w, "after the end")
	})
}
