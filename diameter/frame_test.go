package diameter_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
)

func TestReadFrame(t *testing.T) {
	t.Parallel()
	one := octets(t, "01000014 80000118 00000000 00000001 00000002")
	two := (&diameter.Message{AVPs: []diameter.AVP{diameter.NewUTF8(userName, 0, 0, "mn@example.com")}}).Append(nil)
	stream := append(append([]byte(nil), one...), two...)
	for name, source := range map[string]io.Reader{
		"at once":        bytes.NewReader(stream),
		"octet by octet": iotest.OneByteReader(bytes.NewReader(stream)),
		"with the end":   iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := bufio.NewReader(source)
			for _, want := range [][]byte{one, two} {
				got, err := diameter.ReadFrame(r, diameter.MaxMessage)
				if err != nil {
					t.Fatalf("reading a frame: %v", err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("unexpected frame (-want +got):\n%s", diff)
				}
			}
			if _, err := diameter.ReadFrame(r, diameter.MaxMessage); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: got %v, want EOF", err)
			}
		})
	}
}

func TestReadFrame_Limit(t *testing.T) {
	t.Parallel()
	frame := (&diameter.Message{AVPs: []diameter.AVP{diameter.NewOctets(1, 0, 0, make([]byte, 72))}}).Append(nil)
	tests := []struct {
		limit int
		want  diameter.ResultCode
	}{
		{len(frame), 0},
		{len(frame) - 1, diameter.InvalidMessageLength},
	}
	for _, tt := range tests {
		_, err := diameter.ReadFrame(bufio.NewReader(bytes.NewReader(frame)), tt.limit)
		if got := codeOf(t, err); got != tt.want {
			t.Errorf("limit %d for %d octets: got %v, want %v", tt.limit, len(frame), got, tt.want)
		}
	}
}

func TestReadFrame_Cut(t *testing.T) {
	t.Parallel()
	frame := octets(t, "01000014 80000118 00000000 00000001 00000002")
	for n := 1; n < len(frame); n++ {
		_, err := diameter.ReadFrame(bufio.NewReader(bytes.NewReader(frame[:n])), diameter.MaxMessage)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d octets: got %v, want %v", n, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestReadFrame_ReaderError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := diameter.ReadFrame(bufio.NewReader(iotest.ErrReader(broken)), diameter.MaxMessage)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// A peer that gets an answer to a bad frame needs its identifiers in it.
func TestReadFrame_Header(t *testing.T) {
	t.Parallel()
	whole := octets(t, "02000014 80000118 00000000 00000001 00000002")
	want := &diameter.Header{Flags: diameter.FlagRequest, Command: 280, HopByHop: 1, EndToEnd: 2}
	tests := []struct {
		name  string
		frame []byte
		want  *diameter.Header
	}{
		{"whole header", whole, want},
		{"19 octets of it", whole[:19], nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := diameter.ReadFrame(bufio.NewReader(bytes.NewReader(tt.frame)), diameter.MaxMessage)
			var fault *diameter.FrameError
			if !errors.As(err, &fault) || fault.Code != diameter.UnsupportedVersion {
				t.Fatalf("got %v, want %v", err, diameter.UnsupportedVersion)
			}
			if diff := cmp.Diff(tt.want, fault.Header); diff != "" {
				t.Errorf("unexpected header (-want +got):\n%s", diff)
			}
			if want := "reading a Diameter frame: version 2 (must be 1)"; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

func TestHeader_CheckBits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		flags diameter.Flags
		ok    bool
	}{
		{diameter.FlagRequest | diameter.FlagProxiable | diameter.FlagRetransmit, true},
		{diameter.FlagRequest | 0x0F, true}, // reserved bits are ignored
		{diameter.FlagError, true},          // an answer may
		{diameter.FlagRequest | diameter.FlagError, false},
	}
	for _, tt := range tests {
		f := diameter.Header{Flags: tt.flags}.CheckBits()
		if (f == nil) != tt.ok || f != nil && f.Code != diameter.InvalidHeaderBits {
			t.Errorf("flags %#02x: got %v, want ok %v", tt.flags, f, tt.ok)
		}
	}
}

func TestHeader_String(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header diameter.Header
		want   string
	}{
		{diameter.Header{Flags: diameter.FlagRequest, Command: 280, HopByHop: 10, EndToEnd: 11},
			"request 280 of application 0, hop-by-hop 0x0000000a, end-to-end 0x0000000b"},
		{diameter.Header{Command: 257, Application: 3}, "answer 257 of application 3, hop-by-hop 0x00000000, end-to-end 0x00000000"},
	}
	for _, tt := range tests {
		if got := tt.header.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
