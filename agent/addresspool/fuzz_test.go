package addresspool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/addresspool"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// trial is a pool so small that everything happens to it: two ranges in one
// prefix, and a prefix of eight addresses.
func trial() addresspool.Config {
	home, tiny := prefix("2001:db8:1::/64"), prefix("2001:db8:2::8/125")
	random := rand.New(rand.NewPCG(1, 2))
	return addresspool.Config{
		Prefixes: []addresspool.Prefix{
			{Prefix: home, First: addr("2001:db8:1::"), Last: addr("2001:db8:1::4")},
			{Prefix: home, First: addr("2001:db8:1::20"), Last: addr("2001:db8:1::22")},
			{Prefix: tiny, First: addr("2001:db8:2::8"), Last: addr("2001:db8:2::f")},
		},
		Reserved:    []netip.Addr{addr("2001:db8:1::1"), addr("2001:db8:2::9")},
		HoldDown:    time.Minute,
		RememberMax: 4,
		Random:      random.Uint64,
	}
}

// places are addresses to claim: all of the ranges and some beside them.
func places() (all []netip.Addr) {
	for _, p := range trial().Prefixes {
		for a := p.First; a.Compare(p.Last) <= 0; a = a.Next() {
			all = append(all, a)
		}
	}
	return append(all, addr("2001:db8:1::77"), addr("2001:db8:1::78"), addr("2001:db8:3::1"), addr("192.0.2.1"), netip.Addr{})
}

// A pair is a pool and its model, to which the same things happen.
type pair struct {
	t     *testing.T
	pool  *addresspool.Pool
	model *model
	now   time.Time
	last  struct {
		pool  addresspool.Claim
		model given
	}
}

func newPair(t *testing.T) *pair {
	t.Helper()
	pool, err := addresspool.New(trial())
	if err != nil {
		t.Fatal(err)
	}
	return &pair{t: t, pool: pool, model: newModel(trial()), now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
}

// step does what an operation and its argument say.
func (p *pair) step(operation, argument byte) {
	user := fmt.Sprintf("mn%d", argument%24)
	all := places()
	place := all[int(argument)%len(all)]
	switch operation % 9 {
	case 0, 1:
		p.assign(user)
	case 2:
		p.claim(fmt.Sprintf("mn%d", operation/8%24), place)
	case 3:
		lease, ok := p.pool.Release(user, p.now)
		if want := p.model.release(user, p.now); ok != want || ok && (lease.UserName != user || !lease.Released.Equal(p.now)) {
			p.t.Errorf("Release(%s) = %v, %v, want %v", user, lease, ok, want)
		}
	case 4:
		p.pool.Undo(p.last.pool)
		p.model.undo(p.last.model)
	case 5:
		p.pool.Avoid(place, p.now)
		p.model.avoid(place, p.now)
	case 6:
		p.now = p.now.Add(time.Duration(argument) * time.Second)
	case 7:
		if argument%16 == 0 {
			p.restart()
			return
		}
		p.pool.Withhold(p.last.pool)
		p.model.withhold(p.last.model)
	case 8:
		p.pool.Free(user, p.now)
		p.model.free(user, p.now)
	}
}

func (p *pair) assign(user string) {
	candidates := p.model.candidates(user, p.now)
	c, err := p.pool.Assign(user, p.now)
	if len(candidates) == 0 {
		if !errors.Is(err, addresspool.Exhausted) {
			p.t.Errorf("Assign(%s) = %v, %v, want Exhausted", user, c.Address, err)
		}
		return
	}
	if err != nil || c.UserName != user || !slices.Contains(candidates, c.Address) {
		p.t.Fatalf("Assign(%s) = %v, %v, want one of %v", user, c.Address, err, candidates)
	}
	p.last.pool, p.last.model = c, p.model.assigned(user, c.Address, p.now)
}

func (p *pair) claim(user string, place netip.Addr) {
	g, want := p.model.claim(user, place, p.now)
	c, err := p.pool.Claim(user, place, p.now)
	var got addresspool.Refusal
	if err != nil && !errors.As(err, &got) || got != want {
		p.t.Fatalf("Claim(%s, %s) = %v, want %v", user, place, err, want)
	}
	if err == nil {
		p.last.pool, p.last.model = c, g
	}
}

// restart makes a new pool of what a caller would have kept. Leases that are
// nobody's newest and not held down are lost, from the model too.
func (p *pair) restart() {
	pool, err := addresspool.New(trial())
	if err != nil {
		p.t.Fatal(err)
	}
	kept := p.model.kept(p.now)
	if err := pool.Restore(kept); err != nil {
		p.t.Fatalf("Restore: %v", err)
	}
	// Those released first come first, and at the same time in the order given.
	slices.SortStableFunc(kept, func(a, b addresspool.Lease) int {
		if a.Released.IsZero() != b.Released.IsZero() {
			return b.Released.Compare(a.Released)
		}
		return a.Released.Compare(b.Released)
	})
	p.pool, p.model = pool, newModel(trial())
	for _, l := range kept {
		g := p.model.give(l.UserName, l.Address, time.Time{})
		if !l.Released.IsZero() {
			p.model.let(g.taken, l.Released)
		}
	}
	p.last.pool, p.last.model = addresspool.Claim{}, given{}
}

// agree compares all that can be seen.
func (p *pair) agree() {
	p.t.Helper()
	for n := range 24 {
		user := fmt.Sprintf("mn%d", n)
		got, ok := p.pool.Lease(user)
		var want addresspool.Lease
		if h := p.model.newest[user]; h != nil {
			want = h.view()
		}
		if got != want || ok != (want.UserName != "") {
			p.t.Fatalf("Lease(%s) = %v, want %v", user, got, want)
		}
		p.agreeOnFormer(user)
	}
	want := []addresspool.Usage{
		p.model.usage(prefix("2001:db8:1::/64"), p.now),
		p.model.usage(prefix("2001:db8:2::8/125"), p.now),
	}
	// An undone claim can stand behind leases released after it: then what is
	// still held down is counted only up to there.
	ignore := cmpopts.IgnoreFields(addresspool.Usage{}, "HeldDown", "Remembered")
	if diff := cmp.Diff(want, p.pool.Usage(p.now), ignore, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		p.t.Fatalf("Usage (-want +got):\n%s", diff)
	}
	for i, u := range p.pool.Usage(p.now) {
		if u.HeldDown+u.Remembered != want[i].HeldDown+want[i].Remembered {
			p.t.Fatalf("Usage counts %d and %d released leases, want %d and %d", u.HeldDown, u.Remembered, want[i].HeldDown, want[i].Remembered)
		}
	}
}

func (p *pair) agreeOnFormer(user string) {
	p.t.Helper()
	got, want := p.pool.Former(user, p.now), p.model.former(user, p.now)
	if len(got)+len(want) == 0 {
		return // as almost always, and cmp is slow
	}
	if diff := cmp.Diff(want, got, sameLeases); diff != "" {
		p.t.Fatalf("Former(%s) (-want +got):\n%s", user, diff)
	}
}

// sameLeases compares leases, in any order.
var sameLeases = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmpopts.SortSlices(func(a, b addresspool.Lease) bool { return a.Address.Less(b.Address) }),
}

// FuzzPool does what the octets say to a pool and to its model: one for the
// operation, one for its argument.
func FuzzPool(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 3, 1, 6, 61, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 10, 0, 11, 0, 12, 0, 13, 0, 14, 0, 15, 0, 16})
	f.Add([]byte{2, 1, 2, 2, 4, 0, 10, 9, 2, 17, 4, 0, 7, 0, 0, 0})
	f.Add([]byte{0, 0, 5, 2, 5, 3, 5, 4, 3, 0, 0, 0, 6, 90, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := newPair(t)
		for len(script) >= 2 && len(script) < 4096 {
			p.step(script[0], script[1])
			p.agree()
			script = script[2:]
		}
	})
}

// TestPoolLikeItsModel runs long random scripts, which fuzzing reaches late.
func TestPoolLikeItsModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := newPair(t)
		for range 1000 {
			p.step(byte(random.Uint32()), byte(random.Uint32()))
			p.agree()
		}
	}
}
