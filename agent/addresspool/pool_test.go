package addresspool_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeagent/agent/addresspool"
)

var (
	start = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	home  = prefix("2001:db8:1::/64")
)

func newPool(t testing.TB, cfg addresspool.Config) *addresspool.Pool {
	t.Helper()
	p, err := addresspool.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func whole() addresspool.Config {
	return addresspool.Config{Prefixes: []addresspool.Prefix{{Prefix: home}}, HoldDown: time.Minute}
}

// few is a pool of the addresses ::1 to ::n.
func few(n int) addresspool.Config {
	cfg := whole()
	cfg.Prefixes[0].First = addr("2001:db8:1::1")
	cfg.Prefixes[0].Last = addr(fmt.Sprintf("2001:db8:1::%x:%x", n>>16, n&0xffff))
	return cfg
}

func assign(t testing.TB, p *addresspool.Pool, user string, now time.Time) netip.Addr {
	t.Helper()
	c, err := p.Assign(user, now)
	if err != nil {
		t.Fatalf("Assign(%s): %v", user, err)
	}
	return c.Address
}

func TestAssignIsStickyAcrossRelease(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	first := assign(t, p, "mn1", start)
	if again := assign(t, p, "mn1", start); again != first {
		t.Errorf("in use: %s, then %s", first, again)
	}
	p.Release("mn1", start)
	for n := range 1000 {
		assign(t, p, fmt.Sprint("other", n), start)
	}
	if again := assign(t, p, "mn1", start.Add(time.Second)); again != first {
		t.Errorf("within the hold-down: %s, then %s", first, again)
	}
	p.Release("mn1", start)
	if again := assign(t, p, "mn1", start.Add(1000*time.Hour)); again != first {
		t.Errorf("long after: %s, then %s", first, again)
	}
}

// A range is given out to its last address, each once, and none of those that
// are reserved.
func TestSmallRangeFills(t *testing.T) {
	t.Parallel()
	cfg := few(200)
	cfg.Reserved = []netip.Addr{addr("2001:db8:1::1"), addr("2001:db8:1::64")}
	p := newPool(t, cfg)
	if u := p.Usage(start); u[0].Size != 198 {
		t.Errorf("Usage counts %d addresses, want 198", u[0].Size)
	}
	seen := map[netip.Addr]bool{}
	for n := range 198 {
		a := assign(t, p, fmt.Sprint("mn", n), start)
		if seen[a] || slices.Contains(cfg.Reserved, a) || a.Less(cfg.Prefixes[0].First) || cfg.Prefixes[0].Last.Less(a) {
			t.Errorf("user %d was given %s", n, a)
		}
		seen[a] = true
	}
	if _, err := p.Assign("one too many", start); !errors.Is(err, addresspool.Exhausted) {
		t.Errorf("Assign when full: %v, want Exhausted", err)
	}
}

// The space of released leases is taken when it is needed, the longest released
// first, and not before its hold-down is over.
func TestReleasedFirstIsReusedFirst(t *testing.T) {
	t.Parallel()
	p := newPool(t, few(3))
	a, b, c := assign(t, p, "a", start), assign(t, p, "b", start), assign(t, p, "c", start)
	p.Release("b", start)
	p.Release("a", start.Add(time.Second))
	if _, err := p.Assign("d", start.Add(59*time.Second)); !errors.Is(err, addresspool.Exhausted) {
		t.Errorf("while all is held down: %v, want Exhausted", err)
	}
	if got := assign(t, p, "d", start.Add(time.Minute)); got != b {
		t.Errorf("d was given %s, want %s of b", got, b)
	}
	if got := p.Forgotten(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("Forgotten = %v, want b", got)
	}
	if got := p.Forgotten(); got != nil {
		t.Errorf("Forgotten again = %v", got)
	}
	if _, err := p.Assign("b", start.Add(time.Minute)); !errors.Is(err, addresspool.Exhausted) {
		t.Errorf("b, whose address is gone: %v, want Exhausted", err)
	}
	if got := assign(t, p, "b", start.Add(61*time.Second)); got != a {
		t.Errorf("b was given %s, want %s of a", got, a)
	}
	if got := assign(t, p, "c", start.Add(time.Hour)); got != c {
		t.Errorf("c has %s, had %s", got, c)
	}
}

func TestClaimRefusals(t *testing.T) {
	t.Parallel()
	cfg := whole()
	cfg.Prefixes[0].First, cfg.Prefixes[0].Last = addr("2001:db8:1::1000"), addr("2001:db8:1::1fff")
	cfg.Reserved = []netip.Addr{addr("2001:db8:1::1")}
	p := newPool(t, cfg)
	claim := func(user, a string) error {
		_, err := p.Claim(user, addr(a), start)
		return err
	}
	for _, a := range []string{"2001:db8:1::1004", "2001:db8:1::5"} { // in the range, and beside it
		if err := claim("owner of "+a, a); err != nil {
			t.Errorf("claiming %s: %v", a, err)
		}
	}
	if err := claim("gone", "2001:db8:1::1005"); err != nil {
		t.Error(err)
	}
	p.Release("gone", start)
	p.Avoid(addr("2001:db8:1::1006"), start)
	for _, tt := range []struct {
		user, address string
		want          addresspool.Refusal
	}{
		{"mn", "2001:db8:2::5", addresspool.NotServed},
		{"mn", "fe80::5", addresspool.NotServed},
		{"mn", "192.0.2.1", addresspool.NotServed},
		{"mn", "::ffff:192.0.2.1", addresspool.NotServed},
		{"mn", "2001:db8:1::5%eth0", addresspool.NotServed},
		{"mn", "2001:db8:1::", addresspool.Reserved},
		{"mn", "2001:db8:1::1", addresspool.Reserved},
		{"mn", "2001:db8:1:0:fdff:ffff:ffff:fffe", addresspool.Reserved},
		{"mn", "2001:db8:1::1004", addresspool.OtherUser},
		{"mn", "2001:db8:1::5", addresspool.OtherUser},
		{"mn", "2001:db8:1::1005", addresspool.HeldDown},
		{"mn", "2001:db8:1::1006", addresspool.InUse},
		{"owner of 2001:db8:1::5", "2001:db8:1::5", 0},
		{"gone", "2001:db8:1::1005", 0},
	} {
		err := claim(tt.user, tt.address)
		if got, _ := err.(addresspool.Refusal); got != tt.want {
			t.Errorf("%s claiming %s: %v, want %v", tt.user, tt.address, err, tt.want)
		}
	}
	if _, ok := p.Lease("mn"); ok {
		t.Error("a refused user has a lease")
	}
	if _, err := p.Claim("mn", addr("2001:db8:1::1006"), start.Add(time.Minute)); err != nil {
		t.Errorf("claiming an address that was avoided long enough: %v", err)
	}
}

// A user that moves to an address of the AAA server's choice leaves the former
// one held down (RFC 5026 section 5.3.2); undoing the move restores it.
func TestClaimMoves(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	former := assign(t, p, "mn", start)
	c, err := p.Claim("mn", addr("2001:db8:1::77"), start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Claim("other", former, start); !errors.Is(err, addresspool.HeldDown) {
		t.Errorf("the former address: %v, want HeldDown", err)
	}
	p.Undo(c)
	if l, ok := p.Lease("mn"); !ok || l.Address != former || !l.Released.IsZero() {
		t.Errorf("after Undo: %v, %v, want %s in use", l, ok, former)
	}
	if _, err := p.Claim("other", c.Address, start); err != nil {
		t.Errorf("the address not moved to, which nobody got: %v", err)
	}
	p.Undo(c) // the second time it does nothing
	if l, ok := p.Lease("mn"); !ok || l.Address != former {
		t.Errorf("after the second Undo: %v, %v", l, ok)
	}
}

func TestUndoKeepsTheAddressForTheSameUser(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	c, err := p.Assign("mn", start)
	if err != nil {
		t.Fatal(err)
	}
	p.Undo(c)
	if u := p.Usage(start); u[0].InUse != 0 || u[0].HeldDown != 0 || u[0].Remembered != 1 {
		t.Errorf("Usage = %+v", u)
	}
	if got := assign(t, p, "mn", start.Add(time.Second)); got != c.Address {
		t.Errorf("the next try got %s, the first %s", got, c.Address)
	}
}

// What may remain of an attempt elsewhere keeps others away for as long as it
// takes, not its user, whose further attempts do not end it.
func TestWithhold(t *testing.T) {
	t.Parallel()
	p := newPool(t, few(1))
	late := start.Add(24 * time.Hour)
	attempt := func(user string) addresspool.Claim {
		t.Helper()
		c, err := p.Assign(user, late)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, takeBack := range map[string]func(addresspool.Claim){"Withhold": p.Withhold, "Undo": p.Undo} {
		p.Withhold(attempt("mn"))
		takeBack(attempt("mn"))
		if _, err := p.Assign("other", late); !errors.Is(err, addresspool.Exhausted) {
			t.Errorf("after %s, another user: %v, want Exhausted", name, err)
		}
		if _, err := p.Claim("other", addr("2001:db8:1::1"), late); !errors.Is(err, addresspool.HeldDown) {
			t.Errorf("after %s, another user's claim: %v, want HeldDown", name, err)
		}
		if u := p.Usage(late); u[0].HeldDown != 1 || u[0].InUse != 0 || u[0].Remembered != 0 {
			t.Errorf("after %s: Usage = %+v", name, u)
		}
	}
	p.Free("other", late) // who has nothing withheld
	p.Free("mn", late)
	p.Free("mn", late)
	if u := p.Usage(late); u[0].HeldDown != 0 || u[0].Remembered != 1 {
		t.Errorf("after Free: Usage = %+v", u)
	}
	p.Free("mn", late)
	assign(t, p, "other", late)
}

// An address withheld does not keep its user from the one of before, nor from a
// third one.
func TestWithholdAfterMove(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	former := assign(t, p, "mn", start)
	for _, to := range []string{"2001:db8:1::77", "2001:db8:1::78"} {
		c, err := p.Claim("mn", addr(to), start)
		if err != nil {
			t.Fatal(err)
		}
		p.Withhold(c)
		if l, ok := p.Lease("mn"); !ok || l.Address != former || !l.Released.IsZero() {
			t.Errorf("after Withhold: %v, %v, want %s in use", l, ok, former)
		}
	}
	p.Avoid(addr("2001:db8:1::78"), start)
	for _, free := range []bool{false, true} {
		if free {
			p.Free("mn", start)
		}
		c, err := p.Claim("other", addr("2001:db8:1::77"), start)
		if (err == nil) != free {
			t.Errorf("free %v: claiming what was withheld: %v", free, err)
		}
		p.Undo(c)
	}
	if _, err := p.Claim("other", addr("2001:db8:1::78"), start); !errors.Is(err, addresspool.InUse) {
		t.Errorf("claiming what is a duplicate, too: %v", err)
	}
}

// What nobody got is there for the next one, however few addresses there are; but
// a hold-down that was on does not end by it.
func TestUndoGivesTheAddressBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, few(1))
	for _, user := range []string{"unlucky", "late", "refused"} {
		c, err := p.Assign(user, start)
		if err != nil {
			t.Fatal(err)
		}
		p.Undo(c)
	}
	assign(t, p, "lucky", start)
	p.Release("lucky", start)
	soon := start.Add(time.Second)
	c, err := p.Assign("lucky", soon)
	if err != nil {
		t.Fatal(err)
	}
	p.Undo(c)
	if _, err := p.Assign("other", soon); !errors.Is(err, addresspool.Exhausted) {
		t.Errorf("an address that was held down: %v, want Exhausted", err)
	}
}

// A node without a lease that is found at an address drives the mobile node off
// it.
func TestAvoidGivesTheUserAnotherAddress(t *testing.T) {
	t.Parallel()
	p := newPool(t, whole())
	first := assign(t, p, "mn", start)
	p.Avoid(first, start)
	if l, _ := p.Lease("mn"); l.Address != first || !l.Released.IsZero() {
		t.Errorf("Avoid ended the lease: %v", l)
	}
	if _, err := p.Claim("mn", first, start); !errors.Is(err, addresspool.InUse) {
		t.Errorf("claiming it: %v, want InUse", err)
	}
	if second := assign(t, p, "mn", start); second == first {
		t.Errorf("the user was given %s again", first)
	}
	p.Avoid(addr("2001:db8:9::1"), start) // not ours: nothing to do
}

func TestRememberMax(t *testing.T) {
	t.Parallel()
	cfg := whole()
	cfg.RememberMax = 2
	p := newPool(t, cfg)
	for n := range 5 {
		user := fmt.Sprint("mn", n)
		assign(t, p, user, start)
		p.Release(user, start)
	}
	if u := p.Usage(start); u[0].HeldDown != 5 || u[0].Remembered != 0 {
		t.Errorf("during the hold-down: %+v", u)
	}
	assign(t, p, "mn4", start.Add(time.Minute))
	if got := p.Forgotten(); !slices.Equal(got, []string{"mn0", "mn1"}) {
		t.Errorf("Forgotten = %v, want mn0 and mn1", got)
	}
	if u := p.Usage(start.Add(time.Minute)); u[0].Remembered != 2 || u[0].InUse != 1 {
		t.Errorf("after the hold-down: %+v", u)
	}
}

func TestNothingIsRemembered(t *testing.T) {
	t.Parallel()
	cfg := whole()
	cfg.RememberMax, cfg.HoldDown = -1, 0
	p := newPool(t, cfg)
	first := assign(t, p, "mn", start)
	p.Release("mn", start)
	if _, ok := p.Lease("mn"); ok || assign(t, p, "mn", start) == first {
		t.Error("a released lease was remembered")
	}
}

func TestPrefixesFillInOrder(t *testing.T) {
	t.Parallel()
	cfg := few(2)
	cfg.Prefixes = append(cfg.Prefixes, addresspool.Prefix{Prefix: prefix("2001:db8:2::/126")})
	p := newPool(t, cfg)
	for n, want := range []netip.Prefix{home, home, cfg.Prefixes[1].Prefix, cfg.Prefixes[1].Prefix, cfg.Prefixes[1].Prefix} {
		if a := assign(t, p, fmt.Sprint("mn", n), start); !want.Contains(a) {
			t.Errorf("user %d was given %s, want one of %s", n, a, want)
		}
	}
	if _, err := p.Assign("mn9", start); !errors.Is(err, addresspool.Exhausted) {
		t.Errorf("when all are full: %v, want Exhausted", err)
	}
}

// Addresses of any length of prefix are inside it and not reserved.
func TestPrefixLengths(t *testing.T) {
	t.Parallel()
	for bits := 16; bits <= 127; bits++ {
		home := netip.PrefixFrom(addr("2001:db8:1:2:3:4:5:0"), bits).Masked()
		if bits == 121 {
			continue // nothing but anycast addresses
		}
		p := newPool(t, addresspool.Config{Prefixes: []addresspool.Prefix{{Prefix: home}}})
		u := p.Usage(start)[0]
		if u.Size == 0 || bits >= 96 && u.Size > 1<<(128-bits) {
			t.Errorf("/%d: %d addresses", bits, u.Size)
		}
		for n := range min(u.Size, 200) {
			a := assign(t, p, fmt.Sprint("mn", n), start)
			if !home.Contains(a) || a == home.Addr() {
				t.Errorf("/%d: %s was given", bits, a)
			}
		}
	}
}

// Two pools do not give the same addresses, nor one after the other.
func TestAddressesAreUnpredictable(t *testing.T) {
	t.Parallel()
	seen := map[netip.Addr]bool{}
	for range 2 {
		p := newPool(t, whole())
		for n := range 500 {
			seen[assign(t, p, fmt.Sprint("mn", n), start)] = true
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d addresses for 1000 users of two pools", len(seen))
	}
	high := 0
	for a := range seen {
		if a.As16()[8] >= 0x80 {
			high++
		}
	}
	if high < 400 || high > 600 {
		t.Errorf("%d of 1000 interface identifiers begin with a one bit", high)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	two := func(a, b addresspool.Prefix) []addresspool.Prefix { return []addresspool.Prefix{a, b} }
	one := func(p string) []addresspool.Prefix { return []addresspool.Prefix{{Prefix: prefix(p)}} }
	ranged := func(first, last string) addresspool.Prefix {
		return addresspool.Prefix{Prefix: home, First: addr(first), Last: addr(last)}
	}
	for _, tt := range []struct {
		name     string
		prefixes []addresspool.Prefix
		want     string
	}{
		{"none", nil, "no home prefix"},
		{"zero", []addresspool.Prefix{{}}, "invalid Prefix is not a prefix"},
		{"IPv4", one("192.0.2.0/24"), "192.0.2.0/24 is not a prefix"},
		{"link-local", one("fe80::/64"), "fe80::/64 is not a prefix"},
		{"multicast", one("ff05::/64"), "ff05::/64 is not a prefix"},
		{"host bits", one("2001:db8::1/64"), "2001:db8::1/64 is not a prefix"},
		{"outside", []addresspool.Prefix{ranged("2001:db8:1::5", "2001:db8:2::5")}, "is not inside"},
		{"backwards", []addresspool.Prefix{ranged("2001:db8:1::9", "2001:db8:1::5")}, "ends before it begins"},
		{"twice", two(addresspool.Prefix{Prefix: home}, addresspool.Prefix{Prefix: home}), "overlaps another range"},
		{"overlap", two(ranged("2001:db8:1::5", "2001:db8:1::9"), ranged("2001:db8:1::9", "2001:db8:1::c")), "overlaps another range"},
		{"prefixes overlap", two(ranged("2001:db8:1::5", "2001:db8:1::9"), addresspool.Prefix{Prefix: prefix("2001:db8:1:0:1::/80")}), "overlaps 2001:db8:1::/64"},
		{"anycast only", one("2001:db8:1::/121"), "only reserved addresses"},
		{"reserved only", []addresspool.Prefix{ranged("2001:db8:1::1", "2001:db8:1::2")}, "only reserved addresses"},
		{"identifiers reserved", []addresspool.Prefix{ranged("2001:db8:1:0:200:5eff:fe00:0", "2001:db8:1:0:200:5eff:fe00:5213")}, "only reserved addresses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := addresspool.Config{Prefixes: tt.prefixes, Reserved: []netip.Addr{addr("2001:db8:1::1"), addr("2001:db8:1::2")}}
			if _, err := addresspool.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error naming %q", err, tt.want)
			}
		})
	}
}

// One end of a range may be left to the prefix.
func TestHalfRanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefix addresspool.Prefix
		size   uint64
	}{
		{addresspool.Prefix{Prefix: prefix("2001:db8:1::/122"), First: addr("2001:db8:1::10")}, 0x30},
		{addresspool.Prefix{Prefix: prefix("2001:db8:1::/122"), Last: addr("2001:db8:1::10")}, 0x10},
	} {
		p := newPool(t, addresspool.Config{Prefixes: []addresspool.Prefix{tt.prefix}})
		if got := p.Usage(start)[0].Size; got != tt.size {
			t.Errorf("%s has %d addresses, want %d", tt.prefix, got, tt.size)
		}
	}
}

func TestRefusalsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for r := addresspool.NotServed; r <= addresspool.Exhausted; r++ {
		if s := r.String(); s == "" || seen[s] || !strings.HasSuffix(r.Error(), s) {
			t.Errorf("refusal %d is %q", int(r), s)
		}
		seen[r.String()] = true
	}
	if got := addresspool.Refusal(0).String(); got != "refusal 0" {
		t.Errorf("Refusal(0) = %q", got)
	}
}
