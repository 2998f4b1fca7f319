//go:build kerneltest

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/control"
	"homeagent/agent/mobilitysocket/wiretest"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

// A stranger is a mobile node that shares nothing with the laboratory's but
// strongSwan: commands program its kernel, and each octet that it sends is the
// test's. It protects the whole Mobility Header by one policy and leaves the
// tunnel's encapsulation limit as Linux has it.
type stranger struct {
	*system
	t        *testing.T
	userName string
	home     netip.Addr
	reqID    int
	fd       int // of its raw socket for Mobility Headers
}

const (
	physicalHomeLink = "[mobility]\nhome_link = \"physical\"\ninterface = \"" + testbed.Interface + "\"\n"
	strangersTunnel  = "stranger"
)

// stranger bootstraps user n, who is away on foreign link A, and has no security
// association yet.
func (s *system) stranger(t *testing.T, n int) *stranger {
	t.Helper()
	return s.strangerAt(t, n, s.bootstrap(t, n))
}

// strangerAt is user n away on foreign link A with that home address.
func (s *system) strangerAt(t *testing.T, n int, home netip.Addr) *stranger {
	t.Helper()
	node := &stranger{system: s, t: t, userName: user(n), home: home, reqID: 7700 + n}
	node.commands(s.MobileNode, fmt.Sprintf("ip -6 addr add %s/128 dev lo nodad home", node.home))
	node.sendsFrom(testbed.CareOfAddressA)
	err := s.MobileNode.Do(func() (err error) {
		node.fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, mobilityHeader)
		return errors.Join(err, unix.Bind(node.fd, &unix.SockaddrInet6{Addr: node.home.As16()}),
			unix.SetsockoptTimeval(node.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(node.fd) })
	return node
}

const mobilityHeader = 135

// A habit is a way to write a Binding Update that a mobile node may have, and the
// acknowledgement it is owed.
type habit struct {
	name    string
	message []byte
	want    acknowledgement
}

// run is a subtest with the mobile node as it is now. What comes after one that
// failed would be about something else.
func (s *stranger) run(name string, test func()) {
	outer := s.t
	defer func() { s.t = outer }()
	passed := outer.Run(name, func(t *testing.T) {
		s.t = t
		test()
	})
	if !passed {
		outer.FailNow()
	}
}

// must ends the test for an error.
func (s *stranger) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// asks are Binding Updates and what they are owed, in order.
func (s *stranger) asks(updates []habit) {
	s.t.Helper()
	for _, u := range updates {
		s.run(u.name, func() {
			if got := s.ask(u.message); got != u.want {
				s.t.Errorf("acknowledged by %+v, want %+v", got, u.want)
			}
		})
	}
}

// commands runs lines in a shell of a host.
func (s *stranger) commands(host *testbed.Host, lines string) string {
	s.t.Helper()
	output, err := host.Run(s.t.Context(), "sh", "-e", "-c", lines)
	if err != nil {
		s.t.Fatal(err)
	}
	return output
}

// sendsFrom makes the kernel put a Home Address option into what is sent to the
// home agent from now on, and take type 2 routing headers.
func (s *stranger) sendsFrom(careOf netip.Addr) {
	s.t.Helper()
	s.commands(s.MobileNode, fmt.Sprintf(`
		ip xfrm state add src :: dst :: proto route2 mode ro coa :: flag wildrecv 2>/dev/null || true
		ip xfrm state delete src %[1]s dst %[2]s proto hao 2>/dev/null || true
		ip xfrm state add src %[1]s dst %[2]s proto hao mode ro coa %[3]s
		ip xfrm policy update src %[1]s dst %[2]s proto 135 dir out priority 9 tmpl proto esp mode transport reqid %[4]d level required tmpl proto hao mode ro level use
		ip xfrm policy update src %[2]s dst %[1]s proto 135 dir in priority 9 tmpl proto esp mode transport reqid %[4]d level required tmpl proto route2 mode ro level use`,
		s.home, testbed.HomeAgentAddress, careOf, s.reqID))
}

// returnsHome makes the kernel send without a Home Address option, from the home
// link.
func (s *stranger) returnsHome() {
	s.t.Helper()
	s.commands(s.MobileNode, fmt.Sprintf("ip -6 addr delete %s/128 dev lo\nip link delete %s || true", s.home, strangersTunnel))
	if err := s.MoveTo(s.AtHome(s.home)); err != nil {
		s.t.Fatal(err)
	}
	s.commands(s.MobileNode, fmt.Sprintf(`
		ip xfrm policy update src %[1]s dst %[2]s proto 135 dir out priority 9 tmpl proto esp mode transport reqid %[3]d level required
		ip xfrm policy update src %[2]s dst %[1]s proto 135 dir in priority 9 tmpl proto esp mode transport reqid %[3]d level required`,
		s.home, testbed.HomeAgentAddress, s.reqID))
}

// tunnel sends what comes from the home address, and is not signalling, through
// a tunnel that is as Linux makes it.
func (s *stranger) tunnel(careOf netip.Addr) {
	s.t.Helper()
	s.commands(s.MobileNode, fmt.Sprintf(`
		ip link add %[4]s type ip6tnl mode ip6ip6 local %[3]s remote %[2]s
		ip link set %[4]s up
		ip -6 route add default dev %[4]s table 99
		ip -6 rule add from %[1]s to %[2]s priority 98 table main
		ip -6 rule add from %[1]s priority 99 table 99`,
		s.home, testbed.HomeAgentAddress, careOf, strangersTunnel))
}

// secure has strongSwan set up the security associations from a care-of address,
// for all types of Mobility Headers.
func (s *stranger) secure(careOf netip.Addr) { s.secureSome(careOf, "[135]", "[135]") }

// secureSome does it for what is sent and received as the selectors say.
func (s *stranger) secureSome(careOf netip.Addr, sent, received string) {
	s.t.Helper()
	key, err := psk.Derive(keyOf(s.reqID-7700), 1, s.home, testbed.HomeAgentAddress)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, name := soon(s.t), "stranger-"+s.home.String()
	err = strongswan.Ask(ctx, s.mnCharon.Socket(), func(ctx context.Context, link *vici.Link) error {
		return errors.Join(
			link.LoadShared(ctx, vici.Shared{ID: name, Owners: []string{"email:" + s.userName}, Key: key}),
			link.LoadConns(ctx, vici.Conn{
				Name: name, Local: careOf, Remote: testbed.HomeAgentAddress, LocalID: "email:" + s.userName, RemoteID: "ha.example.com",
				Children: []vici.Child{{
					Name: "mh", Mode: "transport_proxy", ReqID: uint32(s.reqID),
					LocalTS: []string{s.home.String() + "/128" + sent}, RemoteTS: []string{testbed.HomeAgentAddress.String() + "/128" + received},
				}},
			}))
	})
	if err == nil {
		err = strongswan.Initiate(ctx, s.mnCharon.Socket(), name, "mh")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// send sends a Mobility Header; the kernel adds the checksum.
func (s *stranger) send(message []byte) {
	s.t.Helper()
	if err := unix.Sendto(s.fd, message, 0, &unix.SockaddrInet6{Addr: testbed.HomeAgentAddress.As16()}); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns the next Mobility Header of a type that comes to the home
// address.
func (s *stranger) receive(typ byte) []byte {
	s.t.Helper()
	buffer := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(s.fd, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			s.t.Fatalf("waiting for MH Type %d: %v", typ, err)
		}
		if n >= 8 && buffer[2] == typ {
			return buffer[:n]
		}
	}
}

// An acknowledgement is what a Binding Acknowledgement says.
type acknowledgement struct {
	Status, Flags      byte
	Sequence, Lifetime uint16
}

// Flags and statuses as they are on the wire (RFC 6275 sections 6.1.7 and 6.1.8,
// RFC 3963 section 4).
const (
	flagsAH  = 0xc000
	flagsAHK = 0xd000
	flagL    = 0x2000
	flagR    = 0x0400
	ackK     = 0x80
	ackR     = 0x40
	outdated = 135
)

// ask sends a Binding Update and returns its acknowledgement, the next one that
// there is.
func (s *stranger) ask(message []byte) acknowledgement {
	s.t.Helper()
	s.send(message)
	return s.acknowledged()
}

func (s *stranger) acknowledged() acknowledgement {
	s.t.Helper()
	ack := s.receive(6)
	if len(ack) < 12 || len(ack)%8 != 0 || ack[0] != 59 || ack[3] != 0 || len(ack) != 8*(int(ack[1])+1) {
		s.t.Fatalf("unexpected Binding Acknowledgement % x", ack)
	}
	return acknowledgement{ack[6], ack[7], binary.BigEndian.Uint16(ack[8:]), binary.BigEndian.Uint16(ack[10:])}
}

// update writes a Binding Update with options behind it, padded at the end.
func update(sequence, flags, lifetime uint16, options ...byte) []byte {
	b := []byte{59, 0, 5, 0, 0, 0}
	for _, field := range []uint16{sequence, flags, lifetime} {
		b = binary.BigEndian.AppendUint16(b, field)
	}
	b = append(b, options...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	b[1] = byte(len(b)/8 - 1)
	return b
}

// alternate is an Alternate Care-of Address option where it stands right: behind
// two octets of padding.
func alternate(careOf netip.Addr) []byte { return append([]byte{1, 0, 3, 16}, careOf.AsSlice()...) }

// wire opens an interface of a host, to put packets on its link and see them.
func (s *stranger) wire(host *testbed.Host, name string) *wiretest.Wire {
	s.t.Helper()
	var wire *wiretest.Wire
	s.must(host.Do(func() (err error) {
		wire, err = wiretest.Open(name)
		return err
	}))
	s.t.Cleanup(func() { wire.Close() })
	return wire
}

// hardware is the link-layer address of a host's interface.
func (s *stranger) hardware(host *testbed.Host, name string) net.HardwareAddr {
	s.t.Helper()
	link, err := host.Netlink().LinkByName(name)
	s.must(err)
	return link.Attrs().HardwareAddr
}

// binding returns what the daemon knows of the home address.
func (s *stranger) binding() (control.Binding, bool) {
	s.t.Helper()
	for _, b := range s.bindings(s.t).Bindings {
		if b.HomeAddress == s.home {
			return b, true
		}
	}
	return control.Binding{}, false
}

// bindings asks the daemon as homeagentctl does.
func (s *system) bindings(t *testing.T) control.Bindings {
	t.Helper()
	var all control.Bindings
	if err := s.ctl.Get(t.Context(), "/v1/bindings", nil, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// counted waits until the daemon has counted something so much more often than
// before. It may do so more often: a tunnel of Linux solicits routers, too.
func (s *system) counted(t *testing.T, name string, before control.Bindings, times uint64) {
	t.Helper()
	var n uint64
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if n = s.bindings(t).Counters[name] - before.Counters[name]; n >= times {
			break
		}
	}
	if n < times {
		t.Errorf("%s counted %d times more, want %d: %v", name, n, times, s.bindings(t).Counters)
	}
}

// routes are those of the home agent that lead to the home address.
func (s *stranger) routes() string {
	s.t.Helper()
	return strings.TrimSpace(s.commands(s.HomeAgent, "ip -6 route show "+s.home.String()))
}
