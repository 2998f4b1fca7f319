package vici

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

const (
	// maxPacket bounds what is read from charon into memory. charon itself
	// sends no more than 512 KiB.
	maxPacket = 1 << 20

	// eventPacket is the type octet of a packet that carries an event.
	eventPacket = 7

	// credits is how many events may be on their way through govici: less
	// than the 128 its channels take before it drops.
	credits = 64
)

// A gate is a connection to charon whose events wait until they are wanted.
// It passes whole packets on; answers always, events only while there are
// credits, which starts with open. As an event is taken out of govici its
// credit is to be given back with release. Events that arrive meanwhile wait
// in memory until answers to calls have overtaken them, or in the socket.
type gate struct {
	net.Conn

	reader *bufio.Reader
	packet []byte // the rest of the packet being passed on

	mu      sync.Mutex
	changed sync.Cond
	opened  bool
	closed  bool
	used    int

	held [][]byte // events that wait for the gate to open; Read's own
}

func newGate(conn net.Conn) *gate {
	g := &gate{Conn: conn, reader: bufio.NewReader(conn)}
	g.changed.L = &g.mu
	return g
}

// Read passes on the next octets of a packet. govici calls it from a single
// goroutine.
func (g *gate) Read(p []byte) (int, error) {
	for len(g.packet) == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.packet)
	g.packet = g.packet[n:]
	return n, nil
}

// next chooses the packet to pass on: a held event once the gate is open, or
// the next one from the socket unless it is an event to hold.
func (g *gate) next() error {
	if len(g.held) > 0 && g.isOpen() {
		g.packet, g.held = g.held[0], g.held[1:]
		return g.take()
	}
	packet, err := readPacket(g.reader)
	if err != nil {
		return err
	}
	switch {
	case packet[4] != eventPacket:
		g.packet = packet
	case len(g.held) > 0 || !g.isOpen():
		g.held = append(g.held, packet)
	default:
		g.packet = packet
		return g.take()
	}
	return nil
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// open lets events through. Those held so far follow as soon as charon sends
// anything, so the caller makes it send an answer.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = true
}

// take waits for a credit.
func (g *gate) take() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.used >= credits && !g.closed {
		g.changed.Wait()
	}
	if g.closed {
		return net.ErrClosed
	}
	g.used++
	return nil
}

// release gives a credit back.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
	g.changed.Signal()
}

// Close ends the connection and whoever waits for a credit.
func (g *gate) Close() error {
	g.mu.Lock()
	g.closed = true
	g.changed.Broadcast()
	g.mu.Unlock()
	return g.Conn.Close()
}

// readPacket reads one packet with its length in front.
func readPacket(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxPacket {
		return nil, fmt.Errorf("reading a VICI packet: length %d (must be 1 to %d)", n, maxPacket)
	}
	packet := make([]byte, len(head)+int(n))
	copy(packet, head[:])
	if _, err := io.ReadFull(r, packet[len(head):]); err != nil {
		return nil, err
	}
	return packet, nil
}
