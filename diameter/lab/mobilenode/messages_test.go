package mobilenode

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The kernel's structures, as its headers lay them out on a little-endian machine.
const (
	homeHex  = "20010db8000100000000000000001234"
	agentHex = "20010db8000100000000000000000001"
	careHex  = "20010db8000400000000000000000100"
	zeroHex  = "00000000000000000000000000000000"
)

// TestMigrateAttributes compares with struct xfrm_user_kmaddress and struct
// xfrm_user_migrate of linux/xfrm.h.
func TestMigrateAttributes(t *testing.T) {
	t.Parallel()
	p := &plane{home: home, agent: agent, reqID: 1001}
	tests := []struct {
		name string
		got  []byte
		want string
		size int
	}{
		{
			name: "kmaddress: local, remote, reserved, family",
			got:  p.keyManagers(netip.MustParseAddr("2001:db8:4::100")),
			want: careHex + agentHex + "00000000" + "0a00" + "0000", size: 40,
		},
		{
			name: "migrate: old and new destination and source, proto, mode, reserved, reqid, families",
			got:  p.transferOfNothing()[0].bytes(),
			want: zeroHex + zeroHex + homeHex + agentHex + "32" + "00" + "0000" + "e9030000" + "0a00" + "0a00", size: 76,
		},
		{
			name: "migrate of what is received in tunnel mode",
			got:  shield{reqID: 1003}.transfers(agent, home, netip.MustParseAddr("2001:db8:4::100"))[1].bytes(),
			want: homeHex + agentHex + careHex + agentHex + "32" + "01" + "0000" + "eb030000" + "0a00" + "0a00", size: 76,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := hex.EncodeToString(tt.got)
			want := tt.want + strings.Repeat("00", tt.size-len(tt.want)/2)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("octets (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExtensionState compares with what iproute2 sends for
// "ip xfrm state add src HOME dst AGENT proto hao mode ro coa ...".
func TestExtensionState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		protocol uint8
		from, to netip.Addr
		flags    uint8
	}{
		{"Home Address option", unix.IPPROTO_DSTOPTS, home, agent, 0},
		{"type 2 routing header", unix.IPPROTO_ROUTING, netip.IPv6Unspecified(), netip.IPv6Unspecified(), 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := extensionState(tt.protocol, tt.from, tt.to, tt.flags)
			if got.Id.Proto != tt.protocol || got.Id.Spi != 0 || got.Family != unix.AF_INET6 || got.Mode != 2 || got.Flags != tt.flags {
				t.Errorf("got %+v", got)
			}
			from, to := netip.AddrFrom16(got.Saddr), netip.AddrFrom16(got.Id.Daddr)
			if from != tt.from || to != tt.to {
				t.Errorf("from %s to %s, want from %s to %s", from, to, tt.from, tt.to)
			}
			if got.Lft.HardPacketLimit != ^uint64(0) || got.Lft.HardByteLimit != ^uint64(0) {
				t.Errorf("limits %+v: it would expire", got.Lft)
			}
		})
	}
}

// TestRules makes sure that signalling does not go into the tunnel.
func TestRules(t *testing.T) {
	t.Parallel()
	rules := (&plane{home: home, agent: agent}).rules()
	if len(rules) != 2 {
		t.Fatalf("%d rules", len(rules))
	}
	direct, tunnelled := rules[0], rules[1]
	if direct.Priority >= tunnelled.Priority {
		t.Errorf("priorities %d and %d: all would be tunnelled", direct.Priority, tunnelled.Priority)
	}
	if direct.Table != unix.RT_TABLE_MAIN || !direct.Dst.IP.Equal(agent.AsSlice()) || !direct.Src.IP.Equal(home.AsSlice()) {
		t.Errorf("direct rule %v", direct)
	}
	if tunnelled.Table != tunnelTable || tunnelled.Dst != nil || !tunnelled.Src.IP.Equal(home.AsSlice()) {
		t.Errorf("tunnel rule %v", tunnelled)
	}
}

func TestUnless(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		err, spare error
		want       error
	}{
		{"nothing wrong", nil, unix.ENOENT, nil},
		{"expected", unix.ENOENT, unix.ENOENT, nil},
		{"something else", unix.EPERM, unix.ENOENT, unix.EPERM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := unless(tt.err, tt.spare); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	careOf := netip.MustParseAddr("2001:db8:4::100")
	n := &Node{config: Config{
		UserName: "mn1@example.com", HomeAddress: home, HomeAgent: agent, HomeAgentIdentity: "ha.example.com",
	}}
	n.config.setDefaults()
	got := n.connection(Association{Name: n.connectionName(), CareOf: careOf})
	if got.Local != careOf || got.Remote != agent {
		t.Errorf("IKE runs between %s and %s, want care-of address and home agent", got.Local, got.Remote)
	}
	if got.LocalID != "email:mn1@example.com" || got.RemoteID != "ha.example.com" {
		t.Errorf("identities %q and %q", got.LocalID, got.RemoteID)
	}
	child := got.Children[0]
	if diff := cmp.Diff([]string{"2001:db8:1::1234/128[135]"}, child.LocalTS); diff != "" {
		t.Errorf("our selector (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2001:db8:1::1/128[135]"}, child.RemoteTS); diff != "" {
		t.Errorf("the home agent's selector (-want +got):\n%s", diff)
	}
	if child.Mode != "transport_proxy" || child.ReqID != 1001 {
		t.Errorf("mode %q, reqid %d", child.Mode, child.ReqID)
	}
}

// TestShields: what is to be protected has a CHILD_SA and policies of its own, after
// those for signalling, and return routability comes before the rest of the payload.
func TestShields(t *testing.T) {
	t.Parallel()
	careOf := netip.MustParseAddr("2001:db8:4::100")
	n := &Node{config: Config{HomeAddress: home, HomeAgent: agent, Protect: Protect{ReturnRoutability: true, Payload: true}}}
	n.config.setDefaults()
	var got []string
	for _, c := range n.connection(Association{}).Children[1:] {
		got = append(got, fmt.Sprint(c.Name, " ", c.Mode, " ", c.ReqID, " ", c.LocalTS, " ", c.RemoteTS))
	}
	for _, s := range n.config.shields() {
		for _, p := range s.policies(home, careOf, agent) {
			outside := p.Tmpls[0]
			got = append(got, fmt.Sprintf("%s %s>%s %d priority %d: %s>%s %d", p.Dir, p.Src, p.Dst, p.Proto, p.Priority, outside.Src, outside.Dst, outside.Reqid))
		}
	}
	want := []string{
		"return-routability tunnel 1002 [2001:db8:1::1234/128[135]] [::/0[135]]",
		"payload tunnel 1003 [2001:db8:1::1234/128] [::/0]",
		"dir out 2001:db8:1::1234/128>::/0 135 priority 20: 2001:db8:4::100>2001:db8:1::1 1002",
		"dir in ::/0>2001:db8:1::1234/128 135 priority 20: 2001:db8:1::1>2001:db8:4::100 1002",
		"dir out 2001:db8:1::1234/128>::/0 0 priority 30: 2001:db8:4::100>2001:db8:1::1 1003",
		"dir in ::/0>2001:db8:1::1234/128 0 priority 30: 2001:db8:1::1>2001:db8:4::100 1003",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CHILD_SAs and policies (-want +got):\n%s", diff)
	}
}

func TestSecurityString(t *testing.T) {
	t.Parallel()
	seen := map[string]Security{}
	for s := Unmoved; s <= Ended; s++ {
		if other, double := seen[s.String()]; double {
			t.Errorf("%d and %d are both %q", other, s, s)
		}
		seen[s.String()] = s
	}
}
