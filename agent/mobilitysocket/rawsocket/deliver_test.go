package rawsocket

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobilitysocket/ancillary"
)

var (
	agent  = netip.MustParseAddr("2001:db8:1::1")
	home   = netip.MustParseAddr("2001:db8:1::100")
	careOf = netip.MustParseAddr("2001:db8:2::5")
)

// message is a packet as recvmmsg would return it.
func message(source netip.Addr, control []byte, flags int) *ipv6.Message {
	return &ipv6.Message{
		Addr:    &net.IPAddr{IP: source.AsSlice(), Zone: "eth0"},
		Buffers: [][]byte{{59, 0, 1, 2, 3}}, N: 2,
		OOB: control, NN: len(control), Flags: flags,
	}
}

// info is the packet information that Append writes, which has the layout of what is
// received.
func info() []byte {
	return ancillary.Append(make([]byte, 0, ancillary.SendSpace), ancillary.Sent{Source: agent})
}

func homeAddressOption(t *testing.T) []byte {
	t.Helper()
	header := append([]byte{135, 2, 1, 2, 0, 0, 201, 16}, careOf.AsSlice()...)
	b := unix.UnixRights(make([]int, len(header)/4)...) // of the right length
	copy(b[unix.CmsgLen(0):], header)
	level := b[unix.SizeofCmsghdr-8:]
	copy(level, []byte{unix.IPPROTO_IPV6, 0, 0, 0, unix.IPV6_DSTOPTS, 0, 0, 0})
	return b
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message *ipv6.Message
		want    *Packet
		count   func(Counters) uint64
	}{
		{
			name:    "plain",
			message: message(home, info(), 0),
			want:    &Packet{Source: home, Destination: agent, Payload: []byte{59, 0}},
		},
		{
			name:    "the exchange of addresses is undone",
			message: message(home, append(info(), homeAddressOption(t)...), 0),
			want:    &Packet{Source: careOf, HomeAddress: home, Destination: agent, Payload: []byte{59, 0}},
		},
		{
			name: "payload cut off", message: message(home, info(), unix.MSG_TRUNC),
			count: func(c Counters) uint64 { return c.Truncated },
		},
		{
			name: "control messages cut off", message: message(home, info(), unix.MSG_CTRUNC),
			count: func(c Counters) uint64 { return c.Truncated },
		},
		{
			name: "flawed", message: message(home, append(append(info(), homeAddressOption(t)...), homeAddressOption(t)...), 0),
			count: func(c Counters) uint64 { return c.Flawed[ancillary.OptionRepeated] },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *Packet
			s := new(Socket)
			s.deliver(tt.message, func(p *Packet) { got = p })
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("unexpected packet (-want +got):\n%s", diff)
			}
			c := s.Counters()
			if c.Received != 1 || tt.count != nil && tt.count(c) != 1 {
				t.Errorf("counters %+v", c)
			}
		})
	}
}
