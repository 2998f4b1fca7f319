package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/discovery/delivery"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	home  = netip.MustParseAddr("2001:db8:1::100")
	other = netip.MustParseAddr("2001:db8:1::200")
)

const (
	shortest = 10 * time.Minute
	longest  = 24 * time.Hour
)

// A course is a Schedule over time, with half of what chance may add.
type course struct {
	*delivery.Schedule
	t         *testing.T
	now       time.Time
	preferred time.Duration
}

func newCourse(t *testing.T, cfg delivery.Config) *course {
	cfg.Random = func(n time.Duration) time.Duration { return n / 2 }
	return &course{delivery.New(cfg), t, start, 365 * 24 * time.Hour}
}

func usual(t *testing.T) *course { return newCourse(t, delivery.Config{Min: shortest, Max: longest}) }

func (c *course) left(netip.Addr) time.Duration { return c.preferred }

func (c *course) bound(home netip.Addr) { c.Bound(home, c.left, c.now) }

func (c *course) changed() {
	c.Changed(func(a netip.Addr) bool { return a == home }, c.left, c.now)
}

// until lets time pass and returns what was sent, to whom and when since the start.
func (c *course) until(end time.Duration) (sent []string) {
	c.t.Helper()
	for range 1000 {
		next, wait := c.Next()
		if !wait || next.After(start.Add(end)) {
			c.now = start.Add(end)
			return sent
		}
		c.now = next
		for _, a := range c.Due(next, 10, c.left) {
			sent = append(sent, fmt.Sprintf("%s %s", next.Sub(start), a))
		}
	}
	c.t.Fatal("there is no end")
	return nil
}

func (c *course) expect(end time.Duration, want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.until(end)); diff != "" {
		c.t.Errorf("until %s (-want +got):\n%s", end, diff)
	}
}

// first is RAND_ADV_DELAY with half of what chance may add.
const first = shortest + (longest-shortest)/2

func to(home netip.Addr, at ...time.Duration) (sent []string) {
	for _, d := range at {
		sent = append(sent, fmt.Sprintf("%s %s", d, home))
	}
	return sent
}

func TestH43_RepeatedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	c := usual(t)
	c.bound(home)
	c.expect(first-time.Second, to(home)...)
	c.expect(first+9*time.Second, to(home, first, first+3*time.Second, first+9*time.Second)...)
	c.Told(home, c.now)
	c.expect(first + longest)
}

func TestH43_AbandonedUntilRegistered(t *testing.T) {
	t.Parallel()
	c := usual(t)
	c.bound(home)
	given := first + 21*time.Second
	c.expect(first+time.Hour, to(home, first, first+3*time.Second, first+9*time.Second, given)...)
	c.bound(home)
	c.expect(first+time.Hour+time.Second, to(home, first+time.Hour)...)
	c.Told(home, c.now)
	c.bound(home) // nothing is outstanding
	c.expect(first + 2*time.Hour)
}

// Whoever has not been told for MaxMobPfxAdvInterval is told again.
func TestH43_ToldAgainAfterLong(t *testing.T) {
	t.Parallel()
	c := usual(t)
	c.bound(home)
	c.Told(home, c.now)
	c.expect(longest+first, to(home, longest+first)...)
	c = usual(t)
	c.bound(home)
	c.until(first + time.Hour)
	again := first + 21*time.Second + longest + first
	c.expect(again, to(home, again)...)
}

func TestH43_Changes(t *testing.T) {
	t.Parallel()
	c := usual(t)
	c.bound(home)
	c.until(time.Hour)
	c.changed() // is scheduled already
	c.expect(first+2*time.Second, to(home, first)...)
	c.changed() // replaces what is outstanding
	c.expect(2*first+2*time.Second, to(home, 2*first+2*time.Second)...)
	c.Told(home, c.now)
	c.changed()
	c.expect(3*first + 2*time.Second - time.Nanosecond)
	c.expect(3*first+2*time.Second, to(home, 3*first+2*time.Second)...)
}

func TestH43_ChangesConcernSome(t *testing.T) {
	t.Parallel()
	c := usual(t)
	for _, a := range []netip.Addr{home, other} {
		c.bound(a)
		c.Told(a, c.now)
	}
	c.changed()
	c.expect(first, to(home, first)...)
}

func TestH43_UnboundIsCancelled(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, first, first + time.Hour} {
		c := usual(t)
		c.bound(home)
		c.until(after)
		c.Unbound(home)
		c.Unbound(home)
		c.Told(home, c.now)
		c.changed()
		if c.Len() != 0 {
			t.Errorf("after %s: %d mobile nodes are left", after, c.Len())
		}
		c.expect(1000 * time.Hour)
	}
}

// RAND_ADV_DELAY keeps to the preferred lifetime as far as the formula does.
func TestH43_Delay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		min, max, preferred, want time.Duration
	}{
		{shortest, longest, 365 * 24 * time.Hour, first},
		{shortest, longest, 30 * time.Minute, 20 * time.Minute},
		{shortest, longest, shortest, shortest},
		{shortest, longest, 0, 15 * time.Minute},
		{shortest, shortest, time.Hour, shortest},
	} {
		c := newCourse(t, delivery.Config{Min: tt.min, Max: tt.max})
		c.preferred = tt.preferred
		c.bound(home)
		if at, _ := c.Next(); at.Sub(start) != tt.want {
			t.Errorf("%+v: after %s", tt, at.Sub(start))
		}
	}
}

func TestNobodyIsToldUnasked(t *testing.T) {
	t.Parallel()
	c := newCourse(t, delivery.Config{Min: shortest})
	c.bound(home)
	c.Told(home, c.now)
	c.changed()
	c.expect(1000 * time.Hour)
}

func TestDueIsLimited(t *testing.T) {
	t.Parallel()
	c := usual(t)
	a := home
	for range 25 {
		c.bound(a)
		a = a.Next()
	}
	var counts []int
	for range 4 {
		counts = append(counts, len(c.Due(start.Add(first), 10, c.left)))
	}
	if !slices.Equal(counts, []int{10, 10, 5, 0}) {
		t.Errorf("sent to %v", counts)
	}
}

// Whatever happens, nobody without a binding is sent to, and what is due is never left
// behind.
func TestRandomCourse(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	below := func(n time.Duration) time.Duration { return time.Duration(random.Int64N(int64(n))) }
	s := delivery.New(delivery.Config{Min: shortest, Max: longest, Random: below})
	left := func(netip.Addr) time.Duration { return below(48 * time.Hour) }
	bound, now, sent := map[netip.Addr]bool{}, start, 0
	for range 20000 {
		who := netip.AddrFrom16([16]byte{0x20, 1, 15: byte(random.IntN(20))})
		now = now.Add(below(time.Hour))
		switch random.IntN(6) {
		case 0:
			s.Bound(who, left, now)
			bound[who] = true
		case 1:
			s.Unbound(who)
			delete(bound, who)
		case 2:
			s.Told(who, now)
		case 3:
			s.Changed(func(a netip.Addr) bool { return a == who }, left, now)
		default:
			for _, a := range s.Due(now, 100, left) {
				sent++
				if !bound[a] {
					t.Fatalf("%s was sent to without a binding", a)
				}
			}
			if next, wait := s.Next(); wait && !next.After(now) {
				t.Fatalf("at %s the next is due at %s", now, next)
			}
		}
		if s.Len() != len(bound) {
			t.Fatalf("%d mobile nodes, want %d", s.Len(), len(bound))
		}
	}
	if sent < 100 {
		t.Errorf("only %d were sent, which tries little", sent)
	}
}
