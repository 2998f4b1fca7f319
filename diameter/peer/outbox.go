package peer

import (
	"net"
	"sync"
	"time"

	"homeagent/diameter"
)

// An outbox writes messages to a connection. Those that gather while one write
// is under way go out together in the next: fewer system calls and packets
// under load, no delay without.
type outbox struct {
	limit   int
	timeout time.Duration // of one write

	mu      sync.Mutex
	buf     []byte
	last    bool          // nothing more is accepted
	wake    chan struct{} // buf is not empty, or last is set
	drained chan struct{} // non-nil while someone waits for room
}

func newOutbox(limit int, timeout time.Duration) *outbox {
	return &outbox{limit: limit, timeout: timeout, wake: make(chan struct{}, 1)}
}

// send takes a message to be written. It never blocks; false means that the
// connection is ending.
func (o *outbox) send(m *diameter.Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last {
		return false
	}
	o.buf = m.Append(o.buf)
	o.notify()
	return true
}

// sendFrame is send for a message in its encoded form.
func (o *outbox) sendFrame(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last {
		return false
	}
	o.buf = append(o.buf, frame...)
	o.notify()
	return true
}

// finish accepts nothing more; run returns when all is written.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = true
	o.notify()
}

func (o *outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// room waits until less than the limit is waiting to be written. False means
// that the connection is gone, or that quit was closed before; it may be nil.
func (o *outbox) room(gone, quit <-chan struct{}) bool {
	for {
		o.mu.Lock()
		if len(o.buf) < o.limit {
			o.mu.Unlock()
			return true
		}
		if o.drained == nil {
			o.drained = make(chan struct{})
		}
		drained := o.drained
		o.mu.Unlock()
		select {
		case <-drained:
		case <-gone:
			return false
		case <-quit:
			return false
		}
	}
}

// run writes until finish, an error, or the end of gone.
func (o *outbox) run(w net.Conn, gone <-chan struct{}) error {
	var batch []byte
	for {
		select {
		case <-o.wake:
		case <-gone:
			return nil
		}
		var last bool
		batch, last = o.take(batch)
		if len(batch) > 0 {
			if err := w.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
				return err
			}
			if _, err := w.Write(batch); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// take swaps what is to be written for the buffer written before. A buffer that
// a burst made large is not kept.
func (o *outbox) take(written []byte) (batch []byte, last bool) {
	if cap(written) > 2*o.limit {
		written = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	batch, o.buf = o.buf, written[:0]
	if o.drained != nil {
		close(o.drained)
		o.drained = nil
	}
	return batch, o.last
}
