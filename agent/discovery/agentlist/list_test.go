package agentlist_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/discovery/agentlist"
	"homeagent/agent/discovery/message"
)

var (
	start  = time.Unix(1_000_000, 0)
	first  = netip.MustParseAddr("fe80::1")
	second = netip.MustParseAddr("fe80::2")
	equal  = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

func global(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 14: byte(i >> 8), 15: byte(i)})
}

func prefix(a netip.Addr, valid time.Duration) message.Prefix {
	return message.Prefix{Address: a, Bits: 64, Router: true, Valid: valid, Preferred: valid}
}

// advertisement is one of a home agent with an address for an hour.
func advertisement(i int) *message.RouterAdvertisement {
	return &message.RouterAdvertisement{HomeAgent: true, RouterLifetime: 30 * time.Minute, Prefixes: []message.Prefix{prefix(global(i), time.Hour)}}
}

func information(ra *message.RouterAdvertisement, i message.Information) *message.RouterAdvertisement {
	ra.Information = &i
	return ra
}

func TestH39_Advertisements(t *testing.T) {
	t.Parallel()
	type step struct {
		after  time.Duration
		source netip.Addr
		ra     *message.RouterAdvertisement
		want   agentlist.Change
	}
	one := []agentlist.Agent{{Addresses: []netip.Addr{global(1)}}}
	tests := []struct {
		name  string
		steps []step
		after time.Duration
		want  []agentlist.Agent
	}{
		{
			name:  "defaults",
			steps: []step{{0, first, advertisement(1), agentlist.Added}},
			after: 29 * time.Minute, want: one,
		},
		{
			name:  "expires with the router lifetime",
			steps: []step{{0, first, advertisement(1), agentlist.Added}},
			after: 30 * time.Minute,
		},
		{
			name:  "renewed",
			steps: []step{{0, first, advertisement(1), agentlist.Added}, {20 * time.Minute, first, advertisement(1), agentlist.Renewed}},
			after: 29 * time.Minute, want: one,
		},
		{
			name: "home agent information",
			steps: []step{{0, first, information(advertisement(1), message.Information{
				Preference: 9, MobileRouter: true, Lifetime: 10 * time.Minute,
			}), agentlist.Added}},
			after: 9 * time.Minute,
			want:  []agentlist.Agent{{Preference: 9, MobileRouter: true, Addresses: []netip.Addr{global(1)}}},
		},
		{
			name: "expires with the home agent lifetime",
			steps: []step{{0, first, information(advertisement(1), message.Information{
				Lifetime: 10 * time.Minute,
			}), agentlist.Added}},
			after: 10 * time.Minute,
		},
		{
			name: "preference goes back to its default",
			steps: []step{
				{0, first, information(advertisement(1), message.Information{Preference: 9, Lifetime: time.Hour}), agentlist.Added},
				{time.Minute, first, advertisement(1), agentlist.Renewed},
			},
			want: one,
		},
		{
			name: "router lifetime 0, home agent lifetime not",
			steps: []step{{0, first, &message.RouterAdvertisement{
				HomeAgent: true, Information: &message.Information{Lifetime: time.Minute}, Prefixes: advertisement(1).Prefixes,
			}, agentlist.Added}},
			want: one,
		},
		{
			name: "home agent lifetime 0 deletes",
			steps: []step{
				{0, first, advertisement(1), agentlist.Added},
				{0, first, information(advertisement(1), message.Information{}), agentlist.Deleted},
			},
		},
		{
			name: "home agent flag cleared deletes",
			steps: []step{
				{0, first, advertisement(1), agentlist.Added},
				{0, first, &message.RouterAdvertisement{RouterLifetime: time.Hour}, agentlist.Deleted},
			},
		},
		{
			name: "neither is anything to one that is not there",
			steps: []step{
				{0, first, &message.RouterAdvertisement{RouterLifetime: time.Hour}, agentlist.Unchanged},
				{0, first, &message.RouterAdvertisement{HomeAgent: true}, agentlist.Unchanged},
			},
		},
		{
			name: "addresses add up",
			steps: []step{
				{0, first, advertisement(2), agentlist.Added},
				{0, first, advertisement(1), agentlist.Renewed},
				{0, second, advertisement(3), agentlist.Added},
			},
			want: []agentlist.Agent{{Addresses: []netip.Addr{global(1), global(2)}}, {Addresses: []netip.Addr{global(3)}}},
		},
		{
			name: "an address goes with its prefix",
			steps: []step{{0, first, &message.RouterAdvertisement{
				HomeAgent: true, RouterLifetime: time.Hour,
				Prefixes: []message.Prefix{prefix(global(1), time.Hour), prefix(global(2), time.Minute)},
			}, agentlist.Added}},
			after: time.Minute, want: one,
		},
		{
			name: "an address goes at once",
			steps: []step{
				{0, first, advertisement(1), agentlist.Added}, {0, first, advertisement(2), agentlist.Renewed},
				{0, first, &message.RouterAdvertisement{HomeAgent: true, RouterLifetime: time.Hour, Prefixes: []message.Prefix{prefix(global(2), 0)}}, agentlist.Renewed},
			},
			want: one,
		},
		{
			name: "what is no address of the router",
			steps: []step{{0, first, &message.RouterAdvertisement{
				HomeAgent: true, RouterLifetime: time.Hour,
				Prefixes: []message.Prefix{
					{Address: global(1), Bits: 64, Valid: time.Hour}, prefix(first, time.Hour),
					prefix(netip.MustParseAddr("ff0e::1"), time.Hour), prefix(netip.MustParseAddr("::ffff:192.0.2.1"), time.Hour),
				},
			}, agentlist.Added}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var list agentlist.List
			now := start
			for i, s := range tt.steps {
				now = now.Add(s.after)
				if got := list.Receive(s.source, s.ra, now); got != s.want {
					t.Errorf("advertisement %d: %s, want %s", i, got, s.want)
				}
			}
			if diff := cmp.Diff(tt.want, list.Agents(now.Add(tt.after)), equal); diff != "" {
				t.Errorf("unexpected agents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var list agentlist.List
	ra := &message.RouterAdvertisement{HomeAgent: true, RouterLifetime: time.Hour}
	for i := range 100 {
		ra.Prefixes = append(ra.Prefixes, prefix(global(i+1), time.Hour))
	}
	full := 0
	for i := range 1000 {
		source := netip.AddrFrom16([16]byte{0xfe, 0x80, 14: byte(i >> 8), 15: byte(i)})
		if list.Receive(source, ra, start) == agentlist.Full {
			full++
		}
	}
	agents := list.Agents(start)
	if len(agents) == 0 || len(agents)+full != 1000 || len(agents[0].Addresses) > 50 {
		t.Errorf("%d agents with %d addresses, %d refused", len(agents), len(agents[0].Addresses), full)
	}
}

func TestH40_Order(t *testing.T) {
	t.Parallel()
	agents := []agentlist.Agent{
		{Preference: 5, Addresses: []netip.Addr{global(1), global(2), global(3)}},
		{Preference: 9, MobileRouter: true, Addresses: []netip.Addr{global(4)}},
		{Preference: 5, MobileRouter: true, Addresses: []netip.Addr{global(5)}},
		{Preference: 5, Addresses: []netip.Addr{global(6)}},
		{Addresses: []netip.Addr{global(7)}},
	}
	before := fmt.Sprint(agents)
	shuffle := rand.New(rand.NewPCG(1, 2)).Shuffle
	orders := map[string]int{}
	for range 600 {
		got, routers := agentlist.Order(agents, false, message.MaxAgents, shuffle)
		if len(got) != 7 || got[0] != global(4) || got[6] != global(7) || routers {
			t.Fatalf("order %v, mobile routers %t", got, routers)
		}
		at := slices.Index(got, global(1))
		if three := []int{slices.Index(got, global(2)), slices.Index(got, global(3)), at}; slices.Max(three)-slices.Min(three) != 2 {
			t.Fatalf("the addresses of one agent are apart: %v", got)
		}
		orders[fmt.Sprint(got)]++
	}
	if len(orders) != 36 { // three agents, one of them with three addresses
		t.Errorf("%d orders seen in 600, want all 36", len(orders))
	}
	if after := fmt.Sprint(agents); after != before {
		t.Errorf("the agents were changed from %s to %s", before, after)
	}
}

func TestN2_MobileRouters(t *testing.T) {
	t.Parallel()
	with := agentlist.Agent{MobileRouter: true, Addresses: []netip.Addr{global(1)}}
	without := agentlist.Agent{Preference: 9, Addresses: []netip.Addr{global(2)}}
	tests := []struct {
		name   string
		agents []agentlist.Agent
		asked  bool
		want   []netip.Addr
		ok     bool
	}{
		{"not asked for", []agentlist.Agent{with, without}, false, []netip.Addr{global(2), global(1)}, false},
		{"one has it", []agentlist.Agent{with, without}, true, []netip.Addr{global(1)}, true},
		{"none has it", []agentlist.Agent{without}, true, []netip.Addr{global(2)}, false},
		{"nobody", nil, true, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := agentlist.Order(tt.agents, tt.asked, message.MaxAgents, rand.Shuffle)
			if ok != tt.ok || !slices.Equal(got, tt.want) {
				t.Errorf("%v, %t; want %v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestH40_ReplyFits(t *testing.T) {
	t.Parallel()
	var agents []agentlist.Agent
	for i := range 100 {
		agents = append(agents, agentlist.Agent{Preference: uint16(i), Addresses: []netip.Addr{global(i + 1)}})
	}
	got, _ := agentlist.Order(agents, false, message.MaxAgents, rand.Shuffle)
	if len(got) != message.MaxAgents || got[0] != global(100) || got[76] != global(24) {
		t.Errorf("%d addresses from %s to %s", len(got), got[0], got[len(got)-1])
	}
	octets := message.Append(nil, &message.AgentReply{Agents: got})
	if packet := 40 + len(octets); packet > 1280 || packet+16 <= 1280 {
		t.Errorf("packet of %d octets, want at most 1280 and not much less", packet)
	}
}

func TestChangeNames(t *testing.T) {
	t.Parallel()
	for c := agentlist.Unchanged; c <= agentlist.Full; c++ {
		if c.String() == "" {
			t.Errorf("change %d has no name", c)
		}
	}
}
