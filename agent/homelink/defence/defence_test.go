package defence_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/homelink/defence"
	"homeagent/agent/homelink/neighbor"
)

var (
	home   = netip.MustParseAddr("2001:db8:1::100:1234")
	twin   = netip.MustParseAddr("2001:db8:2::100:1234") // same interface identifier
	second = netip.MustParseAddr("2001:db8:1::5678")
	agent  = netip.MustParseAddr("fe80::1")
	other  = netip.MustParseAddr("fe80::99")

	ownLink   = neighbor.LinkAddress{2, 0, 0, 0, 0, 1}
	otherLink = neighbor.LinkAddress{2, 0, 0, 0, 0, 0x99}
	start     = time.Unix(1_000_000, 0)
)

// A script drives a machine and writes down what it does.
type script struct {
	*defence.Machine
	t   *testing.T
	now time.Time
}

func newScript(t *testing.T) *script {
	s := &script{Machine: defence.New(defence.DefaultConfig()), t: t, now: start}
	s.Rebind(ownLink, agent, s.now)
	return s
}

func (s *script) claim(c defence.Claim) { s.Claim(c, s.now) }

// pass lets time go by, doing what is due at its time.
func (s *script) pass(d time.Duration) {
	end := s.now.Add(d)
	for {
		next, ok := s.Next()
		if !ok || next.After(end) {
			break
		}
		s.now = next
		s.Advance(s.now)
	}
	s.now = end
	s.Advance(s.now)
}

func (s *script) want(lines ...string) {
	s.t.Helper()
	var got []string
	for _, e := range s.Effects() {
		got = append(got, text(e))
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		s.t.Errorf("unexpected effects (-want +got):\n%s", diff)
	}
}

// text writes effects like tcpdump and ip-maddress would show them.
func text(e defence.Effect) string {
	switch e := e.(type) {
	case defence.Join:
		return "join " + e.Group.String()
	case defence.Leave:
		return "leave " + e.Group.String()
	case defence.Decided:
		s := fmt.Sprintf("%s is %s", e.HomeAddress, e.Verdict)
		if e.Address.IsValid() {
			s += fmt.Sprintf(": %s at %s", e.Address, e.By)
		}
		return s
	case defence.Conflict:
		return fmt.Sprintf("conflict: %s at %s", e.Address, e.By)
	case defence.Send:
		m := e.Message
		if m.Kind == neighbor.Solicitation {
			return fmt.Sprintf("%s > %s (%s) who has %s", m.Source, m.Destination, e.To, m.Target)
		}
		flags := ""
		for _, f := range []struct {
			set  bool
			name string
		}{{m.Router, "R"}, {m.Solicited, "S"}, {m.Override, "O"}} {
			if f.set {
				flags += f.name
			}
		}
		return strings.Join(strings.Fields(fmt.Sprintf("%s > %s (%s) %s %s is at %s", m.Source, m.Destination, e.To, flags, m.Target, m.LinkAddress)), " ")
	}
	return "unknown effect"
}

func probe(target netip.Addr) *neighbor.Message {
	return &neighbor.Message{
		Kind: neighbor.Solicitation, Source: netip.IPv6Unspecified(),
		Destination: neighbor.SolicitedNode(target), Target: target,
	}
}

const (
	joins      = "join ff02::1:ff00:1234"
	probes     = ":: > ff02::1:ff00:1234 (33:33:ff:00:12:34) who has 2001:db8:1::100:1234"
	advertises = "fe80::1 > ff02::1 (33:33:00:00:00:01) O 2001:db8:1::100:1234 is at 02:00:00:00:00:01"
	unique     = "2001:db8:1::100:1234 is unique"
	duplicate  = "2001:db8:1::100:1234 is duplicate: "
	leaves     = "leave ff02::1:ff00:1234"
)

func TestH20_ProbeBeforeHolding(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home})
	s.want(joins, probes)
	s.pass(999 * time.Millisecond)
	s.want()
	if s.Holds(home) {
		t.Error("held while it is probed")
	}
	s.pass(time.Millisecond)
	s.want(advertises, unique)
	if held, probing := s.Held(); held != 1 || probing != 0 {
		t.Errorf("%d held and %d probed, want 1 and 0", held, probing)
	}
	s.pass(time.Hour)
	s.want(advertises, advertises) // MAX_NEIGHBOR_ADVERTISEMENT is 3
}

func TestH20_LinkLocalAddressToo(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home, LinkLocal: true})
	s.want(joins, probes,
		":: > ff02::1:ff00:1234 (33:33:ff:00:12:34) who has fe80::100:1234")
	s.pass(time.Second)
	s.want(advertises,
		"fe80::1 > ff02::1 (33:33:00:00:00:01) O fe80::100:1234 is at 02:00:00:00:00:01", unique)
	s.Release(home)
	s.want(leaves)
}

func TestH21_RepeatedWhileProbing(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home})
	s.pass(900 * time.Millisecond)
	s.claim(defence.Claim{HomeAddress: home})
	s.want(joins, probes)
	s.pass(100 * time.Millisecond)
	s.want(advertises, unique)
	s.claim(defence.Claim{HomeAddress: home}) // a refresh
	s.want(unique)
}

func TestH20_Duplicates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message neighbor.Message
		from    neighbor.LinkAddress
		want    []string
	}{
		{
			name:    "another node has it",
			message: neighbor.Message{Kind: neighbor.Advertisement, Source: other, Destination: neighbor.AllNodes(), Target: home, LinkAddress: otherLink, Override: true},
			from:    otherLink,
			want:    []string{leaves, duplicate + "2001:db8:1::100:1234 at 02:00:00:00:00:99"},
		},
		{
			name:    "another node probes it at the same time",
			message: *probe(home),
			from:    otherLink,
			want:    []string{leaves, duplicate + "2001:db8:1::100:1234 at 02:00:00:00:00:99"},
		},
		{
			name:    "another node has the link-local address",
			message: neighbor.Message{Kind: neighbor.Advertisement, Source: other, Destination: neighbor.AllNodes(), Target: defence.LinkLocalAddress(home)},
			from:    otherLink,
			want:    []string{leaves, duplicate + "fe80::100:1234 at 02:00:00:00:00:99"},
		},
		{name: "our own probe comes back", message: *probe(home), from: ownLink},
		{name: "another node looks for it", message: neighbor.Message{Kind: neighbor.Solicitation, Source: other, Destination: neighbor.SolicitedNode(home), Target: home}, from: otherLink},
		{name: "another address is probed", message: *probe(second), from: otherLink},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.claim(defence.Claim{HomeAddress: home, LinkLocal: true})
			s.Effects()
			s.pass(500 * time.Millisecond)
			s.Receive(&tt.message, tt.from)
			s.want(tt.want...)
			s.pass(time.Second)
			if held := s.Holds(home); held != (tt.want == nil) {
				t.Errorf("held: %t", held)
			}
			if got := s.Counters().Duplicates; got != uint64(len(tt.want)/2) {
				t.Errorf("%d duplicates counted", got)
			}
		})
	}
}

func TestH22_H28_Answers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		router  bool
		message neighbor.Message
		want    []string
	}{
		{
			name:    "multicast solicitation",
			message: neighbor.Message{Kind: neighbor.Solicitation, Source: other, Destination: neighbor.SolicitedNode(home), Target: home, LinkAddress: otherLink},
			want:    []string{"fe80::1 > fe80::99 (02:00:00:00:00:99) S 2001:db8:1::100:1234 is at 02:00:00:00:00:01"},
		},
		{
			name:    "unicast solicitation without a link-layer address",
			message: neighbor.Message{Kind: neighbor.Solicitation, Source: other, Destination: home, Target: home},
			want:    []string{"fe80::1 > fe80::99 (02:00:00:00:00:77) S 2001:db8:1::100:1234 is at 02:00:00:00:00:01"},
		},
		{
			name:    "a link-layer address that is a group's",
			message: neighbor.Message{Kind: neighbor.Solicitation, Source: other, Destination: home, Target: home, LinkAddress: neighbor.EtherMulticast(neighbor.AllNodes())},
			want:    []string{"fe80::1 > fe80::99 (02:00:00:00:00:77) S 2001:db8:1::100:1234 is at 02:00:00:00:00:01"},
		},
		{
			name:    "probe",
			message: *probe(home),
			want:    []string{"fe80::1 > ff02::1 (33:33:00:00:00:01) 2001:db8:1::100:1234 is at 02:00:00:00:00:01"},
		},
		{
			name: "probe for a mobile router", router: true,
			message: *probe(home),
			want:    []string{"fe80::1 > ff02::1 (33:33:00:00:00:01) R 2001:db8:1::100:1234 is at 02:00:00:00:00:01"},
		},
		{name: "other address", message: *probe(second)},
		{
			name:    "advertised by another node",
			message: neighbor.Message{Kind: neighbor.Advertisement, Source: other, Destination: neighbor.AllNodes(), Target: home},
			want:    []string{"conflict: 2001:db8:1::100:1234 at 02:00:00:00:00:77"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.claim(defence.Claim{HomeAddress: home, Router: tt.router, SkipDAD: true})
			s.pass(time.Minute)
			s.Effects()
			s.Receive(&tt.message, neighbor.LinkAddress{2, 0, 0, 0, 0, 0x77})
			s.want(tt.want...)
		})
	}
}

func TestH27_FlagsOfMobileRouters(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home, SkipDAD: true})
	s.want(joins, advertises, unique)
	s.pass(time.Minute)
	s.want(advertises, advertises)
	s.claim(defence.Claim{HomeAddress: home, Router: true})
	s.want("fe80::1 > ff02::1 (33:33:00:00:00:01) RO 2001:db8:1::100:1234 is at 02:00:00:00:00:01", unique)
}

func TestH29_Release(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home, SkipDAD: true})
	s.Effects()
	s.Release(home)
	s.want(leaves)
	s.Receive(probe(home), otherLink)
	s.pass(time.Hour)
	s.want()
	s.Release(home) // nothing to do
	s.want()
}

func TestReleaseWhileProbing(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home})
	s.Effects()
	s.Release(home)
	s.want(leaves, "2001:db8:1::100:1234 is withdrawn")
	s.pass(time.Hour)
	s.want()
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home})
	s.Effects()
	s.Cancel(home)
	s.want(leaves)
	s.pass(time.Hour)
	s.Cancel(home)
	s.want()
	s.claim(defence.Claim{HomeAddress: home, SkipDAD: true})
	s.Effects()
	s.Cancel(home) // too late
	s.want()
	if !s.Holds(home) {
		t.Error("no longer held")
	}
}

// TestLinkLocalLater: a refresh may set or clear the L bit.
func TestLinkLocalLater(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home, SkipDAD: true})
	s.pass(time.Minute)
	s.Effects()
	s.claim(defence.Claim{HomeAddress: home, LinkLocal: true})
	s.want(":: > ff02::1:ff00:1234 (33:33:ff:00:12:34) who has fe80::100:1234")
	s.Receive(&neighbor.Message{Kind: neighbor.Advertisement, Source: other, Target: defence.LinkLocalAddress(home)}, otherLink)
	s.want("2001:db8:1::100:1234 is duplicate: fe80::100:1234 at 02:00:00:00:00:99")
	if !s.Holds(home) {
		t.Error("the home address was lost with the link-local address")
	}
	s.claim(defence.Claim{HomeAddress: home, LinkLocal: true})
	s.pass(time.Minute)
	if !s.Holds(defence.LinkLocalAddress(home)) {
		t.Error("the link-local address is not held")
	}
	s.Effects()
	s.claim(defence.Claim{HomeAddress: home})
	s.want(unique)
	if s.Holds(defence.LinkLocalAddress(home)) {
		t.Error("the link-local address is still held")
	}
}

// TestTwins: two home addresses with one interface identifier share a group and
// must not share a link-local address.
func TestTwins(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.claim(defence.Claim{HomeAddress: home, LinkLocal: true, SkipDAD: true})
	s.pass(time.Minute)
	s.Effects()
	s.claim(defence.Claim{HomeAddress: twin, LinkLocal: true})
	s.want("2001:db8:2::100:1234 is duplicate: fe80::100:1234 at 00:00:00:00:00:00")
	s.claim(defence.Claim{HomeAddress: twin, SkipDAD: true})
	s.pass(time.Minute)
	s.Effects()
	s.Release(home)
	s.want()
	s.Release(twin)
	s.want(leaves)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := &script{Machine: defence.New(defence.DefaultConfig()), t: t, now: start}
	claims := []defence.Claim{{HomeAddress: home}, {HomeAddress: second, Router: true}, {HomeAddress: home, LinkLocal: true}}
	s.Restore(claims, s.now)
	s.want(joins, "join ff02::1:ff00:5678")
	s.Restore(claims[:2], s.now) // is there already
	if groups := s.Groups(); len(groups) != 2 || !slices.Contains(groups, neighbor.SolicitedNode(second)) {
		t.Errorf("groups %v", groups)
	}
	s.now = s.now.Add(time.Minute)
	s.Rebind(ownLink, agent, s.now)
	s.pass(0)
	if n := len(s.Effects()); n != 1 {
		t.Errorf("%d advertisements at once, want 1", n)
	}
	s.pass(time.Minute)
	if n := len(s.Effects()); n != 1 {
		t.Errorf("%d more advertisements, want 1", n)
	}
	if !s.Holds(home) || !s.Holds(second) {
		t.Error("not held")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	a := home.As16()
	const n = 1000
	for i := range n {
		a[14], a[15] = byte(i>>8), byte(i)
		s.claim(defence.Claim{HomeAddress: netip.AddrFrom16(a), LinkLocal: i%2 == 0})
		s.now = s.now.Add(time.Millisecond)
	}
	s.pass(2 * time.Second)
	if held, probing := s.Held(); held != n*3/2 || probing != 0 {
		t.Errorf("%d held and %d probed, want %d and 0", held, probing, n*3/2)
	}
	for i := range n {
		a[14], a[15] = byte(i>>8), byte(i)
		s.Release(netip.AddrFrom16(a))
	}
	joined := 0
	for _, e := range s.Effects() {
		switch e.(type) {
		case defence.Join:
			joined++
		case defence.Leave:
			joined--
		}
	}
	if _, due := s.Next(); due || joined != 0 || len(s.Groups()) != 0 {
		t.Errorf("something due: %t, %d groups too many, %v", due, joined, s.Groups())
	}
}
