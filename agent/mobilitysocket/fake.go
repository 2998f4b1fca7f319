package mobilitysocket

import (
	"context"
	"strings"
	"sync"

	"homeagent/agent/mobilitysocket/rawsocket"
)

// A Fake is a [Conn] without a kernel, for tests of those who use one. The zero
// value is not fit for use; see [NewFake].
type Fake struct {
	ready    chan struct{}
	incoming chan delivery

	mu      sync.Mutex
	sent    []Outgoing
	err     error
	lacking map[uint32]bool // associations
}

type delivery struct {
	packet *Packet
	done   chan struct{}
}

// NewFake returns a Fake that sends without error.
func NewFake() *Fake {
	return &Fake{ready: make(chan struct{}), incoming: make(chan delivery), lacking: map[uint32]bool{}}
}

// Run implements [Conn]; it must be called once.
func (f *Fake) Run(ctx context.Context, handle func(*Packet)) error {
	close(f.ready)
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-f.incoming:
			handle(d.packet)
			clear(d.packet.Payload) // nobody may have kept it
			close(d.done)
		}
	}
}

// Deliver lets a packet arrive and returns when the handler has. Its Payload is
// overwritten then. Run must be running.
func (f *Fake) Deliver(p Packet) {
	d := delivery{&p, make(chan struct{})}
	f.incoming <- d
	<-d.done
}

// Ready implements [Conn].
func (f *Fake) Ready() <-chan struct{} { return f.ready }

// Marks implements [Conn].
func (f *Fake) Marks() bool { return true }

// Send implements [Conn].
func (f *Fake) Send(o Outgoing) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	if f.lacking[o.Association] {
		return rawsocket.ErrNoAssociation
	}
	o.Payload = append([]byte(nil), o.Payload...)
	f.sent = append(f.sent, o)
	return nil
}

// SendError implements [Conn], without a limit.
func (f *Fake) SendError(o Outgoing) error { return f.Send(o) }

// Fail makes what follows fail to be sent with err; nil ends that.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Lack has no security association of a reqid from now on.
func (f *Fake) Lack(association uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lacking[association] = true
}

// Sent returns what was sent since it was last called.
func (f *Fake) Sent() []Outgoing {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent
	f.sent = nil
	return sent
}

// Counters implements [Conn]; a Fake counts nothing.
func (f *Fake) Counters() Counters { return Counters{} }

// String returns what Sent would, one packet in a line as tcpdump shows it.
func (f *Fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, o := range f.sent {
		b.WriteString(o.String() + "\n")
	}
	return b.String()
}
