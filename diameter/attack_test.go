package diameter_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"

	"homeagent/diameter"
)

// nested returns a message of about size octets whose only AVP is a group
// that holds a group that holds a group, and so on.
func nested(size int) []byte {
	frame := make([]byte, 20, size)
	for left := (size - 20) &^ 7; left > 0; left -= 8 {
		frame = binary.BigEndian.AppendUint32(frame, 279)
		frame = binary.BigEndian.AppendUint32(frame, 0x40<<24|uint32(left))
	}
	binary.BigEndian.PutUint32(frame, 1<<24|uint32(len(frame)))
	return frame
}

// Groups nested a million deep kill parsers that recurse, with a stack overflow
// that cannot be recovered from.
func TestAttack_NestedGroups(t *testing.T) {
	t.Parallel()
	for _, size := range []int{diameter.MaxMessage, 1 << 20, 8 << 20} {
		m := parse(t, nested(size))
		if m.Fault != nil || len(m.AVPs) != 1 {
			t.Fatalf("%d octets: got %d AVPs, fault %v", size, len(m.AVPs), m.Fault)
		}
		inner, err := m.AVPs[0].Group()
		if err != nil || len(inner) != 1 || len(inner[0].Data) != len(m.AVPs[0].Data)-8 {
			t.Fatalf("%d octets: one level down: %d AVPs, %v", size, len(inner), err)
		}
	}
}

func TestAttack_NestedGroupsRefusedByLength(t *testing.T) {
	t.Parallel()
	_, err := diameter.ReadFrame(bufio.NewReader(bytes.NewReader(nested(8<<20))), diameter.MaxMessage)
	if got := codeOf(t, err); got != diameter.InvalidMessageLength {
		t.Errorf("got %v, want %v", got, diameter.InvalidMessageLength)
	}
}

// silence sends what it holds and then blocks, as a peer that announces much
// and sends nothing.
type silence struct{ io.Reader }

func (s silence) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		panic("ReadFrame waits for more after a header that it must refuse")
	}
	return n, err
}

// The length of a frame is refused before memory is taken for it. Not parallel:
// what is allocated is counted for the whole program.
func TestAttack_Lengths(t *testing.T) {
	tests := []struct{ name, octets string }{
		{"19, the header complete", "01000013 80000101 00000000 00000001 00000002"},
		{"19, no more than that announced", "01000013"},
		{"0", "01000000"},
		{"16 MiB", "01fffffc"},
		{"just above the limit", "01004004"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bufio.NewReader(silence{bytes.NewReader(octets(t, tt.octets))})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := diameter.ReadFrame(r, diameter.MaxMessage)
			runtime.ReadMemStats(&after)
			if got := codeOf(t, err); got != diameter.InvalidMessageLength {
				t.Errorf("got %v, want %v", got, diameter.InvalidMessageLength)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > diameter.MaxMessage {
				t.Errorf("%d octets taken to refuse a length", taken)
			}
		})
	}
}

// An over-long Unsigned32 must not lose the place of the next AVP: whatever
// its tail looks like, it is no AVP.
func TestAttack_SmuggledAVP(t *testing.T) {
	t.Parallel()
	smuggled := diameter.NewUTF8(userName, 0, diameter.AVPMandatory, "evil@example.com")
	carrier := diameter.AVP{Code: 258, Flags: diameter.AVPMandatory, Data: smuggled.Append([]byte{0, 0, 0, 1})}
	m := parse(t, (&diameter.Message{AVPs: []diameter.AVP{carrier}}).Append(nil))
	if _, ok := m.Find(userName, 0); ok {
		t.Error("the tail of an Unsigned32 was taken for an AVP")
	}
	if _, err := m.AVPs[0].Unsigned32(); codeOf(t, err) != diameter.InvalidAVPLength {
		t.Errorf("got %v, want %v", err, diameter.InvalidAVPLength)
	}
}
