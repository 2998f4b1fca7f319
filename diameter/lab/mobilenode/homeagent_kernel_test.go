//go:build kerneltest

package mobilenode_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

// homeAgent is the least that a mobile node can register with: strongSwan, the
// kernel's policies typed in as commands, and a loop that answers Binding Updates
// with what answer says and does as much as its caller says in bind.
type homeAgent struct {
	t      *testing.T
	host   *testbed.Host
	charon *testbed.Charon
	socket int
	loop   sync.WaitGroup

	mu      sync.Mutex
	updates []received
	answer  func(received) *mobility.BindingAcknowledgement
}

// received is a Binding Update as the home agent's socket shows it.
type received struct {
	*mobility.BindingUpdate
	from   netip.Addr
	careOf netip.Addr // of the Home Address option; zero when there was none
}

// policies are the home agent's, as an engineer would type them.
const policies = `
xfrm state add src :: dst :: proto hao mode ro coa :: flag wildrecv
xfrm policy add src %[1]s dst %[2]s proto 135 type 5 dir in priority 2 tmpl proto esp mode transport reqid 1001 level required tmpl proto hao mode ro level use
xfrm policy add src %[2]s dst %[1]s proto 135 type 6 dir out priority 2 tmpl proto esp mode transport reqid 1001 level required
link add tmd type ip6tnl external
link set tmd up
`

func startHomeAgent(t *testing.T, lab *testbed.Mobile, home netip.Addr) *homeAgent {
	t.Helper()
	charon, err := lab.HomeAgent.StartCharon(charontest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := &homeAgent{t: t, host: lab.HomeAgent, charon: charon, answer: accept}
	h.run(fmt.Sprintf(policies, home, testbed.HomeAgentAddress))
	if err := h.host.Do(h.open); err != nil {
		t.Fatal(err)
	}
	h.loop.Go(h.serve)
	t.Cleanup(func() {
		unix.Shutdown(h.socket, unix.SHUT_RDWR)
		unix.Close(h.socket)
		h.loop.Wait()
		if t.Failed() {
			t.Logf("the home agent's strongSwan:\n%s", charon.Log())
		}
	})
	return h
}

func accept(u received) *mobility.BindingAcknowledgement {
	return &mobility.BindingAcknowledgement{Sequence: u.Sequence, Lifetime: u.Lifetime}
}

// run gives commands to ip, a line each.
func (h *homeAgent) run(commands string) {
	h.t.Helper()
	for line := range strings.Lines(strings.TrimSpace(commands)) {
		if _, err := h.host.Run(context.Background(), "ip", append([]string{"-6"}, strings.Fields(line)...)...); err != nil {
			h.t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
}

// trust lets strongSwan authenticate a mobile node.
func (h *homeAgent) trust(userName string, home netip.Addr, key psk.Key) {
	h.t.Helper()
	err := strongswan.Ask(h.t.Context(), h.charon.Socket(), func(ctx context.Context, link *vici.Link) error {
		return errors.Join(
			link.LoadShared(ctx, vici.Shared{ID: "mn", Owners: []string{userName}, Key: key}),
			link.LoadConns(ctx, connection(userName, home)),
		)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func connection(userName string, home netip.Addr) vici.Conn {
	return vici.Conn{
		Name: "mn", Local: testbed.HomeAgentAddress, LocalID: "ha.example.com", RemoteID: "email:" + userName,
		Proposals: []string{"aes128-sha256-x25519"},
		Children: []vici.Child{{
			Name: "mh", Mode: "transport_proxy", ReqID: 1001, Proposals: []string{"aes128-sha256"},
			LocalTS: []string{testbed.HomeAgentAddress.String() + "/128[135]"}, RemoteTS: []string{home.String() + "/128[135]"},
		}},
	}
}

func (h *homeAgent) open() (err error) {
	h.socket, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 135)
	if err == nil {
		err = unix.SetsockoptInt(h.socket, unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, 1)
	}
	return err
}

func (h *homeAgent) serve() {
	packet, control := make([]byte, 2048), make([]byte, 512)
	for {
		n, c, _, from, err := unix.Recvmsg(h.socket, packet, control, 0)
		if err != nil || n == 0 {
			return
		}
		message, err := mobility.Parse(packet[:n])
		update, ok := message.(*mobility.BindingUpdate)
		if err != nil || !ok {
			continue
		}
		h.handle(received{update, netip.AddrFrom16(from.(*unix.SockaddrInet6).Addr), careOf(control[:c])})
	}
}

func (h *homeAgent) handle(u received) {
	h.mu.Lock()
	h.updates = append(h.updates, u)
	answer := h.answer(u)
	h.mu.Unlock()
	if answer == nil {
		return
	}
	packet, err := mobility.Append(nil, answer)
	if err != nil {
		h.t.Error(err)
		return
	}
	to := &unix.SockaddrInet6{Addr: u.from.As16()}
	if err := unix.Sendmsg(h.socket, packet, routingHeader(u.careOf), to, 0); err != nil {
		h.t.Errorf("answering %s: %v", u.from, err)
	}
}

// careOf finds the care-of address: the kernel has swapped it into the Home Address
// option (type 201), which follows two octets of header and padding.
func careOf(control []byte) netip.Addr {
	messages, _ := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		if m.Header.Type != unix.IPV6_DSTOPTS {
			continue
		}
		for i := 2; i+18 <= len(m.Data); {
			switch m.Data[i] {
			case 0:
				i++
			case 201:
				return netip.AddrFrom16([16]byte(m.Data[i+2 : i+18]))
			default:
				i += 2 + int(m.Data[i+1])
			}
		}
	}
	return netip.Addr{}
}

// routingHeader is the control message for a type 2 routing header by way of a
// care-of address, none for a node that is at home.
func routingHeader(careOf netip.Addr) []byte {
	if !careOf.IsValid() {
		return nil
	}
	control := make([]byte, unix.CmsgSpace(24))
	control[0] = byte(unix.CmsgLen(24))
	control[8], control[12] = unix.IPPROTO_IPV6, unix.IPV6_RTHDR
	header := control[unix.CmsgLen(0):]
	header[1], header[2], header[3] = 2, 2, 1
	address := careOf.As16()
	copy(header[8:], address[:])
	return control
}

// bind forwards what is for the home address to the care-of address.
func (h *homeAgent) bind(home, careOf netip.Addr) {
	h.run(fmt.Sprintf("route replace %s/128 encap ip6 dst %s src %s dev tmd\nneigh replace proxy %s dev eth0",
		home, careOf, testbed.HomeAgentAddress, home))
	if err := h.host.Sysctl("net.ipv6.conf.eth0.proxy_ndp", "1"); err != nil {
		h.t.Error(err)
	}
}

// unbind gives the home address up.
func (h *homeAgent) unbind(home netip.Addr) {
	h.run(fmt.Sprintf("route del %s/128 dev tmd\nneigh del proxy %s dev eth0", home, home))
}

func (h *homeAgent) seen() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]received(nil), h.updates...)
}
