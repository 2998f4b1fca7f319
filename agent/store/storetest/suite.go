package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"homeagent/agent/store"
)

// Run tests that a store keeps the contract of store.Store. open makes an empty
// one; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, st store.Store)
	}{
		{"EmptyStore", emptyStore},
		{"EveryFieldComesBack", everyField},
		{"ZeroFieldsComeBack", zeroFields},
		{"PutReplaces", putReplaces},
		{"DeleteRemovesOnlyItsOwn", deleteRemoves},
		{"ChangesApplyInOrder", changesInOrder},
		{"RefusedChangeKeepsTheWholeCallOut", refusedChange},
		{"EndedContextWritesNothing", endedContext},
		{"CallerKeepsItsSlices", callersSlices},
		{"CallbackErrorStops", callbackError},
		{"ConcurrentCalls", concurrentCalls},
		{"Closed", closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := open(t)
			tt.test(t, st)
			if err := st.Close(); err != nil && tt.name != "Closed" {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// RunDurable tests that a store that outlives its process does. open opens the
// same store each time it is called in one test, empty at first.
func RunDurable(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	first := open(t)
	for n := range 100 {
		apply(t, first, store.PutSession{Session: Session(n)}, store.PutLease{Lease: Lease(n)}, store.PutBinding{Binding: Binding(n)})
	}
	apply(t, first, store.DeleteSession{UserName: user(7)}, store.DeleteBinding{HomeAddress: Session(8).HomeAddress})
	want, meta := Take(t, first), first.Meta()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t)
	defer second.Close()
	if diff := Diff(want, Take(t, second)); diff != "" {
		t.Errorf("after opening it again (-want +got):\n%s", diff)
	}
	if diff := Diff(meta, second.Meta()); diff != "" {
		t.Errorf("Meta after opening it again (-want +got):\n%s", diff)
	}
}

func apply(t *testing.T, st store.Store, changes ...store.Change) {
	t.Helper()
	if err := st.Apply(t.Context(), changes...); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func holds(t *testing.T, st store.Store, want Snapshot) {
	t.Helper()
	if diff := Diff(want, Take(t, st)); diff != "" {
		t.Errorf("the store holds (-want +got):\n%s", diff)
	}
}

func emptyStore(t *testing.T, st store.Store) {
	holds(t, st, Snapshot{})
	apply(t, st)
	m := st.Meta()
	if m.OriginStateID == 0 || m.Version == 0 || time.Since(m.CreatedAt) > time.Hour {
		t.Errorf("Meta = %+v", m)
	}
}

func everyField(t *testing.T, st store.Store) {
	configured := Session(4)
	configured.Configured, configured.Manual, configured.PSK = true, true, store.Session{}.PSK
	apply(t, st, store.PutSession{Session: Session(1)}, store.PutSession{Session: configured}, store.PutLease{Lease: Lease(2)}, store.PutBinding{Binding: Binding(3)})
	holds(t, st, Snapshot{
		Sessions: map[string]store.Session{user(1): Session(1), user(4): configured},
		Leases:   map[string]store.Lease{user(2): Lease(2)},
		Bindings: map[netip.Addr]store.Binding{Binding(3).HomeAddress: Binding(3)},
	})
}

func zeroFields(t *testing.T, st store.Store) {
	full := Session(1)
	s := store.Session{UserName: "ユーザ@例え.jp", HomeAddress: full.HomeAddress, HomeAgent: full.HomeAgent, PSK: full.PSK}
	l := store.Lease{UserName: s.UserName, Address: s.HomeAddress}
	keyOnly := store.Lease{UserName: user(2), LastKey: Lease(2).LastKey}
	b := store.Binding{HomeAddress: s.HomeAddress, HomeAgent: s.HomeAgent}
	apply(t, st, store.PutSession{Session: s}, store.PutLease{Lease: l}, store.PutLease{Lease: keyOnly}, store.PutBinding{Binding: b})
	holds(t, st, Snapshot{
		Sessions: map[string]store.Session{s.UserName: s},
		Leases:   map[string]store.Lease{s.UserName: l, user(2): keyOnly},
		Bindings: map[netip.Addr]store.Binding{s.HomeAddress: b},
	})
}

func putReplaces(t *testing.T, st store.Store) {
	apply(t, st, store.PutSession{Session: Session(1)}, store.PutLease{Lease: Lease(1)}, store.PutBinding{Binding: Binding(1)})
	s, l, b := Session(2), Lease(2), Binding(2)
	s.UserName, l.UserName, b.HomeAddress = user(1), user(1), Binding(1).HomeAddress
	b.Prefixes = nil
	apply(t, st, store.PutSession{Session: s}, store.PutLease{Lease: l}, store.PutBinding{Binding: b})
	holds(t, st, Snapshot{
		Sessions: map[string]store.Session{user(1): s},
		Leases:   map[string]store.Lease{user(1): l},
		Bindings: map[netip.Addr]store.Binding{b.HomeAddress: b},
	})
}

func deleteRemoves(t *testing.T, st store.Store) {
	for n := range 3 {
		apply(t, st, store.PutSession{Session: Session(n)}, store.PutLease{Lease: Lease(n)}, store.PutBinding{Binding: Binding(n)})
	}
	for range 2 { // the second time there is nothing to delete
		apply(t, st, store.DeleteSession{UserName: user(0)}, store.DeleteLease{UserName: user(1)},
			store.DeleteBinding{HomeAddress: Binding(2).HomeAddress})
	}
	holds(t, st, Snapshot{
		Sessions: map[string]store.Session{user(1): Session(1), user(2): Session(2)},
		Leases:   map[string]store.Lease{user(0): Lease(0), user(2): Lease(2)},
		Bindings: map[netip.Addr]store.Binding{Binding(0).HomeAddress: Binding(0), Binding(1).HomeAddress: Binding(1)},
	})
}

func changesInOrder(t *testing.T, st store.Store) {
	apply(t, st, store.PutSession{Session: Session(1)}, store.DeleteSession{UserName: user(1)},
		store.DeleteLease{UserName: user(1)}, store.PutLease{Lease: Lease(1)})
	holds(t, st, Snapshot{Leases: map[string]store.Lease{user(1): Lease(1)}})
}

// refusals are changes that no store takes.
func refusals() map[string]store.Change {
	session := func(change func(*store.Session)) store.Change {
		s := Session(1)
		change(&s)
		return store.PutSession{Session: s}
	}
	return map[string]store.Change{
		"no user":                 session(func(s *store.Session) { s.UserName = "" }),
		"long user":               session(func(s *store.Session) { s.UserName = strings.Repeat("x", store.MaxUserName+1) }),
		"no key":                  session(func(s *store.Session) { s.PSK = store.Session{}.PSK }),
		"the configuration's key": session(func(s *store.Session) { s.Configured = true }),
		"no home address":         session(func(s *store.Session) { s.HomeAddress = netip.Addr{} }),
		"IPv4 home agent":         session(func(s *store.Session) { s.HomeAgent = netip.MustParseAddr("192.0.2.1") }),
		"mapped address":          session(func(s *store.Session) { s.HomeAddress = netip.MustParseAddr("::ffff:192.0.2.1") }),
		"zone":                    session(func(s *store.Session) { s.HomeAddress = netip.MustParseAddr("fe80::1%eth0") }),
		"lease of nobody":         store.PutLease{Lease: store.Lease{Address: address(1, 1)}},
		"lease of nothing":        store.PutLease{Lease: store.Lease{UserName: user(1)}},
		"nothing former":          store.PutLease{Lease: store.Lease{UserName: user(1), Address: address(1, 1), Former: []store.Former{{}}}},
		"binding of nobody":       store.PutBinding{},
		"no session":              store.DeleteSession{},
		"no lease":                store.DeleteLease{},
		"no binding":              store.DeleteBinding{},
	}
}

func refusedChange(t *testing.T, st store.Store) {
	for name, change := range refusals() {
		err := st.Apply(t.Context(), store.PutSession{Session: Session(1)}, change, store.PutLease{Lease: Lease(1)})
		if err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	holds(t, st, Snapshot{})
}

func endedContext(t *testing.T, st store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Apply(ctx, store.PutSession{Session: Session(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply = %v, want context.Canceled", err)
	}
	holds(t, st, Snapshot{})
}

func callersSlices(t *testing.T, st store.Store) {
	b, l := Binding(1), Lease(2)
	apply(t, st, store.PutBinding{Binding: b}, store.PutLease{Lease: l})
	b.Prefixes[0] = netip.MustParsePrefix("2001:db8:ffff::/48")
	l.Former[0].Address = address(9, 9)
	holds(t, st, Snapshot{
		Leases:   map[string]store.Lease{l.UserName: Lease(2)},
		Bindings: map[netip.Addr]store.Binding{b.HomeAddress: Binding(1)},
	})
}

func callbackError(t *testing.T, st store.Store) {
	for n := range 3 {
		apply(t, st, store.PutSession{Session: Session(n)}, store.PutLease{Lease: Lease(n)}, store.PutBinding{Binding: Binding(n)})
	}
	enough, calls := errors.New("enough"), 0
	stop := func() error { calls++; return enough }
	for name, err := range map[string]error{
		"Sessions": st.Sessions(func(store.Session) error { return stop() }),
		"Leases":   st.Leases(func(store.Lease) error { return stop() }),
		"Bindings": st.Bindings(func(store.Binding) error { return stop() }),
	} {
		if !errors.Is(err, enough) {
			t.Errorf("%s = %v, want the callback's error", name, err)
		}
	}
	if calls != 3 {
		t.Errorf("%d calls after errors, want 3", calls)
	}
}

// Every call is complete or absent, also for whoever reads meanwhile.
func concurrentCalls(t *testing.T, st store.Store) {
	const callers, each = 16, 20
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				n := c*each + i
				err := st.Apply(t.Context(), store.PutSession{Session: Session(n)}, store.PutLease{Lease: Lease(n)})
				if err != nil {
					t.Errorf("Apply: %v", err)
				}
				if i%2 == 1 {
					err = st.Apply(t.Context(), store.DeleteSession{UserName: user(n)}, store.DeleteLease{UserName: user(n)})
				} else {
					err = st.Apply(t.Context(), store.PutSession{}) // refused, and nobody else's trouble
				}
				if (err == nil) != (i%2 == 1) {
					t.Errorf("Apply: %v", err)
				}
			}
		})
	}
	wg.Wait()
	want := Snapshot{Sessions: map[string]store.Session{}, Leases: map[string]store.Lease{}}
	for n := range callers * each {
		if n%each%2 == 0 {
			want.Sessions[user(n)], want.Leases[user(n)] = Session(n), Lease(n)
		}
	}
	holds(t, st, want)
}

func closed(t *testing.T, st store.Store) {
	meta := st.Meta()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := st.Apply(t.Context(), store.PutSession{Session: Session(1)}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Apply after Close = %v, want ErrClosed", err)
	}
	if st.Meta() != meta {
		t.Errorf("Meta after Close = %+v, was %+v", st.Meta(), meta)
	}
}

// Fill writes count sample sessions with their leases, many in one call.
func Fill(t testing.TB, st store.Store, count int) {
	t.Helper()
	var changes []store.Change
	for n := range count {
		changes = append(changes, store.PutSession{Session: Session(n)}, store.PutLease{Lease: Lease(n)})
		if len(changes) >= 2000 || n == count-1 {
			if err := st.Apply(context.Background(), changes...); err != nil {
				t.Fatal(fmt.Errorf("filling the store: %w", err))
			}
			changes = changes[:0]
		}
	}
}
