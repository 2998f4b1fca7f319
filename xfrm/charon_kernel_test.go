//go:build kerneltest

package xfrm_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
	"homeagent/xfrm"
	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

// subscriber is a mobile node as charon knows it.
type subscriber struct {
	name string
	home netip.Addr
	// transport and tunnel are the reqids of its two CHILD_SAs.
	transport, tunnel int
}

var subscribers = []subscriber{
	{"mn1", homeAddress, 5001, 6001},
	{"mn2", otherAddress, 5002, 6002},
}

// charons are two charons with a connection for each subscriber.
type charons struct {
	*lab
	agent, mobile *testbed.Charon
}

func (l *lab) charons() charons {
	l.t.Helper()
	agent, err := l.HomeAgent.StartCharon(charontest.Config{})
	l.must(err)
	mobile, err := l.MobileNode.StartCharon(charontest.Config{})
	l.must(err)
	c := charons{l, agent, mobile}
	c.load(agent, func(s subscriber) string {
		return fmt.Sprintf("local_addrs = %s\nlocal { auth = psk\n id = ha.example }\nremote { auth = psk\n id = %s@example }\n%s",
			homeAgent, s.name, children(s, homeAgent.String(), s.home.String()))
	})
	c.load(mobile, func(s subscriber) string {
		return fmt.Sprintf("remote_addrs = %s\nlocal { auth = psk\n id = %s@example }\nremote { auth = psk\n id = ha.example }\n%s",
			homeAgent, s.name, children(s, s.home.String(), homeAgent.String()))
	})
	return c
}

func children(s subscriber, local, remote string) string {
	tunnelLocal, tunnelRemote := "::/0", remote+"/128"
	if local != homeAgent.String() {
		tunnelLocal, tunnelRemote = local+"/128", "::/0"
	}
	return fmt.Sprintf(`children {
		mh { mode = transport_proxy
			policies = no
			reqid = %d
			local_ts = %s/128[135]
			remote_ts = %s/128[135]
			esp_proposals = aes128-sha256 }
		payload { mode = tunnel
			policies = no
			reqid = %d
			local_ts = %s
			remote_ts = %s
			esp_proposals = aes128-sha256 } }`, s.transport, local, remote, s.tunnel, tunnelLocal, tunnelRemote)
}

func (c charons) load(d *testbed.Charon, connection func(subscriber) string) {
	c.t.Helper()
	var conf strings.Builder
	for _, s := range subscribers {
		fmt.Fprintf(&conf, "connections { %s { version = 2\nmobike = no\nproposals = aes128-sha256-x25519\n%s } }\n", s.name, connection(s))
		fmt.Fprintf(&conf, "secrets { ike-%[1]s { id-1 = %[1]s@example\nsecret = secret-of-%[1]s } }\n", s.name)
	}
	c.must(d.WriteSwanctl(conf.String()))
	c.swanctl(d, "--load-all")
}

func (c charons) swanctl(d *testbed.Charon, arguments ...string) string {
	c.t.Helper()
	output, err := d.Swanctl(arguments...)
	if err != nil {
		c.t.Fatalf("swanctl %v: %v\n%s", arguments, err, output)
	}
	return output
}

// initiate makes the mobile node bring up a CHILD_SA.
func (c charons) initiate(s subscriber, child string) {
	c.t.Helper()
	c.swanctl(c.mobile, "--initiate", "--child", child, "--ike", s.name, "--timeout", "10")
}

// remote returns where charon on the home agent thinks a subscriber is.
func (c charons) remote(s subscriber) string {
	c.t.Helper()
	peer := fmt.Sprintf("remote '%s@example' @ ", s.name)
	for line := range strings.Lines(c.swanctl(c.agent, "--list-sas", "--ike", s.name)) {
		if _, rest, found := strings.Cut(line, peer); found {
			address, _, _ := strings.Cut(rest, "[")
			return address
		}
	}
	return "nowhere"
}

// await waits for something that comes within seconds.
func (l *lab) await(what string, done func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("still waiting for %s", what)
		}
	}
}

// mobilePlatform is the mobile node's kernel, for what ip(8) cannot do.
func (l *lab) mobilePlatform() *kernel.Linux {
	l.t.Helper()
	var linux *kernel.Linux
	l.must(l.MobileNode.Do(func() (err error) {
		linux, err = kernel.OpenLinux()
		return err
	}))
	l.t.Cleanup(linux.Close)
	return linux
}

func TestH54_CharonFollowsOneMobileNodeAndNoOther(t *testing.T) {
	l := newLab(t)
	d := l.desired()
	d.ReqID = 0
	_, err := l.kernel.Set(t.Context(), d)
	l.must(err)
	c := l.charons()
	for _, s := range subscribers {
		c.initiate(s, "mh")
	}
	before := l.command(l.HomeAgent, "ip xfrm state")
	m := xfrm.Migration{HomeAddress: homeAddress, HomeAgent: homeAgent, CareOf: careOfB, ReqID: 5001}
	for range 2 { // it can be repeated
		l.must(l.kernel.Migrate(t.Context(), m))
	}
	l.await("charon to follow", func() bool { return c.remote(subscribers[0]) == careOfB.String() })
	if got := c.remote(subscribers[1]); got != careOfA.String() {
		t.Errorf("charon moved the other mobile node to %s", got)
	}
	if diff := cmp.Diff(before, l.command(l.HomeAgent, "ip xfrm state")); diff != "" {
		t.Errorf("security associations (-before +after):\n%s", diff)
	}
	// The mobile node's charon hears of it the same way, and the two go on.
	l.must(l.MoveTo(l.AtForeignB()))
	l.moveMobilePeer(5001)
	c.swanctl(c.agent, "--rekey", "--child", "mh", "--ike", "mn1")
	l.await("a rekeyed CHILD_SA", func() bool { return strings.Contains(c.agent.Log(), "CHILD_SA mh{3} established") })
}

// moveMobilePeer tells the mobile node's charon of its new care-of address.
func (l *lab) moveMobilePeer(reqID uint32) {
	l.t.Helper()
	policy := object.Policy{
		Selector: object.Selector{
			Src: object.Host(homeAddress), Dst: object.Host(homeAgent),
			Protocol: mobilityHeader, Type: bindingUpdate, Typed: true,
		},
		Direction: object.Out,
		Templates: [2]object.Template{{Transform: object.ESP, Mode: object.Transport, ReqID: reqID}},
	}
	linux := l.mobilePlatform()
	l.must(linux.Apply(object.Replace, policy))
	nobody := netip.IPv6Unspecified()
	l.must(linux.Migrate(object.Migration{
		Policy: policy.Key(), Local: careOfB, Remote: homeAgent,
		Moves: []object.Move{{
			Mode: object.Transport, ReqID: reqID, FromSrc: nobody, FromDst: nobody, ToSrc: homeAddress, ToDst: homeAgent,
		}},
	}))
}

// mobilePolicies are the mobile node's half of a protected payload.
func mobilePolicies(s subscriber, careOf netip.Addr) []object.Policy {
	esp := object.Template{Transform: object.ESP, Mode: object.TunnelMode, ReqID: uint32(s.tunnel)}
	out, in := esp, esp
	out.Src, out.Dst = careOf, homeAgent
	in.Src, in.Dst = homeAgent, careOf
	remote := testbed.RemotePrefix
	return []object.Policy{{
		Selector:  object.Selector{Src: object.Host(s.home), Dst: remote},
		Direction: object.Out, Templates: [2]object.Template{out},
	}, {
		Selector:  object.Selector{Src: remote, Dst: object.Host(s.home)},
		Direction: object.In, Templates: [2]object.Template{in},
	}}
}

func TestH51_ProtectedPayloadMovesWithItsSecurityAssociations(t *testing.T) {
	l := newLab(t)
	b := binding(homeAddress, careOfA)
	b.Protection.Payload = uint32(subscribers[0].tunnel)
	l.set(b)
	c := l.charons()
	for _, s := range subscribers {
		c.initiate(s, "payload")
	}
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip -6 addr add %s/128 dev lo nodad
		ip -6 route add 2001:db8:3::/64 via 2001:db8:2::2 dev eth0 src %s`, homeAddress, homeAddress))
	linux := l.mobilePlatform()
	for _, p := range mobilePolicies(subscribers[0], careOfA) {
		l.must(linux.Apply(object.Add, p))
	}
	l.ping(l.Correspondent, homeAddress)
	l.ping(l.MobileNode, peer)
	l.refusesPlainPackets()

	b.CareOf = careOfB
	l.must(l.kernel.Bind(t.Context(), b))
	if changes := l.set(b); len(changes) != 0 {
		t.Errorf("after the move there was left to do:\n%s", changes)
	}
	l.await("charon to follow", func() bool { return c.remote(subscribers[0]) == careOfB.String() })
	if got := c.remote(subscribers[1]); got != careOfA.String() {
		t.Errorf("charon moved the other mobile node to %s", got)
	}
	l.moveProtectedMobile(linux)
	l.ping(l.Correspondent, homeAddress)
	l.ping(l.MobileNode, peer)

	// Nothing is left behind when the peers part.
	c.swanctl(c.agent, "--terminate", "--ike", "mn1", "--timeout", "10")
	if states := l.command(l.HomeAgent, "ip xfrm state"); strings.Contains(states, "reqid 6001 ") {
		t.Errorf("security associations left behind:\n%s", states)
	}
}

func (l *lab) ping(from *testbed.Host, to netip.Addr) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	if _, err := from.Ping(ctx, to); err != nil {
		l.t.Error(err)
	}
}

// refusesPlainPackets checks that packets from the home address do not pass
// without ESP.
func (l *lab) refusesPlainPackets() {
	l.t.Helper()
	before, err := l.kernel.Counters()
	l.must(err)
	l.tunnelled(careOfA, homeAddress, 9, "plain")
	l.await("a plain packet to be dropped", func() bool {
		after, err := l.kernel.Counters()
		l.must(err)
		return after.Spoofed == before.Spoofed+1
	})
}

// moveProtectedMobile takes the mobile node, its policies, its security
// associations and its charon to foreign link B.
func (l *lab) moveProtectedMobile(linux *kernel.Linux) {
	l.t.Helper()
	l.must(l.MoveTo(l.AtForeignB()))
	l.command(l.MobileNode, fmt.Sprintf("ip -6 route replace 2001:db8:3::/64 via 2001:db8:4::2 dev eth0 src %s", homeAddress))
	s := subscribers[0]
	after := mobilePolicies(s, careOfB)
	for i, p := range mobilePolicies(s, careOfA) {
		from, to := p.Templates[0], after[i].Templates[0]
		l.must(linux.Migrate(object.Migration{
			Policy: p.Key(), Local: careOfB, Remote: homeAgent,
			Moves: []object.Move{{
				Mode: object.TunnelMode, ReqID: uint32(s.tunnel),
				FromSrc: from.Src, FromDst: from.Dst, ToSrc: to.Src, ToDst: to.Dst,
			}},
		}))
	}
}

// A mobile node that returns home and leaves again goes on with its tunnels: while
// there is no binding and no policy, they stay with the IKE_SA (RFC 4877 section
// 4.2).
func TestH55_TunnelsWaitForTheNextJourney(t *testing.T) {
	l := newLab(t)
	d := l.desired()
	d.ReqID = 0
	_, err := l.kernel.Set(t.Context(), d)
	l.must(err)
	b := binding(homeAddress, careOfA)
	b.Protection.Payload = uint32(subscribers[0].tunnel)
	l.must(l.kernel.Bind(t.Context(), b))
	c := l.charons()
	for _, s := range subscribers {
		c.initiate(s, "mh")
		c.initiate(s, "payload")
	}
	spis := l.tunnels(careOfA)
	l.must(l.kernel.Unbind(t.Context(), homeAddress))
	m := xfrm.Migration{HomeAddress: homeAddress, HomeAgent: homeAgent, ReqID: 5001, Protection: b.Protection, From: careOfA}
	for _, to := range []netip.Addr{homeAddress, careOfB} {
		if m.CareOf = to; to == careOfB {
			b.CareOf = careOfB
			l.must(l.kernel.Bind(t.Context(), b))
		}
		l.must(l.kernel.Migrate(t.Context(), m))
		l.await("charon to follow", func() bool { return c.remote(subscribers[0]) == to.String() })
		if diff := cmp.Diff(spis, l.tunnels(to)); diff != "" {
			t.Errorf("associations with %s (-before +after):\n%s", to, diff)
		}
		m.From = to
	}
	if got := c.remote(subscribers[1]); got != careOfA.String() {
		t.Errorf("charon moved the other mobile node to %s", got)
	}
	c.swanctl(c.agent, "--terminate", "--ike", "mn1", "--force")
	if states := l.command(l.HomeAgent, "ip xfrm state"); strings.Contains(states, "reqid 6001 ") {
		t.Errorf("security associations left behind:\n%s", states)
	}
}

// tunnels are the SPIs of the first subscriber's associations in tunnel mode
// with a care-of address.
func (l *lab) tunnels(careOf netip.Addr) (spis []string) {
	l.t.Helper()
	var here bool
	for line := range strings.Lines(l.command(l.HomeAgent, "ip xfrm state")) {
		words := strings.Fields(line)
		if words[0] == "src" {
			here = words[1] == careOf.String() || words[3] == careOf.String()
		}
		if here && strings.Contains(line, "reqid 6001 ") {
			spis = append(spis, words[3])
		}
	}
	if len(spis) != 2 {
		l.t.Errorf("%d associations with %s, want 2", len(spis), careOf)
	}
	slices.Sort(spis)
	return spis
}
