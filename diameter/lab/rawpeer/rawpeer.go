// Package rawpeer is a Diameter peer on one connection that somebody else
// opened: it introduces itself and sends whatever it is given, right or wrong,
// so that tests can see what comes back.
//
// It knows CER, DWR and DPR and nothing of applications; package peer is what a
// program uses. Exported: [Open] and [Peer] with Do and Raw.
package rawpeer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// ErrClosed says that the other end closed the connection.
var ErrClosed = errors.New("the connection is closed")

// A Peer speaks on one connection. Its methods may be called from several
// goroutines; answers come in any order.
type Peer struct {
	conn net.Conn
	id   diameter.Identity

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]chan *diameter.Message // by hop-by-hop identifier
	ended   chan struct{}
}

// Open exchanges capabilities over conn, which the Peer closes from then on. The
// application is announced under its vendor.
func Open(conn net.Conn, id diameter.Identity, vendor, application uint32) (*Peer, error) {
	p := &Peer{
		conn: conn, id: id, next: uint32(time.Now().UnixNano()),
		waiting: map[uint32]chan *diameter.Message{}, ended: make(chan struct{}),
	}
	go p.read()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cea, err := p.Do(ctx, "", p.capabilities(vendor, application))
	if err == nil && Result(cea) != diameter.Success {
		err = fmt.Errorf("the answer is %v", Result(cea))
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("exchanging capabilities as %s: %w", id.Host, err)
	}
	return p, nil
}

// Close closes the connection without a word.
func (p *Peer) Close() error { return p.conn.Close() }

func (p *Peer) capabilities(vendor, application uint32) *diameter.Message {
	m := &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: diam.CapabilitiesExchange}}
	m.Add(p.id.AVPs()...)
	m.Add(
		diameter.NewAddress(avp.HostIPAddress, 0, diameter.AVPMandatory, addressOf(p.conn)),
		diameter.NewUnsigned32(avp.VendorID, 0, diameter.AVPMandatory, vendor),
		diameter.NewUTF8(avp.ProductName, 0, 0, "rawpeer"),
		diameter.NewGroup(avp.VendorSpecificApplicationID, 0, diameter.AVPMandatory,
			diameter.NewUnsigned32(avp.VendorID, 0, diameter.AVPMandatory, vendor),
			diameter.NewUnsigned32(avp.AuthApplicationID, 0, diameter.AVPMandatory, application)),
	)
	return m
}

func addressOf(conn net.Conn) netip.Addr {
	if at, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		return at.Addr()
	}
	return netip.IPv6Loopback()
}

// Do sends a request and returns its answer. It gives the request identifiers
// unless it has an End-to-End Identifier already, as a retransmission has.
func (p *Peer) Do(ctx context.Context, _ string, request *diameter.Message) (*diameter.Message, error) {
	p.mu.Lock()
	p.next++
	request.HopByHop = p.next
	if request.EndToEnd == 0 {
		request.EndToEnd = p.next
	}
	answer := make(chan *diameter.Message, 1)
	p.waiting[request.HopByHop] = answer
	_, err := p.conn.Write(request.Append(nil))
	p.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("sending a request: %w", err)
	}
	select {
	case m := <-answer:
		return m, nil
	case <-p.ended:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Raw sends octets as they are.
func (p *Peer) Raw(octets []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.conn.Write(octets)
	return err
}

// Ended is closed when the other end has closed the connection.
func (p *Peer) Ended() <-chan struct{} { return p.ended }

func (p *Peer) read() {
	defer close(p.ended)
	in := bufio.NewReader(p.conn)
	for {
		frame, err := diameter.ReadFrame(in, 1<<20)
		if err != nil {
			return
		}
		m, err := diameter.Parse(frame)
		if err != nil {
			return
		}
		if m.Request() {
			p.reply(m)
			continue
		}
		p.mu.Lock()
		answer := p.waiting[m.HopByHop]
		delete(p.waiting, m.HopByHop)
		p.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

// reply grants what the other end asks, which is DWR or DPR.
func (p *Peer) reply(request *diameter.Message) {
	// A connection that fails shows itself to read.
	_ = p.Raw(diameter.NewAnswer(request, p.id, diameter.Success).Append(nil))
}

// Result is an answer's Result-Code, 0 if it has none.
func Result(answer *diameter.Message) diameter.ResultCode {
	a, ok := answer.Find(avp.ResultCode, 0)
	if !ok {
		return 0
	}
	code, err := a.Unsigned32()
	if err != nil {
		return 0
	}
	return diameter.ResultCode(code)
}
