package vici

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

const answerPacket = 1

func packetOf(kind byte, text string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(text)))
	return append(append(b, kind), text...)
}

// pipe makes a gate and the end of charon behind it, which writes all that is
// put in the channel.
func pipe(t *testing.T) (*gate, chan<- []byte) {
	t.Helper()
	ours, theirs := net.Pipe()
	packets := make(chan []byte, 1000)
	go func() {
		for p := range packets {
			if _, err := theirs.Write(p); err != nil {
				return
			}
		}
	}()
	g := newGate(ours)
	t.Cleanup(func() {
		close(packets)
		_ = g.Close()
	})
	return g, packets
}

// reader passes packets on as govici reads them: first the length.
func reader(g *gate) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for {
			var head [4]byte
			if _, err := io.ReadFull(g, head[:]); err != nil {
				return
			}
			body := make([]byte, binary.BigEndian.Uint32(head[:]))
			if _, err := io.ReadFull(g, body); err != nil {
				return
			}
			out <- string(body[1:])
		}
	}()
	return out
}

// arrived lists what comes until nothing does.
func arrived(out <-chan string) []string {
	var texts []string
	for {
		synctest.Wait()
		select {
		case s, ok := <-out:
			if !ok {
				return texts
			}
			texts = append(texts, s)
		default:
			return texts
		}
	}
}

func TestGateHoldsEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, packets := pipe(t)
		out := reader(g)
		for _, p := range []struct {
			kind byte
			text string
		}{{eventPacket, "e1"}, {answerPacket, "a1"}, {eventPacket, "e2"}, {eventPacket, "e3"}, {answerPacket, "a2"}} {
			packets <- packetOf(p.kind, p.text)
		}
		if diff := cmp.Diff([]string{"a1", "a2"}, arrived(out)); diff != "" {
			t.Errorf("unexpected packets before opening (-want +got):\n%s", diff)
		}
		g.open()
		packets <- packetOf(eventPacket, "e4")
		packets <- packetOf(answerPacket, "a3")
		got := strings.Join(arrived(out), " ")
		if want := "e1 e2 e3 e4 a3"; got != want {
			t.Errorf("after opening got %q, want %q", got, want)
		}
	})
}

func TestGateCredits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, packets := pipe(t)
		g.open()
		out := reader(g)
		for range 3 * credits {
			packets <- packetOf(eventPacket, "e")
		}
		if n := len(arrived(out)); n != credits {
			t.Errorf("%d events passed, want %d", n, credits)
		}
		for range 10 {
			g.release()
		}
		if n := len(arrived(out)); n != 10 {
			t.Errorf("after 10 were taken %d more passed, want 10", n)
		}
		if err := g.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		if n := len(arrived(out)); n != 0 {
			t.Errorf("after closing %d more passed", n)
		}
		if _, ok := <-out; ok {
			t.Error("who waited for a credit still waits")
		}
	})
}

func TestReadPacket(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, octets string
		want         string
	}{
		{"empty", "\x00\x00\x00\x00", "reading a VICI packet: length 0 (must be 1 to 1048576)"},
		{"too long", "\x00\x10\x00\x01x", "reading a VICI packet: length 1048577 (must be 1 to 1048576)"},
		{"truncated length", "\x00\x00", "unexpected EOF"},
		{"truncated packet", "\x00\x00\x00\x05abc", "unexpected EOF"},
		{"nothing", "", "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := readPacket(strings.NewReader(tt.octets))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
	whole := packetOf(answerPacket, "text")
	got, err := readPacket(bytes.NewReader(append(whole, "more"...)))
	if !bytes.Equal(got, whole) || err != nil {
		t.Errorf("got %q, error %v, want %q", got, err, whole)
	}
}

func TestGateCloses(t *testing.T) {
	t.Parallel()
	g, _ := pipe(t)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading after closing gives %v", err)
	}
	g.open()
	if err := g.take(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("taking a credit after closing gives %v", err)
	}
}
