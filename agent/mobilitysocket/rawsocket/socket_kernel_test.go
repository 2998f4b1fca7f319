//go:build kerneltest

package rawsocket_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobilitysocket/rawsocket"
	"homeagent/diameter/lab/testbed"
	"homeagent/xfrm"
)

const icmpv6 = 58

var echo = []byte{128, 0, 0, 0, 0, 1, 0, 1}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newHost returns a host with nothing but loopback, and a socket on it.
func newHost(t *testing.T, types ...ipv6.ICMPType) (*testbed.Host, *rawsocket.Socket) {
	t.Helper()
	bed, err := testbed.New(t.TempDir())
	check(t, err)
	t.Cleanup(func() { check(t, bed.Close()) })
	host, err := bed.Host("host")
	check(t, err)
	var socket *rawsocket.Socket
	check(t, host.Do(func() (err error) {
		socket, err = rawsocket.Open(rawsocket.Config{Protocol: icmpv6, Types: types})
		return err
	}))
	return host, socket
}

// serve runs the socket and returns what arrives, by ICMPv6 type, and the result.
func serve(ctx context.Context, socket *rawsocket.Socket) (<-chan byte, <-chan error) {
	received, done := make(chan byte, 100), make(chan error, 1)
	go func() {
		done <- socket.Serve(ctx, func(p *rawsocket.Packet) { received <- p.Payload[0] }, func(error) {})
	}()
	return received, done
}

func TestTypesAreFiltered(t *testing.T) {
	_, socket := newHost(t, ipv6.ICMPTypeEchoReply)
	received, _ := serve(t.Context(), socket)
	for range 3 {
		check(t, socket.Send(rawsocket.Outgoing{Destination: netip.IPv6Loopback(), Payload: echo}))
		if got := <-received; got != 129 {
			t.Errorf("received type %d, want 129", got)
		}
	}
	if c := socket.Counters(); c.Sent != 3 || c.Received != 3 {
		t.Errorf("counters %+v", c)
	}
	check(t, socket.Close())
}

// A packet without a security association is given back and holds up no other; the
// kernel's error for it is that for a full buffer.
func TestMissingAssociationIsNotWaitedFor(t *testing.T) {
	host, _ := newHost(t)
	check(t, host.Do(func() error {
		socket, err := rawsocket.Open(rawsocket.Config{Protocol: icmpv6, Protect: xfrm.ProtectSocket})
		if err != nil {
			return err
		}
		defer socket.Close()
		for range 3 {
			err := socket.Send(rawsocket.Outgoing{Destination: netip.IPv6Loopback(), Payload: echo, Association: 4711})
			if !errors.Is(err, rawsocket.ErrNoAssociation) {
				t.Errorf("sending without an association: %v", err)
			}
			check(t, socket.Send(rawsocket.Outgoing{Destination: netip.IPv6Loopback(), Payload: echo}))
		}
		return nil
	}))
}

// A buffer that is full is not taken for a missing security association: whoever hears
// of one sends in the clear.
func TestFullBufferInTheKernel(t *testing.T) {
	bed, err := testbed.New(t.TempDir())
	check(t, err)
	t.Cleanup(func() { check(t, bed.Close()) })
	host, err := bed.Host("host")
	check(t, err)
	link, err := bed.Link("link")
	check(t, err)
	check(t, link.Attach(host, "eth0"))
	check(t, host.AddAddress("eth0", netip.MustParsePrefix("2001:db8:1::1/64")))
	protect := func(fd int, association uint32, from, to netip.Addr) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // as little as there is
			return err
		}
		return xfrm.ProtectSocket(fd, association, from, to)
	}
	check(t, host.Do(func() error {
		socket, err := rawsocket.Open(rawsocket.Config{Protocol: icmpv6, Protect: protect})
		if err != nil {
			return err
		}
		defer socket.Close()
		// Packets wait in the buffer for the neighbour, which is not there.
		for err == nil {
			err = socket.Send(rawsocket.Outgoing{Destination: netip.MustParseAddr("2001:db8:1::2"), Payload: echo})
		}
		if errors.Is(err, rawsocket.ErrNoAssociation) || !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("sending with a full buffer: %v, want %v or %v", err, unix.EAGAIN, unix.ENOBUFS)
		}
		return nil
	}))
}

func TestServe(t *testing.T) {
	_, socket := newHost(t)
	for range 2 { // it can be called again
		ctx, cancel := context.WithCancel(t.Context())
		_, done := serve(ctx, socket)
		cancel()
		check(t, <-done)
	}
	_, done := serve(t.Context(), socket)
	time.Sleep(50 * time.Millisecond)
	check(t, socket.Close())
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := socket.Send(rawsocket.Outgoing{Destination: netip.IPv6Loopback(), Payload: echo}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sending after Close: %v", err)
	}
}

func TestJoinAnycast(t *testing.T) {
	host, socket := newHost(t)
	anycast := netip.MustParseAddr("2001:db8:1:0:fdff:ffff:ffff:fffe")
	if err := socket.JoinAnycast(anycast, 1); err == nil || !strings.Contains(err.Error(), "forwarding") {
		t.Errorf("joined on a host that does not forward: %v", err)
	}
	if err := socket.JoinAnycast(anycast, 99); err == nil {
		t.Error("joined on an interface that is not there")
	}
	check(t, host.Sysctl("net.ipv6.conf.all.forwarding", "1"))
	check(t, socket.JoinAnycast(anycast, 1))
	received, _ := serve(t.Context(), socket)
	check(t, socket.Send(rawsocket.Outgoing{Destination: anycast, Payload: echo}))
	if got := <-received; got != 128 {
		t.Errorf("received type %d, want 128", got)
	}
	check(t, socket.Close())
}
