package peer

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// readBuffer is what one system call reads at most.
const readBuffer = 16 << 10

// linger bounds how long we wait for the other end to close after the last
// message, so that it can be read.
const linger = time.Second

// A conn is one transport connection, from the first octet after TLS on. One
// goroutine reads it, one writes, and the goroutine of its peer decides.
type conn struct {
	net       net.Conn
	in        *bufio.Reader
	out       *outbox
	limit     int // longest message accepted
	initiated bool
	transport Transport
	tls       tls.ConnectionState
	remote    netip.AddrPort
	local     netip.AddrPort

	own base.Capabilities // what we tell in the capabilities exchange

	// Known after it.
	cer  *diameter.Message // the CER to be answered, on a connection we accepted
	caps base.Capabilities
	info Info

	asked    questions
	received atomic.Int64 // when the last message came, in time since epoch
	epoch    time.Time
	// poke asks the reader to tell the peer of the next message of any kind.
	poke atomic.Bool

	settled chan struct{} // closed when it is open, or never will be
	open    atomic.Bool
	closing atomic.Bool // DPR was sent or received: no more requests and answers to them

	once sync.Once
	gone chan struct{} // closed when it is closed
	err  error         // why, once gone is closed
}

func newConn(nc net.Conn, initiated bool, limits Limits, timers Timers) *conn {
	c := &conn{
		net: nc, in: bufio.NewReaderSize(nc, readBuffer), out: newOutbox(limits.Outgoing, timers.Write),
		limit: limits.Message, initiated: initiated, transport: TCP,
		remote: addrPort(nc.RemoteAddr()), local: addrPort(nc.LocalAddr()),
		epoch: time.Now(), settled: make(chan struct{}), gone: make(chan struct{}),
	}
	if secure, ok := nc.(*tls.Conn); ok {
		c.transport, c.tls = TLS, secure.ConnectionState()
	}
	c.asked.init()
	return c
}

// addrPort is the address without an IPv4 address dressed as IPv6.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// next reads one message.
func (c *conn) next() (*diameter.Message, error) {
	frame, err := diameter.ReadFrame(c.in, c.limit)
	if err != nil {
		return nil, err
	}
	return diameter.Parse(frame)
}

// touch notes that a message came.
func (c *conn) touch() { c.received.Store(int64(time.Since(c.epoch))) }

// lastReceived is when the last message came.
func (c *conn) lastReceived() time.Time { return c.epoch.Add(time.Duration(c.received.Load())) }

// send takes a message to be written, without waiting; false means that the
// connection is ending.
func (c *conn) send(m *diameter.Message) bool { return c.out.send(m) }

// reply sends the encoded answer to a request of an application.
func (c *conn) reply(frame []byte) bool { return !c.closing.Load() && c.out.sendFrame(frame) }

// write is the goroutine that writes.
func (c *conn) write() {
	if err := c.out.run(c.net, c.gone); err != nil {
		c.abort(fmt.Errorf("writing to the peer: %w", err))
		return
	}
	c.farewell()
}

// farewell ends our direction and gives the other end a moment to read what we
// wrote and to close: closing with unread octets in our buffers would reset the
// connection, and the other end might never see the last message.
func (c *conn) farewell() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.net.SetReadDeadline(time.Now().Add(linger)) != nil {
		c.abort(errEnded)
	}
}

// errEnded is why a connection closed that we meant to close.
var errEnded = errors.New("the connection was ended")

// settle lets the reader go on: the connection is open, or about to be closed.
func (c *conn) settle(open bool) {
	if open {
		c.open.Store(true)
	}
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
}

// finish closes the connection when all is written.
func (c *conn) finish() {
	c.open.Store(false)
	c.settle(false)
	c.out.finish()
}

// abort closes the connection at once. The first reason stays.
func (c *conn) abort(err error) {
	c.once.Do(func() {
		c.err = err
		c.open.Store(false)
		close(c.gone)
		c.raw().Close()
	})
}

// raw is the connection below TLS, closing which never waits for the peer.
func (c *conn) raw() net.Conn {
	if secure, ok := c.net.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return c.net
}

// reset is abort with a TCP reset, which RFC 6733 section 2.1 wants after
// octets that cannot be parsed.
func (c *conn) reset(err error) {
	if l, ok := c.raw().(interface{ SetLinger(int) error }); ok {
		l.SetLinger(0) // failing, it is closed all the same
	}
	c.abort(err)
}

// discard reads on after finish, until the other end closes or the deadline is
// over.
func (c *conn) discard() { io.Copy(io.Discard, c.in) }

// refuse writes a last message on a connection that no goroutine serves yet,
// calls written, and waits a moment for the other end to close.
func (c *conn) refuse(m *diameter.Message, written func()) {
	c.send(m)
	c.out.finish()
	c.write()
	written()
	c.discard()
	c.abort(errEnded)
}
