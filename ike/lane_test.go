package ike

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike/psk"
)

// newBench makes a Charon without charon, whose lanes a test works by hand.
func newBench(t *testing.T, window int) *Charon {
	t.Helper()
	c, err := New(Config{Identity: "ha.example.com", Window: window, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func credential(t *testing.T, i byte) Credential {
	t.Helper()
	key, err := psk.KeyFromBytes(append(make([]byte, psk.Size-1), i+1))
	if err != nil {
		t.Fatal(err)
	}
	name := string('a' + rune(i))
	if i >= 26 {
		name = fmt.Sprint("user", i)
	}
	return Credential{
		UserName:    name,
		HomeAddress: netip.AddrFrom16([16]byte{0x20, 1, 15: i + 1}),
		HomeAgent:   netip.MustParseAddr("2001:db8::1"),
		PSK:         key,
	}
}

// arm begins arming the i-th user without waiting.
func (c *Charon) arm(t *testing.T, i byte) *session {
	t.Helper()
	cred := credential(t, i)
	user, err := c.check(cred)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := c.begin(cred, user)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step has a lane do one job with success and tells what it was: "+" and who
// was loaded, or "-" and who was unloaded.
func (c *Charon) step(kind partKind) string {
	c.mu.Lock()
	j := c.take(c.lanes[kind])
	c.mu.Unlock()
	if j == nil {
		return ""
	}
	sign := "-"
	if j.load {
		sign = "+"
	}
	for _, s := range j.sessions {
		sign += s.cred.UserName
	}
	c.finish(j, nil)
	return sign
}

func (c *Charon) steps(kind partKind) string {
	var all []string
	for step := c.step(kind); step != ""; step = c.step(kind) {
		all = append(all, step)
	}
	return strings.Join(all, " ")
}

func (c *Charon) expect(t *testing.T, kind partKind, want string) {
	t.Helper()
	if got := c.steps(kind); got != want {
		t.Errorf("the lane for %ss did %q, want %q", kind, got, want)
	}
}

// TestLanesBatch: connections go together, keys one by one.
func TestLanesBatch(t *testing.T) {
	t.Parallel()
	c := newBench(t, 100)
	for i := range byte(20) {
		c.arm(t, i)
	}
	c.expect(t, connPart, "+abcdefghijklmnop +qrst")
	c.expect(t, keyPart, "+a +b +c +d +e +f +g +h +i +j +k +l +m +n +o +p +q +r +s +t")
	c.expect(t, connPart, "")
}

// TestKeysFirst: connections wait for others of their kind as long as there are
// keys to load.
func TestKeysFirst(t *testing.T) {
	t.Parallel()
	c := newBench(t, 100)
	var did []string
	for i := range byte(20) {
		c.arm(t, i)
	}
	for j := c.next(); j != nil; j = c.next() {
		did = append(did, fmt.Sprintf("%v %d", j.kind, len(j.sessions)))
		c.finish(j, nil)
		if len(did) == 1 {
			c.arm(t, 20) // comes late
		}
	}
	want := append([]string{"connection 16"}, slices.Repeat([]string{"key 1"}, 21)...)
	want = append(want, "connection 5")
	if diff := cmp.Diff(want, did); diff != "" {
		t.Errorf("unexpected jobs (-want +got):\n%s", diff)
	}
}

// TestLanesOrder: those for whom somebody waits come before the backlog, which
// comes before evictions.
func TestLanesOrder(t *testing.T) {
	t.Parallel()
	c := newBench(t, 2)
	restored := []Credential{credential(t, 0), credential(t, 1)}
	for i := range restored {
		restored[i].EstablishedAt = time.Unix(int64(i+1), 0)
	}
	c.Restore(restored)
	c.expect(t, connPart, "+ab")
	c.arm(t, 2) // evicts a
	c.arm(t, 3) // evicts b
	c.expect(t, connPart, "+cd -a -b")
	c.expect(t, keyPart, "+c +d")
}

// TestEvictionsTakeTurns: however many newcomers there are, evictions are not
// put off for ever.
func TestEvictionsTakeTurns(t *testing.T) {
	t.Parallel()
	c := newBench(t, 2)
	for i := range byte(2) {
		c.arm(t, i)
	}
	c.expect(t, keyPart, "+a +b")
	held, most := 2, 0
	for i := byte(2); i < 120; i++ {
		c.arm(t, i)
		c.arm(t, i+120)
		for range 4 {
			c.step(connPart)
			switch step := c.step(keyPart); {
			case strings.HasPrefix(step, "+"):
				held++
			case strings.HasPrefix(step, "-"):
				held--
			}
			most = max(most, held)
		}
	}
	if most > 2*evictSlack {
		t.Errorf("charon held %d keys at a time, want no more than about %d", most, evictSlack)
	}
}

// TestNothingWhileBusy: a part with a call under way is left alone until it is
// known what became of it.
func TestNothingWhileBusy(t *testing.T) {
	t.Parallel()
	c := newBench(t, 2)
	s := c.arm(t, 0)
	c.expect(t, connPart, "+a")
	c.mu.Lock()
	loading := c.take(c.lanes[keyPart])
	c.forget(s)
	c.mu.Unlock()
	c.expect(t, keyPart, "")
	c.expect(t, connPart, "-a")
	c.finish(loading, nil)
	if c.sessions[s.name] != s {
		t.Error("a session was given up with its key in charon")
	}
	c.expect(t, keyPart, "-a")
	c.ended(ending{name: s.name}, nil)
	if c.sessions[s.name] != nil {
		t.Error("a session was not given up with nothing left of it")
	}
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	var q fifo
	next, want := 0, 0
	sessions := make([]*session, 5000)
	for round := 0; next < len(sessions); round++ {
		for range 3 + round%50 {
			if next < len(sessions) {
				sessions[next] = &session{}
				q.push(sessions[next])
				next++
			}
		}
		for range 2 + round%49 {
			if q.len() > 0 {
				if q.pop() != sessions[want] {
					t.Fatalf("element %d came out of order", want)
				}
				want++
			}
		}
		if len(q.items) > 4*q.len()+128 {
			t.Fatalf("%d elements take %d places", q.len(), len(q.items))
		}
	}
	if q.len() != next-want {
		t.Errorf("%d elements are left, want %d", q.len(), next-want)
	}
}
