//go:build kerneltest

package xfrm_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/xfrm"
)

// Mobility Header message types (RFC 6275 section 6.1).
const (
	bindingUpdate          = 5
	bindingAcknowledgement = 6
)

const mobilityHeader = 135

// mobility is a Mobility Header message: 24 octets, enough for all types, that
// a sequence number tells apart. The kernel fills in the checksum.
func mobility(typ byte, sequence uint16) []byte {
	m := []byte{59, 2, typ, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(m[6:], sequence)
	return m
}

// transportSA is the command for a security association in transport mode for
// the Mobility Header between two hosts.
func transportSA(from, to netip.Addr, spi int, selector string) string {
	return fmt.Sprintf("ip xfrm state add src %s dst %s proto esp spi %d reqid 1001 mode transport "+
		"auth hmac(sha256) 0x%064x enc cbc(aes) 0x%032x %s", from, to, spi, spi, spi, selector)
}

// mobileSends makes the mobile node put its Home Address option into Binding
// Updates from one home address, under ESP if spi is not 0.
func (l *lab) mobileSends(home netip.Addr, spi int) {
	l.t.Helper()
	esp := ""
	if spi != 0 {
		esp = "tmpl proto esp mode transport reqid 1001"
		l.command(l.MobileNode, transportSA(home, homeAgent, spi, ""))
	}
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip -6 addr add %[1]s/128 dev lo nodad home
		ip xfrm state add src %[1]s dst %[2]s proto hao mode ro coa %[3]s
		ip xfrm policy add src %[1]s dst %[2]s proto 135 type 5 dir out priority 1 %[4]s tmpl src %[1]s dst %[2]s proto hao mode ro
		`, home, homeAgent, careOfA, esp))
}

// homeAgentTakes gives the home agent the other end of a mobile node's security
// association, as charon would: bound to that home address.
func (l *lab) homeAgentTakes(home netip.Addr, spi int) {
	l.t.Helper()
	l.command(l.HomeAgent, transportSA(home, homeAgent, spi, fmt.Sprintf("sel src %s dst %s proto 135", home, homeAgent)))
}

// mobilitySocket is a raw socket for the Mobility Header on a host.
func (l *lab) mobilitySocket(h *testbed.Host) int {
	l.t.Helper()
	return l.rawSocket(h, mobilityHeader)
}

// rawSocket is a raw socket for a protocol on a host.
func (l *lab) rawSocket(h *testbed.Host, protocol int) int {
	l.t.Helper()
	var fd int
	l.must(h.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		return err
	}))
	l.t.Cleanup(func() { unix.Close(fd) })
	l.must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}))
	return fd
}

// next returns the sequence number of the next Mobility Header message of a type
// on a socket.
func (l *lab) next(fd int, typ byte) uint16 {
	l.t.Helper()
	return binary.BigEndian.Uint16(l.nextWith(fd, 2, typ)[6:])
}

// nextICMP returns the identifier of the next ICMPv6 message of a type on a socket.
func (l *lab) nextICMP(fd int, typ byte) uint16 {
	l.t.Helper()
	return binary.BigEndian.Uint16(l.nextWith(fd, 0, typ)[4:])
}

// nextWith returns the next message on a socket that has an octet in its place.
func (l *lab) nextWith(fd, place int, octet byte) []byte {
	l.t.Helper()
	buffer := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		l.must(err)
		if n >= 8 && buffer[place] == octet {
			return buffer[:n]
		}
	}
}

func TestH46_OnlyTheOwnersSecurityAssociationCarriesABindingUpdate(t *testing.T) {
	l := newLab(t)
	l.set()
	fd := l.mobilitySocket(l.HomeAgent)
	third := netip.MustParseAddr("2001:db8:1::300")
	l.mobileSends(homeAddress, 0x100)
	l.homeAgentTakes(homeAddress, 0x100)
	l.mobileSends(third, 0)

	before := l.statistics()
	l.sendRaw(l.MobileNode, mobilityHeader, third, homeAgent, mobility(bindingUpdate, 1))
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, homeAgent, mobility(bindingUpdate, 2))
	if got := l.next(fd, bindingUpdate); got != 2 {
		t.Errorf("the first Binding Update delivered is number %d, want 2", got)
	}
	// Another's home address under a security association of one's own. The
	// sequence numbers begin anew, which the other end does not look at.
	l.command(l.MobileNode, fmt.Sprintf("ip xfrm state delete dst %s proto esp spi 0x100", homeAgent))
	l.mobileSends(otherAddress, 0x100)
	l.sendRaw(l.MobileNode, mobilityHeader, otherAddress, homeAgent, mobility(bindingUpdate, 3))
	l.command(l.MobileNode, fmt.Sprintf("ip xfrm state delete dst %s proto esp spi 0x100", homeAgent))
	l.command(l.MobileNode, transportSA(homeAddress, homeAgent, 0x100, ""))
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, homeAgent, mobility(bindingUpdate, 4))
	if got := l.next(fd, bindingUpdate); got != 4 {
		t.Errorf("the next Binding Update delivered is number %d, want 4", got)
	}
	want := map[string]int{"XfrmInTmplMismatch": 1, "XfrmInStateMismatch": 1}
	if diff := cmp.Diff(want, difference(before, l.statistics())); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	counters, err := l.kernel.Counters()
	l.must(err)
	if got := counters.IPsec["XfrmInTmplMismatch"]; got != 1 {
		t.Errorf("Counters has %d times XfrmInTmplMismatch, want 1: %v", got, counters)
	}
}

// However an unprotected Binding Update is dressed, and whatever type the kernel
// takes it for, it is not delivered.
func TestH46_NoDisguiseHelps(t *testing.T) {
	l := newLab(t)
	l.set()
	fd := l.mobilitySocket(l.HomeAgent)
	l.mobileSends(homeAddress, 0x100)
	l.homeAgentTakes(homeAddress, 0x100)
	l.mobileSends(otherAddress, 0) // with a Home Address option
	plain := netip.MustParseAddr("2001:db8:1::300")
	l.command(l.MobileNode, fmt.Sprintf("ip -6 addr add %s/128 dev lo nodad", plain))

	update := mobility(bindingUpdate, 1)
	trailed := append(update, mobility(77, 1)...)
	hopByHop := []byte{0, 0, 1, 4, 0, 0, 0, 0}
	disguises := []struct {
		from     netip.Addr
		hopByHop []byte
		data     []byte
	}{
		{plain, nil, update},             // as from home
		{plain, nil, trailed},            // as from home with something behind it
		{plain, hopByHop, update},        // as from home with a header before it
		{otherAddress, nil, trailed},     // with a Home Address option and something behind it
		{otherAddress, hopByHop, update}, // with a header before the Home Address option
	}
	before := l.statistics()
	for _, d := range disguises {
		l.sendWith(l.MobileNode, d.hopByHop, d.from, d.data)
	}
	l.sendRaw(l.MobileNode, mobilityHeader, homeAddress, homeAgent, mobility(bindingUpdate, 9))
	if got := l.next(fd, bindingUpdate); got != 9 {
		t.Errorf("the first Binding Update delivered is number %d, want 9", got)
	}
	if diff := cmp.Diff(map[string]int{"XfrmInTmplMismatch": len(disguises)}, difference(before, l.statistics())); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

// sendWith sends a Mobility Header message with a hop-by-hop options header.
func (l *lab) sendWith(h *testbed.Host, hopByHop []byte, from netip.Addr, data []byte) {
	l.t.Helper()
	fd := l.mobilitySocket(h)
	if hopByHop != nil {
		l.must(unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, string(hopByHop)))
	}
	l.must(unix.Bind(fd, &unix.SockaddrInet6{Addr: from.As16()}))
	l.must(unix.Sendto(fd, data, 0, &unix.SockaddrInet6{Addr: homeAgent.As16()}))
}

func difference(before, after map[string]int) map[string]int {
	d := make(map[string]int)
	for name, n := range after {
		if n != before[name] {
			d[name] = n - before[name]
		}
	}
	return d
}

// acknowledge sends a Binding Acknowledgement with a type 2 routing header to
// the mobile node's care-of address.
func acknowledge(fd int, home, careOf netip.Addr, sequence uint16) error {
	routing := append([]byte{0, 2, 2, 1, 0, 0, 0, 0}, careOf.AsSlice()...)
	control := make([]byte, unix.CmsgSpace(len(routing)))
	binary.NativeEndian.PutUint64(control, uint64(unix.CmsgLen(len(routing))))
	binary.NativeEndian.PutUint32(control[8:], unix.IPPROTO_IPV6)
	binary.NativeEndian.PutUint32(control[12:], unix.IPV6_RTHDR)
	copy(control[unix.CmsgLen(0):], routing)
	return unix.Sendmsg(fd, mobility(bindingAcknowledgement, sequence), control, &unix.SockaddrInet6{Addr: home.As16()}, 0)
}

func TestH56_AcknowledgementLeavesUnderESPOrNotAtAll(t *testing.T) {
	l := newLab(t)
	l.set()
	l.mobileTakesAcknowledgements()
	mobile, agent := l.mobilitySocket(l.MobileNode), l.mobilitySocket(l.HomeAgent)
	l.must(unix.Bind(agent, &unix.SockaddrInet6{Addr: homeAgent.As16()}))
	before := l.statistics()
	l.must(acknowledge(agent, homeAddress, careOfA, 1)) // dropped without an error
	if diff := cmp.Diff(map[string]int{"XfrmOutNoStates": 1}, difference(before, l.statistics())); diff != "" {
		t.Errorf("dropped for lack of a security association (-want +got):\n%s", diff)
	}
	for _, h := range []*testbed.Host{l.HomeAgent, l.MobileNode} {
		l.command(h, transportSA(homeAgent, homeAddress, 0x200, ""))
	}
	l.must(acknowledge(agent, homeAddress, careOfA, 2))
	if got := l.next(mobile, bindingAcknowledgement); got != 2 {
		t.Errorf("the first acknowledgement delivered is number %d, want 2", got)
	}
}

// With a reqid per mobile node a message leaves through a protected socket or
// not at all.
func TestProtectSocket(t *testing.T) {
	l := newLab(t)
	d := l.desired()
	d.ReqID = 0
	_, err := l.kernel.Set(t.Context(), d)
	l.must(err)
	l.mobileTakesAcknowledgements()
	for _, h := range []*testbed.Host{l.HomeAgent, l.MobileNode} {
		l.command(h, transportSA(homeAgent, homeAddress, 0x200, ""))
	}
	mobile, agent := l.mobilitySocket(l.MobileNode), l.mobilitySocket(l.HomeAgent)
	l.must(unix.Bind(agent, &unix.SockaddrInet6{Addr: homeAgent.As16()}))
	for i, step := range []struct {
		reqID uint32
		want  error
	}{{0, unix.EPERM}, {1002, unix.EAGAIN}, {1001, nil}, {1002, unix.EAGAIN}, {0, unix.EPERM}, {1001, nil}} {
		l.must(xfrm.ProtectSocket(agent, step.reqID, netip.Addr{}, netip.Addr{}))
		if err := acknowledge(agent, homeAddress, careOfA, uint16(i)); !errors.Is(err, step.want) {
			t.Errorf("step %d, reqid %d: got error %v, want %v", i, step.reqID, err, step.want)
		}
	}
	for _, want := range []uint16{2, 5} {
		if got := l.next(mobile, bindingAcknowledgement); got != want {
			t.Errorf("got acknowledgement %d, want %d", got, want)
		}
	}
}

// mobileTakesAcknowledgements makes the mobile node take Binding
// Acknowledgements under ESP with a type 2 routing header, and no others.
func (l *lab) mobileTakesAcknowledgements() {
	l.t.Helper()
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip -6 addr add %[1]s/128 dev lo nodad home
		ip xfrm state add src :: dst :: proto route2 mode ro coa :: flag wildrecv
		ip xfrm policy add src %[2]s dst %[1]s proto 135 type 6 dir in priority 1 tmpl proto esp mode transport reqid 1001 tmpl proto route2 mode ro level use
		`, homeAddress, homeAgent))
}
