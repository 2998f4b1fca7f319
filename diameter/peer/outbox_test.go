package peer

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/diameter"
)

func dwr(n uint32) *diameter.Message {
	return &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: 280, HopByHop: n}}
}

// writes is a connection that takes one write at a time.
type writes struct {
	net.Conn
	taken chan []byte
	err   error
}

func (w *writes) Write(b []byte) (int, error) {
	w.taken <- append([]byte(nil), b...)
	return len(b), w.err
}

func (w *writes) SetWriteDeadline(time.Time) error { return nil }

// TestOutboxGathers: what comes during a write goes out in the next one.
func TestOutboxGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, w, gone := newOutbox(1000, time.Second), &writes{taken: make(chan []byte)}, make(chan struct{})
		ended := make(chan error, 1)
		go func() { ended <- o.run(w, gone) }()
		o.send(dwr(0))
		synctest.Wait() // the writer is in its first write
		for n := range uint32(10) {
			o.send(dwr(n + 1))
		}
		if n := len(<-w.taken); n != 20 {
			t.Errorf("first write of %d octets", n)
		}
		if n := len(<-w.taken); n != 200 {
			t.Errorf("second write of %d octets", n)
		}
		o.send(dwr(99))
		o.finish()
		if o.send(dwr(100)) || o.sendFrame([]byte("x")) {
			t.Error("something is taken after the last")
		}
		if n := len(<-w.taken); n != 20 {
			t.Errorf("last write of %d octets", n)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOutboxRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, w, gone := newOutbox(30, time.Second), &writes{taken: make(chan []byte)}, make(chan struct{})
		if !o.room(gone, nil) {
			t.Error("no room at first")
		}
		o.send(dwr(1))
		o.send(dwr(2))
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if !o.room(gone, nil) {
					t.Error("no room after a write")
				}
			})
		}
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- o.run(w, gone) }()
		<-w.taken
		waiting.Wait()
		o.send(dwr(3))
		o.send(dwr(4))
		synctest.Wait()
		o.send(dwr(5))
		o.send(dwr(6))
		close(gone)
		if o.room(gone, nil) {
			t.Error("room on a connection that is gone")
		}
		for {
			select {
			case <-w.taken:
			case <-ended:
				return
			}
		}
	})
}

func TestOutboxEndsOnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &writes{taken: make(chan []byte, 1), err: io.ErrClosedPipe}
		o := newOutbox(100, time.Second)
		o.send(dwr(1))
		if err := o.run(w, nil); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	})
}

// TestOutboxForgetsBursts: one large burst does not hold its memory for ever.
func TestOutboxForgetsBursts(t *testing.T) {
	t.Parallel()
	o := newOutbox(1000, time.Second)
	large := make([]byte, 0, 1<<20)
	o.take(large)
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(o.buf) != 0 {
		t.Errorf("a buffer of %d octets was kept", cap(o.buf))
	}
}
