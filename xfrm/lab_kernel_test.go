//go:build kerneltest

package xfrm_test

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/xfrm"
)

// Addresses in the laboratory besides the testbed's.
var (
	homeAddress  = netip.MustParseAddr("2001:db8:1::100")
	otherAddress = netip.MustParseAddr("2001:db8:1::200")
	homeAgent    = testbed.HomeAgentAddress
	careOfA      = testbed.CareOfAddressA
	careOfB      = testbed.CareOfAddressB
	peer         = testbed.CorrespondentAddress
)

const tunnelName = "mip6"

// lab is the testbed with a kernel to set on its home agent.
type lab struct {
	*testbed.Mobile
	t      *testing.T
	kernel *xfrm.Kernel
}

// newLab builds the testbed with the mobile node on foreign link A, and leads
// what goes to home addresses to the home agent: there is no neighbour
// discovery for them here.
func newLab(t *testing.T) *lab {
	t.Helper()
	m, err := testbed.NewMobile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Mobile: m, t: t}
	t.Cleanup(func() { l.must(m.Close()) })
	l.must(m.MoveTo(m.AtForeignA()))
	for _, home := range []netip.Addr{homeAddress, otherAddress} {
		l.must(m.Router.AddRoute(netip.PrefixFrom(home, 128), homeAgent))
	}
	l.kernel = l.open()
	return l
}

// open returns a kernel of the home agent, as a daemon just started has it.
func (l *lab) open() *xfrm.Kernel {
	l.t.Helper()
	var k *xfrm.Kernel
	l.must(l.HomeAgent.Do(func() (err error) {
		k, err = xfrm.Open(slog.New(slog.DiscardHandler))
		return err
	}))
	l.t.Cleanup(func() { l.must(k.Close()) })
	return k
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) desired(bindings ...xfrm.Binding) xfrm.Desired {
	return xfrm.Desired{
		HomeAgents:   []netip.Addr{homeAgent},
		HomePrefixes: []netip.Prefix{testbed.HomePrefix},
		ReqID:        1001,
		Tunnel:       xfrm.TunnelConfig{Name: tunnelName},
		Bindings:     bindings,
	}
}

func (l *lab) set(bindings ...xfrm.Binding) xfrm.Changes {
	l.t.Helper()
	changes, err := l.kernel.Set(l.t.Context(), l.desired(bindings...))
	l.must(err)
	return changes
}

func binding(home, careOf netip.Addr) xfrm.Binding {
	return xfrm.Binding{HomeAddress: home, CareOf: careOf, HomeAgent: homeAgent}
}

// command runs a command line on a host and returns what it printed.
func (l *lab) command(h *testbed.Host, line string) string {
	l.t.Helper()
	var output []byte
	err := h.Do(func() (err error) {
		words := strings.Fields(line)
		output, err = exec.CommandContext(l.t.Context(), words[0], words[1:]...).CombinedOutput()
		return err
	})
	if err != nil {
		l.t.Fatalf("running %q on %s: %v\n%s", line, h, err, output)
	}
	return string(output)
}

// commands runs lines of commands on a host.
func (l *lab) commands(h *testbed.Host, lines string) {
	l.t.Helper()
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			l.command(h, line)
		}
	}
}

// mobileTunnel gives the mobile node a tunnel from a care-of address, with its
// home address at the end of it.
func (l *lab) mobileTunnel(careOf netip.Addr) {
	l.t.Helper()
	l.commands(l.MobileNode, fmt.Sprintf(`
		ip link add ha0 type ip6tnl mode ip6ip6 local %s remote %s encaplimit none
		ip link set ha0 up
		ip -6 addr add %s/128 dev ha0 nodad
		ip -6 route replace %s via 2001:db8:2::2 dev eth0
		ip -6 route replace 2001:db8:3::/64 dev ha0 src %s`, careOf, homeAgent, homeAddress, homeAgent, homeAddress))
}

// statistics returns the home agent's XFRM counters that are not zero.
func (l *lab) statistics() map[string]int {
	l.t.Helper()
	var text []byte
	l.must(l.HomeAgent.Do(func() (err error) {
		// /proc/net is that of the process's first thread.
		text, err = os.ReadFile(fmt.Sprintf("/proc/self/task/%d/net/xfrm_stat", unix.Gettid()))
		return err
	}))
	counters := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if n, err := strconv.Atoi(words[1]); err == nil && n > 0 {
			counters[words[0]] = n
		}
	}
	return counters
}

// datagram is an IPv6 packet with UDP inside.
func datagram(from, to netip.Addr, port uint16, payload string) []byte {
	udp := binary.BigEndian.AppendUint16(nil, 9)
	udp = binary.BigEndian.AppendUint16(udp, port)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(payload)))
	udp = append(udp, 0, 0)
	udp = append(udp, payload...)
	binary.BigEndian.PutUint16(udp[6:], checksum(from, to, unix.IPPROTO_UDP, udp))
	header := []byte{0x60, 0, 0, 0, 0, 0, unix.IPPROTO_UDP, 64}
	binary.BigEndian.PutUint16(header[4:], uint16(len(udp)))
	header = append(header, from.AsSlice()...)
	header = append(header, to.AsSlice()...)
	return append(header, udp...)
}

// checksum is that of RFC 8200 section 8.1.
func checksum(from, to netip.Addr, protocol uint32, data []byte) uint16 {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(data)))
	pseudo = binary.BigEndian.AppendUint32(pseudo, protocol)
	pseudo = append(pseudo, data...)
	if len(pseudo)%2 == 1 {
		pseudo = append(pseudo, 0)
	}
	var sum uint32
	for i := 0; i < len(pseudo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(pseudo[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// sendRaw sends data as the payload of a protocol from one of a host's
// addresses.
func (l *lab) sendRaw(h *testbed.Host, protocol int, from, to netip.Addr, data []byte) {
	l.t.Helper()
	l.must(h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: from.As16()}); err != nil {
			return err
		}
		return unix.Sendto(fd, data, 0, &unix.SockaddrInet6{Addr: to.As16()})
	}))
}

// tunnelled sends a UDP datagram to the correspondent through the tunnel.
func (l *lab) tunnelled(careOf, source netip.Addr, port uint16, payload string) {
	l.t.Helper()
	l.sendRaw(l.MobileNode, unix.IPPROTO_IPV6, careOf, homeAgent, datagram(source, peer, port, payload))
}

// listener receives UDP datagrams.
type listener struct {
	t    *testing.T
	conn *net.UDPConn
	port uint16
}

func (l *lab) listen(h *testbed.Host) *listener {
	l.t.Helper()
	var conn *net.UDPConn
	l.must(h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp6", nil)
		return err
	}))
	l.t.Cleanup(func() { conn.Close() })
	return &listener{l.t, conn, uint16(conn.LocalAddr().(*net.UDPAddr).Port)}
}

// received returns what arrives until a datagram with the text end does.
func (r *listener) received(end string) []string {
	r.t.Helper()
	r.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var payloads []string
	buffer := make([]byte, 2048)
	for {
		n, _, err := r.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			r.t.Errorf("waiting for %q, after %d others: %v", end, len(payloads), err)
			return payloads
		}
		if string(buffer[:n]) == end {
			return payloads
		}
		payloads = append(payloads, string(buffer[:n]))
	}
}
