package crowd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"homeagent/agent/mobility"
)

// Times between Binding Updates that are not answered (RFC 6275 sections 11.8 and
// 12).
const (
	firstTimeout = 1500 * time.Millisecond
	lastTimeout  = 32 * time.Second
)

// A medium carries IPv6 packets to neighbours and from them; see wire.
type medium interface {
	send(packet []byte, to net.HardwareAddr) error
	serve(handle func(packet []byte)) error
	close() error
}

// A Crowd is many mobile nodes on one interface.
type Crowd struct {
	wire    medium
	members []*member
	byHome  map[netip.Addr]*member
	// strange counts packets that were no acknowledgement that somebody waited
	// for; last tells of the latest.
	strange atomic.Int64
	last    atomic.Pointer[error]
}

// A member is a node with what it remembers.
type member struct {
	Node
	seal     *suite
	sequence uint16 // of the next Binding Update
	number   uint32 // of the last packet under ESP
	answers  chan *incoming
}

// An Update is what a Binding Update asks for.
type Update struct {
	CareOf   netip.Addr
	Lifetime time.Duration // in units of 4 s; 0 to deregister
	// Flags are set in addition to A and H.
	Flags mobility.UpdateFlags
}

// An Answer is an acknowledgement that came from the right home agent to the
// right place under the right security association, with the right sequence
// number.
type Answer struct {
	Status   mobility.Status
	Flags    mobility.AckFlags
	Lifetime time.Duration
	Sequence uint16
	// Sent is how many times the update was sent, each with a new sequence
	// number.
	Sent int
}

// Open puts a crowd on an interface of the calling thread's network namespace. It
// needs CAP_NET_RAW. Care-of addresses need not be configured there, but packets
// to them have to come that way.
func Open(device string, nodes []Node) (*Crowd, error) {
	w, err := openWire(device)
	if err != nil {
		return nil, err
	}
	c, err := gather(w, nodes)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return c, nil
}

func gather(w medium, nodes []Node) (*Crowd, error) {
	c := &Crowd{wire: w, byHome: make(map[netip.Addr]*member, len(nodes))}
	for _, n := range nodes {
		s, err := newSuite()
		if err != nil {
			return nil, err
		}
		m := &member{Node: n, seal: s, sequence: 1, answers: make(chan *incoming, 8)}
		c.members, c.byHome[n.HomeAddress] = append(c.members, m), m
	}
	return c, nil
}

// Run receives until Close.
func (c *Crowd) Run() error {
	s, err := newSuite()
	if err != nil {
		return err
	}
	return c.wire.serve(func(packet []byte) {
		if err := c.receive(packet, s); err != nil {
			c.strange.Add(1)
			c.last.Store(&err)
		}
	})
}

// Close ends Run.
func (c *Crowd) Close() error { return c.wire.close() }

// Len is the number of nodes.
func (c *Crowd) Len() int { return len(c.members) }

// Strange tells how many packets came that were no acknowledgement, or one that
// nobody waited for any more, and of the last one what was wrong with it.
func (c *Crowd) Strange() (int, error) {
	if err := c.last.Load(); err != nil {
		return int(c.strange.Load()), *err
	}
	return 0, nil
}

// receive hands a packet to the node that it is for.
func (c *Crowd) receive(packet []byte, s *suite) error {
	p, err := parse(packet, s)
	if errors.Is(err, errForeign) {
		return nil // Neighbor Discovery and the like
	}
	if err != nil {
		return fmt.Errorf("receiving a packet: %w", err)
	}
	m := c.byHome[p.home]
	if m == nil || p.spi != m.SPI+1 || p.agent != m.HomeAgent {
		return fmt.Errorf("receiving an acknowledgement for %s from %s with SPI %#x: it is nobody's", p.home, p.agent, p.spi)
	}
	select {
	case m.answers <- p:
		return nil
	default:
		return fmt.Errorf("receiving an acknowledgement for %s: nobody waits for it", p.home)
	}
}

// Update sends a Binding Update of node i, again and again with increasing
// sequence numbers, until one is acknowledged. A node has one update under way at
// a time.
func (c *Crowd) Update(ctx context.Context, i int, u Update) (Answer, error) {
	m := c.members[i]
	timer := time.NewTimer(firstTimeout)
	defer timer.Stop()
	a, first := Answer{}, m.sequence+1
	for timeout := firstTimeout; ; timeout = min(2*timeout, lastTimeout) {
		if err := c.post(m, u); err != nil {
			return a, fmt.Errorf("registering %s at %s: %w", m.HomeAddress, u.CareOf, err)
		}
		a.Sent++
		timer.Reset(timeout)
		ack, err := m.await(ctx, first, u.CareOf, timer.C)
		if err != nil {
			return a, fmt.Errorf("registering %s at %s, %d Binding Updates: %w", m.HomeAddress, u.CareOf, a.Sent, err)
		}
		if ack != nil {
			a.Status, a.Flags, a.Lifetime, a.Sequence = ack.Status, ack.Flags, ack.Lifetime.Duration(), ack.Sequence
			return a, nil
		}
	}
}

// post sends one Binding Update.
func (c *Crowd) post(m *member, u Update) error {
	m.sequence++
	m.number++
	update := &mobility.BindingUpdate{
		Sequence: m.sequence, Lifetime: mobility.LifetimeOf(u.Lifetime),
		Flags: mobility.FlagAcknowledge | mobility.FlagHomeRegistration | u.Flags,
	}
	update.AlternateCareOf = u.CareOf
	message, err := mobility.Append(nil, update)
	if err != nil {
		return err
	}
	o := outgoing{careOf: u.CareOf, home: m.HomeAddress, agent: m.HomeAgent, spi: m.SPI, number: m.number, message: message}
	return c.wire.send(o.append(make([]byte, 0, 256), m.seal), m.Gateway)
}

// await waits for the acknowledgement of the update that was sent with sequence
// numbers from first on; nil if none came in time. Those of updates before it are
// late and passed over.
func (m *member) await(ctx context.Context, first uint16, careOf netip.Addr, timeout <-chan time.Time) (*mobility.BindingAcknowledgement, error) {
	for {
		select {
		case p := <-m.answers:
			if p.ack.Sequence-first <= m.sequence-first && p.careOf == careOf {
				return p.ack, nil
			}
		case <-timeout:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
