//go:build kerneltest

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike"
	"homeagent/ike/vici"
)

// A traveller is a mobile node away from home in a system of its own.
type traveller struct {
	*system
	t    *testing.T
	home netip.Addr
	node *mobilenode.Node
}

// newTraveller bootstraps a mobile node and registers it on foreign link A.
func newTraveller(t *testing.T, mobilityOptions string, change func(*mobilenode.Config)) *traveller {
	t.Helper()
	s := newSystem(t, "[mobility]\n"+mobilityOptions)
	if err := s.Router.AddRoute(testbed.HomePrefix, testbed.HomeAgentAddress); err != nil {
		t.Log("the router knows the home link already")
	}
	v := &traveller{system: s, t: t, home: s.bootstrap(t, 1)}
	v.must(s.Router.AddRoute(netip.PrefixFrom(v.home, 128), testbed.HomeAgentAddress))
	config := mobilenode.Config{
		UserName: user(1), HomeAddress: v.home, HomeAgent: testbed.HomeAgentAddress, HomeAgentIdentity: "ha.example.com",
		Key: keyOf(1), KeyID: 1, Socket: s.mnCharon.Socket(), Interface: testbed.Interface,
	}
	change(&config)
	v.must(s.MobileNode.Do(func() (err error) {
		v.node, err = mobilenode.Open(config)
		return err
	}))
	t.Cleanup(func() { v.node.Close() })
	return v
}

func protectPayload(c *mobilenode.Config) {
	c.KeyManagement, c.Protect = true, mobilenode.Protect{ReturnRoutability: true, Payload: true}
}

func (v *traveller) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *traveller) register(careOf netip.Addr) mobilenode.Registration {
	v.t.Helper()
	r, err := v.node.Register(soon(v.t), careOf)
	v.must(err)
	return r
}

func (v *traveller) pinged() {
	v.t.Helper()
	_, err := v.Correspondent.Ping(soon(v.t), v.home)
	v.must(err)
}

// policies waits until the home agent's kernel has so many policies for the
// payload of the home address.
func (v *traveller) policies(want int) {
	v.t.Helper()
	v.await(v.t, fmt.Sprintf("%d policies for the payload", want), func() bool {
		text, err := v.HomeAgent.Run(soon(v.t), "ip", "xfrm", "policy", "list", "priority", "62770")
		v.must(err)
		return strings.Count(text, v.home.String()+"/128") == want
	})
}

// capture watches a link at the router.
func (v *traveller) capture(link string) *testbed.Capture {
	v.t.Helper()
	c, err := v.Router.Capture(soon(v.t), link, "ip6")
	v.must(err)
	return c
}

// concealed ends a capture and checks that it has ESP of tunnelled packets in it,
// and nothing else of what the home address sent and received.
func (v *traveller) concealed(c *testbed.Capture) {
	v.t.Helper()
	tunnelled, clear := v.seen(c)
	if tunnelled == 0 || len(clear) > 0 {
		v.t.Errorf("%s: %d packets under ESP and %d in the clear, the first: %q", c, tunnelled, len(clear), clear[:min(3, len(clear))])
	}
}

// seen ends a capture and sorts what it has of packets to and from the home address:
// those tunnelled under ESP, and those that can be read.
func (v *traveller) seen(c *testbed.Capture) (tunnelled int, clear []string) {
	v.t.Helper()
	time.Sleep(100 * time.Millisecond)
	v.must(c.Stop())
	lines, err := c.Decode(soon(v.t), "ipv6", "frame.protocols", "ipv6.src", "icmpv6.type", "mip6.mhtype")
	v.must(err)
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		switch {
		case strings.HasSuffix(fields[0], "ethertype:ipv6:esp"):
			tunnelled++
		case strings.Contains(fields[0], ":ipv6:ipv6:"), strings.HasPrefix(fields[2], "12"), fields[3] != "":
			clear = append(clear, line)
		}
	}
	return tunnelled, clear
}

// ids are the home agent's IKE_SAs: those from a care-of address, by number.
func (v *traveller) ids(careOf netip.Addr) (ids []uint32) {
	v.t.Helper()
	v.ask(v.t, func(ctx context.Context, link *vici.Link) error {
		for sa, err := range link.ListSAs(ctx, ike.ConnectionName(v.home)) {
			if err != nil {
				return err
			}
			if sa.Remote == careOf && sa.IsEstablished() {
				ids = append(ids, sa.UniqueID)
			}
		}
		return nil
	})
	return ids
}

// A correspondent answers Home Test Inits.
func (v *traveller) answerHomeTests() {
	v.t.Helper()
	var fd int
	v.must(v.Correspondent.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, mobilityHeader)
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		packet := make([]byte, 2048)
		for {
			n, from, err := unix.Recvfrom(fd, packet, 0)
			if err != nil || n == 0 {
				return
			}
			message, err := mobility.Parse(packet[:n])
			if init, ok := message.(*mobility.HomeTestInit); ok && err == nil {
				answer, err := mobility.Append(nil, &mobility.HomeTest{NonceIndex: 1, Cookie: init.Cookie, Token: mobility.Token{1}})
				if err == nil {
					err = unix.Sendto(fd, answer, 0, from)
				}
				if err != nil {
					v.t.Errorf("answering a Home Test Init: %v", err)
				}
			}
		}
	}()
	v.t.Cleanup(func() {
		unix.Shutdown(fd, unix.SHUT_RDWR)
		<-done
		unix.Close(fd)
	})
}

// A mobile node that asks for it has all its packets under ESP on the foreign link,
// return routability included, wherever it goes. With the K bit security
// associations and IKE_SA come along, and nobody authenticates again.
func TestH51_ProtectedPayloadMoves(t *testing.T) {
	v := newTraveller(t, "", protectPayload)
	capture := v.capture("foreign-a")
	v.register(testbed.CareOfAddressA)
	v.policies(3)
	v.pinged()
	if b := v.bindings(t).Bindings; len(b) != 1 || b[0].UnderESP != "payload and return routability" {
		t.Errorf("the operator sees %+v", b)
	}
	v.large()
	v.answerHomeTests()
	took, err := v.node.TestHome(soon(t), testbed.CorrespondentAddress)
	v.must(err)
	t.Logf("Home Test Init to Home Test: %v", took)
	v.concealed(capture)
	before := v.ids(testbed.CareOfAddressA)

	capture = v.capture("foreign-b")
	traffic, err := v.Correspondent.SendTraffic(v.home, 10*time.Millisecond)
	v.must(err)
	time.Sleep(300 * time.Millisecond)
	v.must(v.MoveTo(v.AtForeignB()))
	moved := v.register(testbed.CareOfAddressB)
	if moved.Security != mobilenode.Followed {
		t.Errorf("after the move: %v", moved.Security)
	}
	v.pinged()
	time.Sleep(300 * time.Millisecond)
	report := traffic.Stop()
	t.Logf("a move under traffic: %v; %v", moved, report)
	if report.Lost() > report.Sent/2 {
		t.Errorf("traffic over a move: %v", report)
	}
	_, err = v.node.TestHome(soon(t), testbed.CorrespondentAddress)
	v.must(err)
	v.concealed(capture)
	if after := v.ids(testbed.CareOfAddressB); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("IKE_SAs before the move %v, after it %v", before, after)
	}
	for _, child := range []string{"payload", "return-routability"} {
		if out, err := v.mnCharon.Swanctl("--rekey", "--child", child, "--ike", "home-"+v.home.String()); err != nil {
			t.Errorf("rekeying %s after the move: %v: %s", child, err, out)
		}
	}
	v.pinged()
	v.returns()
}

// large sends packets that fill the correspondent's link and do not fit into the
// tunnel: the home agent says so (RFC 6275 section 9.3.4, RFC 4301 section 8.2.1).
func (v *traveller) large() {
	v.t.Helper()
	mtu := func() int {
		routes, err := v.Correspondent.Netlink().RouteGet(v.home.AsSlice())
		v.must(err)
		return routes[0].MTU
	}
	if before := mtu(); before != 0 {
		v.t.Errorf("the correspondent knows an MTU of %d already", before)
	}
	var conn net.PacketConn
	v.must(v.Correspondent.Do(func() (err error) {
		conn, err = net.ListenPacket("udp6", "[::]:0")
		return err
	}))
	defer conn.Close()
	v.await(v.t, "a Packet Too Big", func() bool {
		_, err := conn.WriteTo(make([]byte, 1452), &net.UDPAddr{IP: v.home.AsSlice(), Port: 9})
		v.must(err)
		return mtu() > 0
	})
	if got := mtu(); got < 1380 || got > 1460 {
		v.t.Errorf("Packet Too Big tells of an MTU of %d", got)
	} else {
		v.t.Logf("MTU under ESP: %d", got)
	}
}

// returns goes home and away again.
func (v *traveller) returns() {
	v.t.Helper()
	v.must(v.MoveTo(v.AtHome(v.home)))
	_, err := v.node.ReturnHome(soon(v.t))
	v.must(err)
	v.policies(0)
	v.must(v.MoveTo(v.AtForeignA()))
	v.register(testbed.CareOfAddressA)
	v.policies(3)
	v.pinged()
}

// Without the K bit the IKE_SA from the former care-of address is ended, and the
// node makes another. Its packets are never in the clear meanwhile.
func TestH54_ProtectedPayloadWithoutK(t *testing.T) {
	v := newTraveller(t, "", func(c *mobilenode.Config) { c.Protect.Payload = true })
	v.register(testbed.CareOfAddressA)
	v.policies(3)
	v.pinged()
	capture := v.capture("foreign-b")
	traffic, err := v.Correspondent.SendTraffic(v.home, 10*time.Millisecond)
	v.must(err)
	v.must(v.MoveTo(v.AtForeignB()))
	if moved := v.register(testbed.CareOfAddressB); moved.Security != mobilenode.Renewed {
		t.Errorf("after the move: %v", moved.Security)
	}
	v.pinged()
	t.Logf("a move under traffic, without K: %v", traffic.Stop())
	v.concealed(capture)
	if a, b := v.ids(testbed.CareOfAddressA), v.ids(testbed.CareOfAddressB); len(a) != 0 || len(b) != 1 {
		t.Errorf("IKE_SAs from the former care-of address %v, from the new one %v", a, b)
	}
}

// What was protected is not forwarded in the clear because the daemon is away, nor
// because the IKE_SA is. A mobile node that ends the CHILD_SA itself is taken at its
// word.
func TestProtectedPayloadOutlivesTheDaemon(t *testing.T) {
	v := newTraveller(t, "", protectPayload)
	v.register(testbed.CareOfAddressA)
	v.policies(3)
	v.pinged()
	capture := v.capture("foreign-a")
	traffic, err := v.Correspondent.SendTraffic(v.home, 10*time.Millisecond)
	v.must(err)
	v.daemon.Kill()
	time.Sleep(300 * time.Millisecond)
	v.startDaemon(t)
	v.register(testbed.CareOfAddressA)
	if report := traffic.Stop(); report.Lost() > 0 || report.Sent < 30 {
		t.Errorf("traffic over a kill and a restart: %v", report)
	}

	v.daemon.Kill()
	name := ike.ConnectionName(v.home)
	if out, err := v.charon.Swanctl("--terminate", "--ike", name, "--force"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v.startDaemon(t)
	v.policies(3)
	v.unreachable()
	v.concealed(capture)

	_, err = v.node.Secure(soon(t), testbed.CareOfAddressA)
	v.must(err)
	v.pinged()
	if out, err := v.mnCharon.Swanctl("--terminate", "--child", "payload"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v.policies(0)
}

// unreachable checks that packets to the home address do not arrive.
func (v *traveller) unreachable() {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Second)
	defer cancel()
	if _, err := v.Correspondent.Ping(ctx, v.home); err == nil {
		v.t.Error("a packet arrived that should not")
	}
}

// A mobile node that does not ask for protection has its packets tunnelled as they
// are, unless the operator requires protection.
func TestPayloadInTheClear(t *testing.T) {
	for option, arrives := range map[string]bool{`payload_protection = "permit"`: true, `payload_protection = "require"`: false} {
		t.Run(option, func(t *testing.T) {
			v := newTraveller(t, option, func(*mobilenode.Config) {})
			capture := v.capture("foreign-a")
			v.register(testbed.CareOfAddressA)
			if !arrives {
				v.policies(3)
				v.unreachable()
			} else {
				v.policies(0)
				v.pinged()
			}
			if tunnelled, clear := v.seen(capture); tunnelled > 0 || (len(clear) > 0) != arrives {
				t.Errorf("%d packets under ESP and %d in the clear: %q", tunnelled, len(clear), clear)
			}
			v.changesItsMind(arrives)
		})
	}
}

// changesItsMind asks for protection when registered, and gives it up again, which
// only the operator's permission makes a difference.
func (v *traveller) changesItsMind(permitted bool) {
	v.t.Helper()
	_, err := v.node.Protect(soon(v.t), mobilenode.Protect{Payload: true})
	v.must(err)
	v.policies(3)
	v.pinged()
	_, err = v.node.Protect(soon(v.t), mobilenode.Protect{})
	v.must(err)
	if !permitted {
		v.unreachable()
		return
	}
	v.policies(0)
	v.pinged()
}

// Nobody gets a tunnel for addresses that are not its own, whatever it asks for.
func TestNobodyGetsAnothersPayload(t *testing.T) {
	v := newTraveller(t, "", func(*mobilenode.Config) {})
	other := v.bootstrap(t, 2)
	v.register(testbed.CareOfAddressA)
	tests := []struct {
		name, local, remote string
		want                string // the home agent's RemoteTS
	}{
		{"another's home address", other.String() + "/128", "::/0", ""},
		{"the other half of the home prefix", otherHalf(v.home).String(), "::/0", ""},
		{"everything", "::/0", "::/0", v.home.String() + "/128"},
		{"own and another's", other.String() + "/128," + v.home.String() + "/128", "::/0", v.home.String() + "/128"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := v.demand(tt.local, tt.remote)
			if got := v.granted(); got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("granted %q, want %q; %v", got, tt.want, err)
			}
		})
	}
}

// otherHalf is the half of the home prefix that an address is not in.
func otherHalf(home netip.Addr) netip.Prefix {
	octets := home.As16()
	octets[8] ^= 0x80
	return netip.PrefixFrom(netip.AddrFrom16(octets), testbed.HomePrefix.Bits()+1).Masked()
}

// demand has the mobile node's strongSwan set up a tunnel of its own making.
func (v *traveller) demand(local, remote string) error {
	v.t.Helper()
	v.must(strongswan.Ask(soon(v.t), v.mnCharon.Socket(), func(ctx context.Context, link *vici.Link) error {
		if _, err := link.Terminate(ctx, "greedy"); err != nil {
			return err
		}
		return link.LoadConns(ctx, vici.Conn{
			Name: "greedy", Local: testbed.CareOfAddressA, Remote: testbed.HomeAgentAddress,
			LocalID: "email:" + user(1), RemoteID: "ha.example.com",
			Children: []vici.Child{{
				Name: "greedy", Mode: "tunnel", ReqID: 77, LocalTS: strings.Split(local, ","), RemoteTS: []string{remote},
			}},
		})
	}))
	return strongswan.Initiate(soon(v.t), v.mnCharon.Socket(), "greedy", "greedy")
}

// granted are the addresses behind the tunnel that the home agent has agreed to.
func (v *traveller) granted() string {
	v.t.Helper()
	var all []string
	v.ask(v.t, func(ctx context.Context, link *vici.Link) error {
		for sa, err := range link.ListSAs(ctx, "") {
			if err != nil {
				return err
			}
			for _, child := range sa.Children {
				if child.ReqID > 1<<30 {
					all = append(all, child.RemoteTS...)
				}
			}
		}
		return nil
	})
	return strings.Join(all, " ")
}
