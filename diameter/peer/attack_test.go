package peer_test

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// memoryFlat is how many octets an attack may cost us, and the attacker, who
// is in the same process.
const memoryFlat = 48 << 20

// TestAttacks has strangers and peers misbehave, one after the other, while
// another peer is served. It is not parallel: it measures memory.
func TestAttacks(t *testing.T) {
	a := newAuthority(t)
	c := two()
	c.TLS = a.config(us)
	c.Listeners = append(c.Listeners, peer.Listener{Address: "127.0.0.1:0", TLS: true})
	c.Timers.Write, c.Timers.Handshake = 500*time.Millisecond, 2*time.Second
	c.Limits.Duplicates, c.Limits.Queue = 1000, 100
	table := start(t, c)
	good := dialTo(t, table).open(other)
	good.alive.Store(true)

	attacks := []struct {
		name   string
		attack func(t *testing.T, table *peer.Table)
	}{
		{"nested groups before CER", nestedBefore},
		{"nested groups after CER", nestedAfter},
		{"nested groups of the longest message", nestedShort},
		{"length 19", func(t *testing.T, table *peer.Table) { many(t, table, 50, []byte{1, 0, 0, 19, 0x80, 0, 1, 1}) }},
		{"length 0", func(t *testing.T, table *peer.Table) { many(t, table, 50, make([]byte, 100)) }},
		{"16 MiB announced", func(t *testing.T, table *peer.Table) { many(t, table, 400, []byte{1, 0xff, 0xff, 0xfc}) }},
		{"16 KiB announced", func(t *testing.T, table *peer.Table) { many(t, table, 400, []byte{1, 0, 0x40, 0}) }},
		{"silence", func(t *testing.T, table *peer.Table) { many(t, table, 400, nil) }},
		{"silence where TLS is due", silentTLS},
		{"CERs of strangers", strangersCER},
		{"garbage", func(t *testing.T, table *peer.Table) { many(t, table, 200, []byte("GET / HTTP/1.1\r\n\r\n")) }},
		{"DWRs, answers unread", func(t *testing.T, table *peer.Table) { neverReads(t, table, base.NewDWR(id)) }},
		{"requests, answers unread", func(t *testing.T, table *peer.Table) { neverReads(t, table, hmr("s")) }},
		{"unknown commands, answers unread", func(t *testing.T, table *peer.Table) { neverReads(t, table, unknownCommand()) }},
		{"DWRs", func(t *testing.T, table *peer.Table) { flood(t, table, base.NewDWR(id)) }},
		{"unknown commands", func(t *testing.T, table *peer.Table) { flood(t, table, unknownCommand()) }},
		{"requests", func(t *testing.T, table *peer.Table) { flood(t, table, hmr("s")) }},
		{"answers", func(t *testing.T, table *peer.Table) {
			flood(t, table, diameter.NewAnswer(hmr("s"), id, diameter.Success))
		}},
		{"DWAs", func(t *testing.T, table *peer.Table) { flood(t, table, base.NewAnswer(base.NewDWR(id), id, nil)) }},
	}
	for _, tt := range attacks {
		t.Run(tt.name, func(t *testing.T) {
			stop := watchMemory(t)
			served := serveMeanwhile(t, good)
			tt.attack(t, table)
			if n := served(); n == 0 {
				t.Error("no other peer was served")
			}
			stop()
		})
	}
	if s := status(t, table, other); s.Counters.Connections != 1 {
		t.Errorf("the other peer was connected %d times", s.Counters.Connections)
	}
}

// watchMemory samples the heap until stop is called, which checks its peak.
func watchMemory(t *testing.T) (stop func()) {
	t.Helper()
	runtime.GC()
	before := heap()
	quit, peak := make(chan struct{}), make(chan uint64, 1)
	go func() {
		most := uint64(0)
		for {
			most = max(most, heap())
			select {
			case <-quit:
				peak <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() {
		t.Helper()
		close(quit)
		grown := int64(<-peak) - int64(before)
		t.Logf("%.1f MiB at most", float64(grown)/(1<<20))
		if grown > memoryFlat {
			t.Errorf("memory grew by %d MiB, want at most %d", grown>>20, memoryFlat>>20)
		}
	}
}

// heap is the memory taken by objects, live or not yet swept.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// serveMeanwhile has a peer ask until the returned function is called, which
// asks once more and returns how often.
func serveMeanwhile(t *testing.T, f *far) (stop func() int) {
	t.Helper()
	f.t = t
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			if code := f.ask(hmr("good")); code != diameter.Success {
				t.Errorf("result %v", code)
			}
			n++
			select {
			case <-quit:
				done <- n
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() int { close(quit); return <-done }
}

// nested is a message of groups within groups, of that many octets.
func nested(size int) []byte {
	header := diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: command, Application: app}}
	b := header.Append(make([]byte, 0, size))
	for len(b)+8 <= size {
		b = binary.BigEndian.AppendUint32(b, 279)
		b = binary.BigEndian.AppendUint32(b, 0x40<<24|uint32(size-len(b)+4))
	}
	b[1], b[2], b[3] = byte(len(b)>>16), byte(len(b)>>8), byte(len(b))
	return b
}

func nestedBefore(t *testing.T, table *peer.Table) {
	f := dialTo(t, table)
	f.nc.Write(nested(8 << 20)) // fails, as we are reset
	f.closed()
}

func nestedAfter(t *testing.T, table *peer.Table) {
	f := dialTo(t, table).open(them)
	go f.nc.Write(nested(8 << 20)) // may fail
	<-f.ended
	gone(t, table)
}

// gone waits until the attacker's place as a peer is free again.
func gone(t *testing.T, table *peer.Table) {
	t.Helper()
	eventually(t, "the attacker is gone", func() bool { return status(t, table, them).State == "Closed" })
}

// nestedShort sends messages that are not too long.
func nestedShort(t *testing.T, table *peer.Table) {
	f := dialTo(t, table)
	f.alive.Store(true)
	f.open(them)
	frame := nested(diameter.MaxMessage)
	for range 100 {
		f.write(frame)
		if code := result(t, f.next()); code != diameter.Success {
			t.Errorf("result %v", code) // the handler here does not look into groups
		}
	}
	f.nc.Close()
	gone(t, table)
}

// many opens connections that say a few octets and wait to be closed.
func many(t *testing.T, table *peer.Table, n int, octets []byte) {
	t.Helper()
	connectMany(t, table.Addrs()[0].String(), n, octets)
}

func silentTLS(t *testing.T, table *peer.Table) {
	connectMany(t, table.Addrs()[1].String(), 200, nil)
	connectMany(t, table.Addrs()[1].String(), 200, []byte{22, 3, 1, 0x40, 0})
}

func connectMany(t *testing.T, address string, n int, octets []byte) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(octets) // fails where we were turned away
		all.Go(func() {
			defer nc.Close()
			nc.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, nc); err != nil && isTimeout(err) {
				t.Errorf("not closed: %v", err)
			}
		})
	}
	all.Wait()
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func strangersCER(t *testing.T, table *peer.Table) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if code := dialTo(t, table).ask(base.NewCER(caps("stranger.example"))); code != diameter.UnknownPeer {
					t.Errorf("CEA with %v", code)
				}
			}
		})
	}
	all.Wait()
}

func unknownCommand() *diameter.Message {
	m := hmr("s")
	m.Command = 1
	return m
}

// neverReads sends a message over and over and reads none of the answers, until
// it is cut off.
func neverReads(t *testing.T, table *peer.Table, m *diameter.Message) {
	nc, err := net.Dial("tcp", table.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	cer := base.NewCER(caps(them))
	nc.Write(cer.Append(nil))
	connectedAny(t, table)
	nc.SetWriteDeadline(time.Now().Add(patience))
	for err == nil {
		m.EndToEnd++
		m.HopByHop++
		_, err = nc.Write(m.Append(nil))
	}
	if isTimeout(err) {
		t.Errorf("not cut off: %v", err)
	}
	gone(t, table)
}

func connectedAny(t *testing.T, table *peer.Table) {
	t.Helper()
	eventually(t, "the attacker is connected", func() bool { return status(t, table, them).State == "R-Open" })
}

// flood sends a message many times as quickly as it can, and reads what comes.
func flood(t *testing.T, table *peer.Table, m *diameter.Message) {
	nc, err := net.Dial("tcp", table.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go io.Copy(io.Discard, nc)
	nc.Write(base.NewCER(caps(them)).Append(nil))
	connectedAny(t, table)
	var batch []byte
	for range 500 {
		batch = batch[:0]
		for range 100 {
			m.EndToEnd++
			m.HopByHop++
			batch = m.Append(batch)
		}
		if _, err := nc.Write(batch); err != nil {
			t.Fatalf("cut off: %v", err)
		}
	}
	nc.Close()
	gone(t, table)
}
