package discovery_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/discovery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// unasked is a server that tells who has not asked.
func unasked(t *testing.T, test func(b *bench)) {
	t.Helper()
	tryWith(t, discovery.Config{Links: []discovery.Link{physical()}, MinInterval: 10 * time.Minute, MaxInterval: 24 * time.Hour}, test)
}

// told counts the advertisements that were sent to the home address at its care-of
// address, which nobody had asked for.
func (b *bench) told() int {
	b.t.Helper()
	synctest.Wait()
	n := 0
	for _, o := range b.sent() {
		m, err := message.Parse(o.Payload)
		a, ok := m.(*message.PrefixAdvertisement)
		if err != nil || !ok || a.ID != 0 || o.CareOf != careOf || o.Source != agent {
			b.t.Errorf("sent %+v", o)
		}
		if o.Destination == home {
			n++
		}
	}
	return n
}

func (b *bench) acknowledge() {
	b.t.Helper()
	solicitation := rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}
	if sent := b.arrive(solicitation, &message.PrefixSolicitation{ID: 7}); len(sent) != 1 {
		b.t.Errorf("answered by %+v", sent)
	}
}

func (b *bench) expectTold(step string, wait time.Duration, want int) {
	b.t.Helper()
	time.Sleep(wait)
	if got := b.told(); got != want {
		b.t.Errorf("%s: told %d times, want %d", step, got, want)
	}
}

const day = 24 * time.Hour

func TestH43_NewBindingIsTold(t *testing.T) {
	unasked(t, func(b *bench) {
		b.Bound(home)
		b.expectTold("soon", 10*time.Minute-time.Second, 0)
		b.expectTold("in time, and repeated", day, 4)
		b.Bound(home)
		b.expectTold("registered again", 2*time.Second, 1)
		b.acknowledge() // a moment after
		b.expectTold("acknowledged", day, 0)
	})
}

// News that do not end must not keep anybody from being told.
func TestH43_NewsKeepNobodyWaiting(t *testing.T) {
	unasked(t, func(b *bench) {
		b.Bound(home)
		b.expectTold("not acknowledged", day, 4)
		b.Bound(home)
		got := 0
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			b.Bound(home.Next())
			got += len(b.arrive(rawsocket.Packet{Source: careOf, HomeAddress: home.Next(), Destination: agent}, &message.PrefixSolicitation{ID: 7}))
		}
		if got != 1 {
			t.Errorf("told %d times within 2 s of registering again, want 1", got)
		}
	})
}

func TestH43_UnboundIsNotTold(t *testing.T) {
	unasked(t, func(b *bench) {
		b.Bound(home)
		b.Unbound(home)
		b.expectTold("not bound any more", 2*day, 0)
		b.Bound(home)
		b.bindings.Delete(home) // before anybody tells
		b.expectTold("not bound in truth", 2*day, 0)
	})
}

func TestH43_ChangesAreTold(t *testing.T) {
	unasked(t, func(b *bench) {
		b.Bound(home)
		b.acknowledge()
		link := physical()
		if err := b.Reconfigure([]discovery.Link{link}); err != nil {
			t.Fatal(err)
		}
		b.expectTold("nothing changed", day, 0)
		b.acknowledge()
		link.Prefixes = slices.Clone(link.Prefixes)
		link.Prefixes[0].Preferred = lifetime.For(time.Hour)
		if err := b.Reconfigure([]discovery.Link{link}); err != nil {
			t.Fatal(err)
		}
		b.expectTold("within the preferred lifetime", time.Hour, 4)
		sent := b.arrive(rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}, &message.PrefixSolicitation{})
		m, err := message.Parse(sent[0].Payload)
		if err != nil || m.(*message.PrefixAdvertisement).Prefixes[0].Preferred != time.Hour {
			t.Errorf("answered %+v, error %v", m, err)
		}
	})
}

func TestReconfigureRefuses(t *testing.T) {
	unasked(t, func(b *bench) {
		wrong := physical()
		wrong.HomeAgents = []netip.Addr{careOf}
		for _, links := range [][]discovery.Link{nil, {physical(), physical()}, {wrong}} {
			if err := b.Reconfigure(links); err == nil {
				t.Errorf("%+v was taken", links)
			}
		}
	})
}

// Many are told one after the other, and whoever cannot be told is tried again.
func TestH43_ManyAreTold(t *testing.T) {
	tryWith(t, discovery.Config{Links: []discovery.Link{physical()}, MinInterval: time.Hour, MaxInterval: time.Hour}, func(b *bench) {
		a := home
		for range 200 {
			b.bind(a, discovery.Binding{CareOf: careOf, HomeAgent: agent})
			b.Bound(a)
			a = a.Next()
		}
		time.Sleep(time.Hour)
		var counts []int
		for range 4 {
			synctest.Wait()
			counts = append(counts, len(b.sent()))
			time.Sleep(100 * time.Millisecond)
		}
		if !slices.Equal(counts, []int{64, 64, 64, 8}) {
			t.Errorf("told %v at a time", counts)
		}
	})
}

// Registrations do not wait for what is being sent.
func TestH43_RegistrationsDoNotWait(t *testing.T) {
	unasked(t, func(b *bench) {
		gone := netip.MustParseAddr("2001:db8:1::200")
		b.socket.sending = func() { // if one waited, it would be for ever
			b.Bound(gone)
			b.Unbound(gone)
		}
		b.Bound(home)
		b.expectTold("and repeated", day, 4)
	})
}
