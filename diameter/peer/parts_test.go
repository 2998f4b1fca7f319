package peer

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/diameter"
)

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	from   string
	closed bool
}

func (a *addressed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(a.from), 1))
}

func (a *addressed) Close() error {
	a.closed = true
	return nil
}

// TestDoorway: who comes when there is no room makes the oldest leave, that of
// the same source first.
func TestDoorway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		come   string // addresses, in order
		turned string // away, by their place
	}{
		{"room for all", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", ""},
		{"one source too often", "192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.1", "0"},
		{"again and again", "192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.1", "0 1"},
		{"one link is one source", "2001:db8::1 2001:db8::2 2001:db8::3", "0"},
		{"two links are two", "2001:db8::1 2001:db8::2 2001:db8:0:1::3", ""},
		{"IPv4 in IPv6 is IPv4", "192.0.2.1 ::ffff:192.0.2.1 192.0.2.1", "0"},
		{"too many in all", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6", "0 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDoorway(4, 2)
			var conns []*addressed
			for address := range strings.FieldsSeq(tt.come) {
				c := &addressed{from: address}
				conns = append(conns, c)
				if _, ok := d.enter(c); !ok {
					t.Fatal("not let in")
				}
			}
			var turned []string
			for i, c := range conns {
				if c.closed {
					turned = append(turned, string(rune('0'+i)))
				}
			}
			if got := strings.Join(turned, " "); got != tt.turned {
				t.Errorf("turned away %q, want %q", got, tt.turned)
			}
		})
	}
}

func TestDoorwayIsLeftOnce(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 1)
	first, second := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	placeOfFirst, _ := d.enter(first)
	placeOfSecond, _ := d.enter(second)
	placeOfFirst.leave() // was turned away before
	placeOfFirst.yield()
	if d.queue.Len() != 1 || d.counts[netip.MustParsePrefix("192.0.2.1/32")] != 1 {
		t.Errorf("%d strangers, counts %v", d.queue.Len(), d.counts)
	}
	placeOfSecond.leave()
	placeOfSecond.leave()
	if d.queue.Len() != 0 || len(d.counts) != 0 {
		t.Errorf("%d strangers, counts %v", d.queue.Len(), d.counts)
	}
	if second.closed {
		t.Error("who left was turned away")
	}
}

// TestRefusedYields: who was refused leaves before who still waits.
func TestRefusedYields(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 2)
	waiting, refused, next := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	d.enter(waiting)
	place, _ := d.enter(refused)
	place.yield()
	d.enter(next)
	if waiting.closed || !refused.closed || next.closed {
		t.Errorf("closed: waiting %v, refused %v, next %v", waiting.closed, refused.closed, next.closed)
	}
}

func TestShutDoorway(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 10)
	inside, late := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	d.enter(inside)
	d.close()
	if _, ok := d.enter(late); ok || !inside.closed || !late.closed {
		t.Errorf("let in: %v; closed: %v, %v", ok, inside.closed, late.closed)
	}
}

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
		if !o.room(gone) {
			t.Error("no room at first")
		}
		o.send(dwr(1))
		o.send(dwr(2))
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if !o.room(gone) {
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
		if o.room(gone) {
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

func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := workers{limit: 2, depth: 2}
		<-w.done()
		release := make(chan struct{})
		order := make(chan int, 10)
		job := func(n int) func() { return func() { <-release; order <- n } }
		for n := range 4 {
			if !w.submit(job(n)) {
				t.Fatalf("job %d refused", n)
			}
		}
		if w.submit(job(4)) {
			t.Error("a job too many was taken")
		}
		if running, queued := w.load(); running != 2 || queued != 2 {
			t.Errorf("%d run, %d wait", running, queued)
		}
		done := w.done()
		synctest.Wait()
		select {
		case <-done:
			t.Error("done while jobs run")
		default:
		}
		close(release)
		<-done
		if running, queued := w.load(); running != 0 || queued != 0 || len(order) != 4 {
			t.Errorf("%d run, %d wait, %d have run", running, queued, len(order))
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		th := throttle{log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 1000 {
			th.warn(t.Context(), "again")
		}
		if n := strings.Count(log.String(), "\n"); n != throttleLines {
			t.Errorf("%d lines, want %d", n, throttleLines)
		}
		log.Reset()
		time.Sleep(throttlePeriod + 1)
		th.warn(t.Context(), "again")
		if !strings.Contains(log.String(), "lines_left_out=990") {
			t.Errorf("got %s", log.String())
		}
	})
}
