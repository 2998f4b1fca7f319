//go:build kerneltest

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"homeagent/diameter/lab/testbed"
)

const mobileNetworks = `
[[mobility.network]]
user_name = "mn1@example.com"
prefix = "2001:db8:100::/56"
`

// network is a Mobile Network Prefix option (RFC 3963 section 4.3), padded to the
// next place for one.
func network(prefix string, length byte) []byte {
	return append(append([]byte{1, 0, 6, 18, 0, length}, netip.MustParseAddr(prefix).AsSlice()...), 1, 0)
}

// A mobile router of others brings its network along, named or not.
func TestN_MobileRouterOfOthers(t *testing.T) {
	s := newSystem(t, physicalHomeLink+mobileNetworks)
	router, node := s.stranger(t, 1), s.stranger(t, 2)
	router.secure(testbed.CareOfAddressA)
	node.secure(testbed.CareOfAddressA)
	const inside, other = "2001:db8:100:7::1", "2001:db8:100:8::1"
	router.tunnel(testbed.CareOfAddressA)
	router.inhabit(inside, other)
	router.asks([]habit{{"implicit mode", update(1, flagsAH|flagR, 100), acknowledgement{Flags: ackR, Sequence: 1, Lifetime: 100}}})
	router.run("its whole network is reached", func() { router.reaches(inside, other) })
	router.asks([]habit{
		{"explicit mode, a part", update(2, flagsAH|flagR, 100, network("2001:db8:100:7::", 64)...), acknowledgement{Flags: ackR, Sequence: 2, Lifetime: 100}},
		{"another's network", update(3, flagsAH|flagR, 100, network("2001:db8:200::", 64)...), acknowledgement{Status: 142, Sequence: 3}},
		{"one and another's", update(4, flagsAH|flagR, 100, append(network("2001:db8:100:7::", 64), network("2001:db8:200::", 64)...)...), acknowledgement{Status: 142, Sequence: 4}},
		{"no prefix at all", update(5, flagsAH|flagR, 100, network("2001:db8:100:7::", 129)...), acknowledgement{Status: 141, Sequence: 5}},
		{"a mobile node all of a sudden", update(6, flagsAH, 100), acknowledgement{Status: 139, Sequence: 6}},
		{"R without H", update(7, flagR, 100), acknowledgement{Status: 140, Sequence: 7}},
	})
	router.run("the part is reached, and nothing else may send", func() { router.partOnly(inside, other) })
	node.asks([]habit{
		{"who has no network", update(1, flagsAH|flagR, 100), acknowledgement{Status: 143, Sequence: 1}},
		{"who names another's", update(2, flagsAH|flagR, 100, network("2001:db8:100:9::", 64)...), acknowledgement{Status: 142, Sequence: 2}},
		{"who does not ask for any", update(3, flagsAH, 100, network("2001:db8:100:9::", 64)...), acknowledgement{Sequence: 3, Lifetime: 100}},
	})
	router.asks([]habit{{"de-registration without R", update(8, flagsAH, 0), acknowledgement{Sequence: 8}}})
	if routes := router.networkRoutes(); routes != "" {
		t.Errorf("routes are left: %s", routes)
	}
}

// inhabit puts addresses into the network behind the mobile router. The packets to
// the network come to the home agent.
func (s *stranger) inhabit(addresses ...string) {
	s.t.Helper()
	for _, a := range addresses {
		s.commands(s.MobileNode, fmt.Sprintf("ip -6 addr add %[1]s/128 dev lo nodad\nip -6 rule add from %[1]s priority 99 table 99", a))
	}
	s.must(s.Router.AddRoute(netip.MustParsePrefix("2001:db8:100::/56"), testbed.HomeAgentAddress))
}

func (s *stranger) reaches(addresses ...string) {
	s.t.Helper()
	for _, a := range addresses {
		if _, err := s.Correspondent.Ping(soon(s.t), netip.MustParseAddr(a)); err != nil {
			s.t.Error(err)
		}
	}
}

// partOnly finds out that an address inside of what is registered may send, and
// one outside may not.
func (s *stranger) partOnly(inside, other string) {
	s.reaches(inside)
	if routes := s.networkRoutes(); !strings.Contains(routes, "2001:db8:100:7::/64") || strings.Contains(routes, "/56") {
		s.t.Errorf("unexpected routes %s", routes)
	}
	before := s.bindings(s.t)
	cn := testbed.CorrespondentAddress
	node, there := s.wire(s.MobileNode, testbed.Interface), s.wire(s.Correspondent, testbed.Interface)
	for i, source := range []string{other, inside} {
		p := inTunnel(testbed.CareOfAddressA, testbed.HomeAgentAddress, echo(netip.MustParseAddr(source), cn, byte(i), 60))
		s.put(node, s.Router, s.ForeignA.String(), p)
	}
	if p := s.heard(there, echoRequest); p.Source != netip.MustParseAddr(inside) {
		s.t.Errorf("came through: %s", p)
	}
	s.counted(s.t, "tunnel_spoofed", before, 1)
}

func (s *stranger) networkRoutes() string {
	s.t.Helper()
	return strings.TrimSpace(s.commands(s.HomeAgent, "ip -6 route show root 2001:db8:100::/56"))
}
