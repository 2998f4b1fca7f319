package crowd

import (
	"bytes"
	"errors"
	"testing"
)

func newTestSuite(tb testing.TB) *suite {
	tb.Helper()
	s, err := newSuite()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	s := newTestSuite(t)
	for size := range 70 {
		payload := bytes.Repeat([]byte{7}, size)
		packet := s.seal([]byte("before"), 0x1234, 5, headerMobility, payload)
		spi, next, got, err := s.open(packet[len("before"):])
		if err != nil || spi != 0x1234 || next != headerMobility || !bytes.Equal(got, payload) {
			t.Errorf("%d octets: SPI %#x, next header %d, %x, %v", size, spi, next, got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := newTestSuite(t)
	sound := s.seal(nil, 1, 1, headerMobility, make([]byte, 16))
	changed := bytes.Clone(sound)
	changed[12]++
	padded := s.seal(nil, 1, 1, headerMobility, bytes.Repeat([]byte{255}, 16))
	for _, tt := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"nothing", nil, errShort},
		{"no blocks", sound[:40], errShort},
		{"half a block", sound[:len(sound)-8], errShort},
		{"a changed octet", changed, errCheck},
		{"a missing block", sound[:len(sound)-16], errCheck},
		{"padding beyond the start", overpadded(padded), errPadding},
	} {
		if _, _, _, err := s.open(bytes.Clone(tt.packet)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// overpadded takes the block with the padding off a packet whose plain text before
// it ends with a pad length that is too large.
func overpadded(packet []byte) []byte {
	short := packet[:len(packet)-checkSize-16]
	return append(bytes.Clone(short), check(short)...)
}

func FuzzParse(f *testing.F) {
	s := newTestSuite(f)
	o := sampleUpdate(f)
	f.Add(o.append(nil, s))
	f.Add(sampleAcknowledgement(f, s, 7))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if p, err := parse(bytes.Clone(packet), s); err == nil && p.ack == nil {
			t.Error("no error and no acknowledgement")
		}
	})
}
