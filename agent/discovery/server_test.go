package discovery_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/discovery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobilitysocket/rawsocket"
)

var equal = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestAnycast(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{ // RFC 2526 section 2
		"2001:db8:1::/64":  "2001:db8:1:0:fdff:ffff:ffff:fffe",
		"2001:db8::/32":    "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
		"2001:db8::/96":    "2001:db8::ffff:fffe",
		"2001:db8:1::/121": "2001:db8:1::7e",
		"2001:db8:1::/60":  "2001:db8:1:f:ffff:ffff:ffff:fffe",
	} {
		if got := discovery.Anycast(netip.MustParsePrefix(prefix)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	binding := func(netip.Addr) (discovery.Binding, bool) { return discovery.Binding{}, false }
	with := func(prefix string) []discovery.Link {
		return []discovery.Link{{HomeAgents: []netip.Addr{agent}, Prefixes: []discovery.Prefix{{Prefix: netip.MustParsePrefix(prefix)}}}}
	}
	tests := []struct {
		name string
		cfg  discovery.Config
		want string // in the error
	}{
		{"good", discovery.Config{Binding: binding, Links: with("2001:db8:1::/64")}, ""},
		{"no bindings", discovery.Config{}, "Binding"},
		{"host bits", discovery.Config{Binding: binding, Links: with("2001:db8:1::1/64")}, "2001:db8:1::1/64"},
		{"IPv4", discovery.Config{Binding: binding, Links: with("192.0.2.0/24")}, "192.0.2.0/24"},
		{"too long", discovery.Config{Binding: binding, Links: with("2001:db8:1::/122")}, "at most 121"},
		{"intervals", discovery.Config{Binding: binding, MinInterval: time.Hour, MaxInterval: time.Minute}, "the shortest, 1h0m0s"},
		{"no home agent there", discovery.Config{Binding: binding, Links: with("2001:db8:2::/64")}, "[2001:db8:1::1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Log = slog.New(slog.DiscardHandler)
			_, err := discovery.New(tt.cfg)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestH40_Request(t *testing.T) {
	try(t, func(b *bench) {
		b.advertise(neighbor, routerAdvertisement(netip.MustParseAddr("2001:db8:1::2"), 9))
		b.advertise(netip.MustParseAddr("fe80::3"), routerAdvertisement(netip.MustParseAddr("2001:db8:1::3"), 1))
		sent := b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{ID: 0xabcd})
		want := []rawsocket.Outgoing{{
			Source: agent, Destination: careOf,
			Payload: message.Append(nil, &message.AgentReply{ID: 0xabcd, Agents: []netip.Addr{
				netip.MustParseAddr("2001:db8:1::2"), agent, netip.MustParseAddr("2001:db8:1::3"),
			}}),
		}}
		if diff := cmp.Diff(want, sent, equal); diff != "" {
			t.Errorf("unexpected packets (-want +got):\n%s", diff)
		}
		if s := b.Status(); s.Links[0].HomeAgents != 2 || s.Counters.AgentReplies != 1 {
			t.Errorf("status %+v", s)
		}
	}, physical())
}

func TestN2_RequestOfMobileRouter(t *testing.T) {
	try(t, func(b *bench) {
		b.advertise(neighbor, routerAdvertisement(netip.MustParseAddr("2001:db8:1::2"), 9))
		sent := b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{MobileRouter: true})
		want := message.Append(nil, &message.AgentReply{MobileRouter: true, Agents: []netip.Addr{agent}})
		if len(sent) != 1 || !slices.Equal(sent[0].Payload, want) {
			t.Errorf("sent %+v, want %x", sent, want)
		}
	}, physical())
}

func TestH40_NotAnswered(t *testing.T) {
	try(t, func(b *bench) {
		for _, tt := range []struct {
			name   string
			packet rawsocket.Packet
			want   discovery.Outcome
		}{
			{"to a unicast address", rawsocket.Packet{Source: careOf, Destination: agent}, discovery.NotAnycast},
			{"from a link-local address", rawsocket.Packet{Source: neighbor, Destination: anycast}, discovery.BadSource},
			{"from nobody", rawsocket.Packet{Source: netip.IPv6Unspecified(), Destination: anycast}, discovery.BadSource},
		} {
			if sent := b.arrive(tt.packet, &message.AgentRequest{}); len(sent) != 0 {
				t.Errorf("%s: answered by %+v", tt.name, sent)
			}
			if b.Status().Counters.Received[tt.want] == 0 {
				t.Errorf("%s: not counted", tt.name)
			}
		}
		b.arrive(rawsocket.Packet{Payload: []byte{144}}, nil)
		b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentReply{})
		b.outcome(discovery.Malformed, 2)
	}, physical())
}

func TestH40_RepliesAreLimited(t *testing.T) {
	try(t, func(b *bench) {
		answered := 0
		for range 1000 {
			answered += len(b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{}))
		}
		if answered != 200 {
			t.Errorf("%d of 1000 requests answered at once, want 200", answered)
		}
		b.outcome(discovery.RateLimited, 800)
		time.Sleep(time.Second)
		if sent := b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{}); len(sent) != 1 {
			t.Error("not answered a second later")
		}
	}, physical())
}

func TestH39_OtherAdvertisementsAreIgnored(t *testing.T) {
	try(t, func(b *bench) {
		good := rawsocket.Packet{Source: neighbor, Interface: 7, HopLimit: 255}
		for _, change := range []func(*rawsocket.Packet){
			func(p *rawsocket.Packet) { p.HopLimit = 254 },
			func(p *rawsocket.Packet) { p.Source = careOf },
			func(p *rawsocket.Packet) { p.HomeAddress = home },
			func(p *rawsocket.Packet) { p.Interface = 8 },
		} {
			p := good
			change(&p)
			b.arrive(p, routerAdvertisement(netip.MustParseAddr("2001:db8:1::2"), 9))
		}
		b.outcome(discovery.BadSource, 3)
		b.outcome(discovery.OtherInterface, 1)
		if n := b.Status().Links[0].HomeAgents; n != 0 {
			t.Errorf("%d home agents known", n)
		}
		b.arrive(good, routerAdvertisement(netip.MustParseAddr("2001:db8:1::2"), 9))
		if n := b.Status().Links[0].HomeAgents; n != 1 {
			t.Errorf("%d home agents known, want 1", n)
		}
		for i := range 1000 {
			good.Source = netip.AddrFrom16([16]byte{0xfe, 0x80, 2: 1, 14: byte(i >> 8), 15: byte(i)})
			b.arrive(good, routerAdvertisement(netip.MustParseAddr("2001:db8:1::2"), 9))
		}
		if b.Status().Counters.Received[discovery.TooMany] == 0 {
			t.Error("there is no limit")
		}
		time.Sleep(time.Hour)
		if n := b.Status().Links[0].HomeAgents; n != 0 {
			t.Errorf("%d home agents known an hour later", n)
		}
	}, physical())
}

func TestH41_OwnAdvertisements(t *testing.T) {
	try(t, func(b *bench) {
		plain := routerAdvertisement(agent, 5)
		plain.HomeAgent = false
		without := routerAdvertisement(agent, 5)
		without.Prefixes[0].Router = false
		byDefault := routerAdvertisement(agent, 5)
		byDefault.Information = nil
		nowhere := routerAdvertisement(agent, 5)
		nowhere.LinkLayer = nil
		for _, tt := range []struct {
			m    *message.RouterAdvertisement
			want discovery.SelfAdvertisement
		}{
			{plain, discovery.NotAsHomeAgent}, {without, discovery.WithoutAddress}, {nowhere, discovery.WithoutLinkLayer},
			{byDefault, discovery.WrongPreference}, {routerAdvertisement(agent, 5), discovery.Proper},
		} {
			b.log.take("")
			b.advertise(linkLocal, tt.m)
			if got := b.Status().Links[0].Self; got != tt.want {
				t.Errorf("own advertisement %s, want %s", got, tt.want)
			}
			b.advertise(linkLocal, tt.m)
			if written := b.log.take("advertised on its home link"); len(written) != 1 {
				t.Errorf("%s: log %q, want one line", tt.want, written)
			}
		}
		if n := b.Status().Links[0].HomeAgents; n != 0 {
			t.Errorf("we are %d of the other home agents", n)
		}
		b.log.take("")
		time.Sleep(40 * time.Minute)
		if got, written := b.Status().Links[0].Self, b.log.take("hint="); got != discovery.Unseen || len(written) != 1 {
			t.Errorf("after silence: %s, log %q", got, written)
		}
	}, physical())
}

func TestH42_Solicitation(t *testing.T) {
	link := physical()
	other := discovery.Prefix{
		Prefix: netip.MustParsePrefix("2001:db8:9::/64"), OnLink: true,
		Valid: lifetime.Until(start.Add(time.Hour)), Preferred: lifetime.Until(start.Add(-time.Hour)),
	}
	link.Prefixes = append(link.Prefixes, other)
	try(t, func(b *bench) {
		solicitation := rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}
		sent := b.arrive(solicitation, &message.PrefixSolicitation{ID: 0x0102})
		want := []rawsocket.Outgoing{{
			Source: agent, Destination: home, CareOf: careOf,
			Payload: message.Append(nil, &message.PrefixAdvertisement{ID: 0x0102, Prefixes: []message.Prefix{
				{Address: agent, Bits: 64, OnLink: true, Autonomous: true, Router: true, Valid: message.Infinite, Preferred: message.Infinite},
				{Address: netip.MustParseAddr("2001:db8:9::1"), Bits: 64, OnLink: true, Router: true, Valid: time.Hour},
			}}),
		}}
		if diff := cmp.Diff(want, sent, equal); diff != "" {
			t.Errorf("unexpected packets (-want +got):\n%s", diff)
		}
		time.Sleep(999 * time.Millisecond)
		if sent := b.arrive(solicitation, &message.PrefixSolicitation{}); len(sent) != 0 {
			t.Errorf("answered twice within a second: %+v", sent)
		}
		b.outcome(discovery.RateLimited, 1)
		time.Sleep(time.Millisecond)
		if sent := b.arrive(solicitation, &message.PrefixSolicitation{}); len(sent) != 1 {
			t.Error("not answered a second later")
		}
		time.Sleep(time.Minute)
		if sent := b.arrive(solicitation, &message.PrefixSolicitation{}); len(sent) != 1 {
			t.Error("not answered a minute later")
		}
	}, link)
}

func TestH42_NotAnswered(t *testing.T) {
	try(t, func(b *bench) {
		elsewhere := netip.MustParseAddr("2001:db8:7::7")
		b.bind(elsewhere, discovery.Binding{CareOf: careOf, HomeAgent: agent})
		for _, tt := range []struct {
			packet rawsocket.Packet
			want   discovery.Outcome
		}{
			{rawsocket.Packet{Source: home, Destination: agent}, discovery.NoHomeAddress},
			{rawsocket.Packet{Source: careOf, HomeAddress: netip.MustParseAddr("2001:db8:1::101"), Destination: agent}, discovery.NotBound},
			{rawsocket.Packet{Source: netip.MustParseAddr("2001:db8:2::6"), HomeAddress: home, Destination: agent}, discovery.OtherCareOf},
			{rawsocket.Packet{Source: careOf, HomeAddress: elsewhere, Destination: agent}, discovery.NotHomePrefix},
		} {
			if sent := b.arrive(tt.packet, &message.PrefixSolicitation{}); len(sent) != 0 {
				t.Errorf("%s: answered by %+v", tt.want, sent)
			}
			b.outcome(tt.want, 1)
		}
	}, physical())
}

// An advertisement leaves under ESP where there is a security association, and in
// the clear only if there is none and that is allowed.
func TestH42_Protection(t *testing.T) {
	solicitation := rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}
	for _, tt := range []struct {
		name           string
		possible, held uint32
		require        bool
		want           discovery.Outcome
		under          uint32
	}{
		{"an association", 7, 7, false, discovery.Answered, 7},
		{"an association is required", 7, 7, true, discovery.Answered, 7},
		{"none in the kernel", 7, 0, false, discovery.Unprotected, 0},
		{"none in the kernel, required", 7, 0, true, discovery.Unprotected, 0},
		{"none possible", 0, 0, false, discovery.Answered, 0},
		{"none possible, required", 0, 0, true, discovery.Unprotected, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tryWith(t, discovery.Config{Links: []discovery.Link{physical()}, RequireESP: tt.require}, func(b *bench) {
				b.bind(home, discovery.Binding{CareOf: careOf, HomeAgent: agent, Association: tt.possible})
				b.socket.associations = map[uint32]bool{tt.held: true}
				sent := b.arrive(solicitation, &message.PrefixSolicitation{ID: 1})
				b.outcome(tt.want, 1)
				if (len(sent) == 1) != (tt.want == discovery.Answered) || len(sent) == 1 && sent[0].Association != tt.under {
					t.Errorf("sent %+v, want one under association %d", sent, tt.under)
				}
				if got := b.Status().Counters.PrefixAdvertisements; got != uint64(len(sent)) {
					t.Errorf("%d advertisements counted, want %d", got, len(sent))
				}
			})
		})
	}
}

func TestAnycastAddressesAreJoined(t *testing.T) {
	virtual := discovery.Link{HomeAgents: []netip.Addr{netip.MustParseAddr("2001:db8:5::1")}, Prefixes: []discovery.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:5::/64")}}}
	try(t, func(b *bench) {
		time.Sleep(time.Hour)
		want := []string{anycast.String() + " on 7", "2001:db8:5:0:fdff:ffff:ffff:fffe on 1"}
		if diff := cmp.Diff(want, b.socket.joined); diff != "" {
			t.Errorf("unexpected joins (-want +got):\n%s", diff)
		}
		if s := b.Status().Links; s[0].Self != discovery.Unseen || s[1].Problem != "" {
			t.Errorf("status %+v", s)
		}
	}, physical(), virtual)
}

func TestProblemsAreTriedAgain(t *testing.T) {
	try(t, func(b *bench) {
		b.socket.fail = errors.New("no buffer space available")
		if sent := b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{}); len(sent) != 1 {
			t.Errorf("sent %+v", sent)
		}
		b.outcome(discovery.Unsent, 1)
		b.missing.Store(true)
		b.log.take("")
		time.Sleep(time.Minute)
		synctest.Wait()
		if s, written := b.Status().Links[0], b.log.take("WARN"); !strings.Contains(s.Problem, "home0") || len(written) != 1 {
			t.Errorf("status %+v, log %q", s, written)
		}
		b.missing.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := b.Status().Links[0]; s.Problem != "" {
			t.Errorf("status %+v", s)
		}
	}, physical())
}

func TestRunWithoutSocket(t *testing.T) {
	t.Parallel()
	wanted := errors.New("operation not permitted")
	s, err := discovery.New(discovery.Config{
		Binding: func(netip.Addr) (discovery.Binding, bool) { return discovery.Binding{}, true },
		Open:    func() (discovery.Socket, error) { return nil, wanted },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Bound(home) // before Run, as bindings are restored
	s.Unbound(home)
	if err := s.Run(t.Context()); !errors.Is(err, wanted) {
		t.Errorf("Run: %v, want %v", err, wanted)
	}
	if s.String() == "" {
		t.Error("the task has no name")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for o := range discovery.Outcomes {
		if discovery.Outcome(o).String() == "" {
			t.Errorf("outcome %d has no name", o)
		}
	}
}
