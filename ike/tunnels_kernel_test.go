//go:build kerneltest

package ike_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"homeagent/ike"
	"homeagent/ike/charontest"
	"homeagent/ike/vici"
)

// wants are the reports of what a mobile node wants, until none comes any more.
func (f *field) wants(want ...ike.Tunnels) {
	f.t.Helper()
	for _, w := range want {
		select {
		case got := <-f.tunnels:
			if got.Tunnels != w || got.HomeAddress != home(1) {
				f.t.Errorf("reported %+v, want %+v", got, w)
			}
		case <-time.After(patience):
			f.t.Fatalf("no report of %+v", w)
		}
	}
	select {
	case got := <-f.tunnels:
		f.t.Errorf("reported %+v, want nothing more", got)
	case <-time.After(300 * time.Millisecond):
	}
}

func (f *field) swanctl(d *charontest.Daemon, arguments ...string) {
	f.t.Helper()
	out, err := d.Swanctl(arguments...)
	if err != nil {
		f.t.Fatalf("swanctl %v: %v: %s", arguments, err, out)
	}
}

// request gives the mobile node a connection with these CHILD_SAs to ask for.
func (f *field) request(children ...vici.Child) {
	f.t.Helper()
	c := cred(1, 1)
	f.configure(c)
	for i := range children {
		children[i].Proposals = []string{"aes128-sha256"}
	}
	f.must(f.node.LoadConns(f.t.Context(), vici.Conn{
		Name: name(1), Local: careOf, Remote: homeAgent, LocalID: "email:" + c.UserName, RemoteID: "fqdn:ha.example.com",
		Proposals: []string{"aes128-sha256-x25519"}, Children: children,
	}))
}

// children are the CHILD_SAs at the home agent, with their reqids.
func (f *field) children() string {
	f.t.Helper()
	var names []string
	for sa, err := range f.link(f.ha).ListSAs(f.t.Context(), name(1)) {
		f.must(err)
		for _, c := range sa.Children {
			names = append(names, fmt.Sprint(c.Name, " ", c.ReqID))
		}
	}
	return strings.Join(names, ", ")
}

// TestKernelTunnels: what the real charon tells of CHILD_SAs, their rekeyings and
// their ends becomes what the mobile node wants.
func TestKernelTunnels(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	host := home(1).String() + "/128"
	f.request(
		vici.Child{Name: "mh", Mode: "transport_proxy", ReqID: 7, LocalTS: []string{host + "[135]"}, RemoteTS: []string{homeAgent.String() + "/128[135]"}},
		vici.Child{Name: "rr", Mode: "tunnel", ReqID: 8, LocalTS: []string{host + "[135]"}, RemoteTS: []string{"::/0[135]"}},
		vici.Child{Name: "all", Mode: "tunnel", ReqID: 9, LocalTS: []string{host}, RemoteTS: []string{"::/0"}},
	)
	both := ike.Tunnels{ReturnRoutability: true, Payload: true}
	f.must(f.node.Initiate(t.Context(), name(1), "mh"))
	f.wants()
	f.must(f.node.Initiate(t.Context(), name(1), "all"))
	f.must(f.node.Initiate(t.Context(), name(1), "rr"))
	f.wants(ike.Tunnels{Payload: true}, both)
	f.swanctl(f.mn, "--rekey", "--child", "all")
	f.swanctl(f.ha, "--rekey", "--child", "payload")
	f.swanctl(f.ha, "--rekey", "--ike", name(1))
	f.swanctl(f.mn, "--rekey", "--child", "rr")
	f.wants()
	f.swanctl(f.mn, "--terminate", "--child", "all")
	f.wants(ike.Tunnels{ReturnRoutability: true})
	f.must(f.node.Initiate(t.Context(), name(1), "all"))
	f.wants(both)

	// The home agent's charon ends the IKE_SA, the mobile node's does, the
	// daemon was away meanwhile: nobody has said that it wants less.
	f.swanctl(f.ha, "--terminate", "--ike", name(1))
	f.awaitDown()
	f.wants()
	for _, child := range []string{"mh", "all", "rr"} {
		f.must(f.node.Initiate(t.Context(), name(1), child))
	}
	f.swanctl(f.mn, "--terminate", "--ike", name(1))
	f.awaitDown()
	f.wants()
	f.endAgent()
	c := cred(1, 1)
	c.EstablishedAt, c.PayloadSA, c.RoutabilitySA = time.Now(), true, true
	f.startAgent(ike.Config{}, []ike.Credential{c})
	f.must(f.node.Initiate(t.Context(), name(1), "mh"))
	f.wants()
	f.must(f.node.Initiate(t.Context(), name(1), "all"))
	f.swanctl(f.mn, "--terminate", "--child", "all")
	f.wants(ike.Tunnels{ReturnRoutability: true})
}

// TestKernelSelectors: mobile nodes that select Mobility Header types, as RFC 4877
// section 7.2 has it, get the CHILD_SAs they mean.
func TestKernelSelectors(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	host := home(1).String() + "/128"
	const homeTestInit, homeTest, update, acknowledgement = 1 << 8, 3 << 8, 5 << 8, 6 << 8
	typed := func(address string, message int) []string {
		return []string{fmt.Sprintf("%s[135/%d]", address, message)}
	}
	f.request(
		vici.Child{Name: "mh", Mode: "transport_proxy", ReqID: 7, LocalTS: typed(host, update), RemoteTS: typed(homeAgent.String()+"/128", acknowledgement)},
		vici.Child{Name: "rr", Mode: "tunnel", ReqID: 8, LocalTS: typed(host, homeTestInit), RemoteTS: typed("::/0", homeTest)},
		vici.Child{Name: "all", Mode: "tunnel", ReqID: 9, LocalTS: []string{"::/0"}, RemoteTS: []string{"::/0"}},
	)
	for _, child := range []string{"mh", "rr", "all"} {
		f.must(f.node.Initiate(t.Context(), name(1), child))
	}
	want := fmt.Sprintf("mh 1001, ht %d, payload %d", ike.RoutabilityReqID(1001), ike.PayloadReqID(1001))
	if got := f.children(); got != want {
		t.Errorf("CHILD_SAs are %s, want %s", got, want)
	}
	f.wants(ike.Tunnels{ReturnRoutability: true}, ike.Tunnels{ReturnRoutability: true, Payload: true})
	if states := f.states(); strings.Count(states, " 1001\n") != 2 {
		t.Errorf("security associations are\n%s", states)
	}
}

// TestKernelRefusedPayload: where there is no CHILD_SA for the payload, a mobile
// node that asks for one does not come to protect what the home agent does not.
func TestKernelRefusedPayload(t *testing.T) {
	f := newField(t, ike.Config{RefusePayload: true})
	f.must(f.arm(cred(1, 1)))
	f.request(vici.Child{Name: "udp", Mode: "tunnel", ReqID: 9, LocalTS: []string{home(1).String() + "/128[udp]"}, RemoteTS: []string{"::/0[udp]"}})
	if err := f.node.Initiate(t.Context(), name(1), "udp"); err == nil {
		t.Errorf("a CHILD_SA for payload was granted: %s", f.children())
	}
	f.wants()
}
