package peer_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/diameter/peer"
)

// pipes is a network without sockets, for use in a synctest bubble: what is
// dialled or listened at is a name, and connections are pipes between loopback
// addresses.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
	dialled   chan net.Conn // the far ends of what is dialled at names not listened at
	remote    bool          // connections come from an address that is not loopback
}

func newPipes() *pipes {
	return &pipes{listeners: map[string]*pipeListener{}, dialled: make(chan net.Conn, 16)}
}

func (p *pipes) use(t *peer.Table) { t.UseNetwork(p.listen, p.hang) }

func (p *pipes) listen(_ context.Context, address string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.listeners[address] = l
	return l, nil
}

func (p *pipes) dial(ctx context.Context, address string) (net.Conn, error) {
	p.mu.Lock()
	l, from := p.listeners[address], loopback(1001)
	if p.remote {
		from = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:1001"))
	}
	p.mu.Unlock()
	a, b := net.Pipe()
	near, remote := pipeConn{a, from, loopback(1002)}, pipeConn{b, loopback(1002), from}
	if l == nil {
		p.dialled <- remote
		return near, nil
	}
	select {
	case l.conns <- remote:
		return near, nil
	case <-l.closed:
		return nil, io.ErrClosedPipe
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect connects a far end to a listener.
func (p *pipes) connect(t testing.TB, address string) *far {
	t.Helper()
	nc, err := p.dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return newFar(t, nc)
}

// taken is the far end of the next connection that was dialled.
func (p *pipes) taken(t testing.TB) *far {
	t.Helper()
	select {
	case nc := <-p.dialled:
		return newFar(t, nc)
	case <-time.After(patienceOfBubble):
		t.Fatal("nothing was dialled")
		return nil
	}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return loopback(3868) }

type pipeConn struct {
	net.Conn
	local, remote net.Addr
}

func (c pipeConn) LocalAddr() net.Addr  { return c.local }
func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

func loopback(port int) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv6Loopback(), uint16(port)))
}

// unreachable is an address of pipes where dialling hangs.
const unreachable = "unreachable:1"

func (p *pipes) hang(ctx context.Context, address string) (net.Conn, error) {
	if !strings.HasPrefix(address, "unreachable") {
		return p.dial(ctx, address)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// bubble runs a test with a Table on a network of pipes, in a time of its own.
func bubble(t *testing.T, c func() peer.Config, test func(t *testing.T, table *peer.Table, net *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		test(t, start(t, c(), net.use), net)
	})
}

// listening is where the configuration of these tests listens.
const listening = "127.0.0.1:0"
