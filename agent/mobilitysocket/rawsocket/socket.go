package rawsocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv6"

	"homeagent/agent/mobilitysocket/ancillary"
)

const (
	// batch is how many packets one system call receives at most.
	batch = 32
	// MaxPayload is the longest payload that is received whole: a Mobility
	// Header of 2048 octets is the largest there is (RFC 6275 section 6.1.1),
	// and a Router Advertisement fits into a jumbo frame.
	MaxPayload = 9216
	// DefaultReceiveBuffer takes the Binding Updates of some ten thousand
	// mobile nodes that come at once; the kernel counts about 1 KiB for each.
	DefaultReceiveBuffer = 16 << 20

	// receivePause lies between attempts to receive after an error.
	receivePause = 100 * time.Millisecond
)

// A Config says what a socket is for.
type Config struct {
	// Protocol is the Next Header value of the packets, 1 to 255.
	Protocol int
	// ReceiveBuffer is the size of the receive buffer in octets,
	// DefaultReceiveBuffer if zero.
	ReceiveBuffer int
	// Types are the ICMPv6 types that are received; none means all. For
	// ICMPv6 only.
	Types []ipv6.ICMPType
	// Protect, if set, is called before each packet with the descriptor of the
	// socket it is sent from, the packet's Association, and in tunnel mode the
	// tunnel's ends.
	Protect func(fd int, association uint32, from, to netip.Addr) error
}

// A Packet is one that was received. Its Payload is valid until the function that
// it was handed to returns.
type Packet struct {
	// Source is the IPv6 source address on the wire.
	Source netip.Addr
	// HomeAddress is the address of the Home Address option, the zero Addr if
	// there was none.
	HomeAddress netip.Addr
	Destination netip.Addr // an address of ours, or a multicast one
	Interface   int        // index of the one that the packet arrived on
	HopLimit    int
	Mark        uint32 // the kernel's; see [ancillary.Received]
	Payload     []byte
}

// Outgoing is a packet to send.
type Outgoing struct {
	Source      netip.Addr // an address of ours; the zero Addr lets the kernel choose
	Destination netip.Addr
	// CareOf is where the packet goes by way of, with a type 2 routing header
	// (RFC 6275 section 6.4); the zero Addr sends without one.
	CareOf netip.Addr
	// Interface is the index of the only one that the packet may leave by,
	// whatever routes there are through others; 0 leaves it to the routes.
	Interface int
	// Association is the reqid of the ESP security association that the packet
	// has to leave under; 0 leaves it to the policies. Without one sending fails
	// with ErrNoAssociation.
	Association uint32
	// TunnelEnd is the far end of the association in tunnel mode, whose near end is
	// Source; the zero Addr is for transport mode.
	TunnelEnd netip.Addr
	Payload   []byte // the checksum is the kernel's to fill in
}

// A Socket receives and sends packets of one protocol.
type Socket struct {
	cfg    Config
	conn   *net.IPConn
	buffer int  // octets that the kernel gave
	marks  bool // it tells them
	flaws  [ancillary.Flaws]atomic.Uint64
	count  counts

	// sending keeps a packet and what Protect did for it together.
	sending sync.Mutex

	mu    sync.Mutex
	bound map[int]*net.IPConn // by interface, for sending only
}

type counts struct {
	received, truncated, overflowed, receiveErrors, sent, sendErrors atomic.Uint64
}

// Open opens a socket in the network namespace of the calling thread. It receives
// from then on, into its buffer until Serve runs.
func Open(cfg Config) (*Socket, error) {
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = DefaultReceiveBuffer
	}
	conn, err := listen(cfg.Protocol)
	if err != nil {
		return nil, err
	}
	s := &Socket{cfg: cfg, conn: conn, bound: map[int]*net.IPConn{}}
	if err = s.setReceiveOptions(); err == nil {
		err = filterTypes(conn, cfg.Types)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("setting options of the raw IPv6 socket for protocol %d: %w", cfg.Protocol, err)
	}
	return s, nil
}

func listen(protocol int) (*net.IPConn, error) {
	conn, err := net.ListenIP("ip6:"+strconv.Itoa(protocol), &net.IPAddr{IP: net.IPv6unspecified})
	if err != nil {
		return nil, fmt.Errorf("opening a raw IPv6 socket for protocol %d (CAP_NET_RAW is needed): %w", protocol, err)
	}
	return conn, nil
}

// ReceiveBuffer returns the size of the receive buffer that the kernel gave, in
// octets of packets and their overhead; less than was asked for without
// CAP_NET_ADMIN.
func (s *Socket) ReceiveBuffer() int { return s.buffer }

// Marks reports whether received packets' marks are known.
func (s *Socket) Marks() bool { return s.marks }

// Serve hands each received packet to handle until ctx ends, and returns nil then.
// Errors in receiving are counted, reported to report and survived.
func (s *Socket) Serve(ctx context.Context, handle func(*Packet), report func(error)) error {
	if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("receiving from the raw IPv6 socket for protocol %d: %w", s.cfg.Protocol, err)
	}
	defer context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	conn, messages := ipv6.NewPacketConn(s.conn), newMessages()
	for {
		n, err := conn.ReadBatch(messages, 0)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("receiving from the raw IPv6 socket for protocol %d: %w", s.cfg.Protocol, err)
		case err != nil:
			s.count.receiveErrors.Add(1)
			report(err)
			pause(ctx, receivePause)
		}
		for i := range n {
			s.deliver(&messages[i], handle)
		}
	}
}

func newMessages() []ipv6.Message {
	messages := make([]ipv6.Message, batch)
	for i := range messages {
		messages[i] = ipv6.Message{Buffers: [][]byte{make([]byte, MaxPayload)}, OOB: make([]byte, ancillary.ReceiveSpace)}
	}
	return messages
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// deliver hands a packet over unless it has to be discarded.
func (s *Socket) deliver(m *ipv6.Message, handle func(*Packet)) {
	s.count.received.Add(1)
	if truncated(m.Flags) {
		s.count.truncated.Add(1)
		return
	}
	control, flaw := ancillary.Parse(m.OOB[:m.NN])
	if control.Overflow != 0 {
		s.count.overflowed.Store(uint64(control.Overflow))
	}
	if flaw != ancillary.Sound {
		s.flaws[flaw].Add(1)
		return
	}
	handle(packet(m, control))
}

// packet undoes the exchange of addresses that the kernel did for a Home Address
// option.
func packet(m *ipv6.Message, control ancillary.Received) *Packet {
	p := &Packet{
		Source:      sourceOf(m.Addr),
		Destination: control.Destination,
		Interface:   control.Interface,
		HopLimit:    control.HopLimit,
		Mark:        control.Mark,
		Payload:     m.Buffers[0][:m.N],
	}
	if control.HomeAddressOption.IsValid() {
		p.HomeAddress, p.Source = p.Source, control.HomeAddressOption
	}
	return p
}

// sourceOf leaves the zone out: the interface is known.
func sourceOf(a net.Addr) netip.Addr {
	ip, ok := a.(*net.IPAddr)
	if !ok {
		return netip.Addr{}
	}
	source, _ := netip.AddrFromSlice(ip.IP)
	return source
}

// Close closes the socket; Serve ends with an error if it still runs.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.bound {
		conn.Close()
	}
	return s.conn.Close()
}
