package diameter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// MaxMessage is the longest message accepted unless configured otherwise, in
// octets. An HMR has about 300.
const MaxMessage = 16384

// A FrameError says that what a peer sent cannot be a Diameter message of a
// length we accept. The place of the next message is then unknown, so the
// connection must be closed (RFC 6733 section 7.1.5 lets an answer go first).
type FrameError struct {
	Code   ResultCode // UnsupportedVersion or InvalidMessageLength
	Header *Header    // nil when less than a whole header had arrived
	text   string
}

// Error tells what is wrong with the frame.
func (e *FrameError) Error() string { return "reading a Diameter frame: " + e.text }

// ReadFrame reads one whole message of at most limit octets. The version, the
// range of the length and its being a multiple of 4 are checked on the first
// 4 octets, before anything is allocated; a fault there is a [*FrameError].
// Other errors are the reader's own: io.EOF between messages,
// io.ErrUnexpectedEOF within one. The frame is the caller's to keep.
func ReadFrame(r *bufio.Reader, limit int) ([]byte, error) {
	start, err := r.Peek(4)
	if err != nil {
		if errors.Is(err, io.EOF) && len(start) > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length, fault := frameLength(start, limit)
	if fault != nil {
		fault.Header = peekHeader(r)
		return nil, fault
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, unexpected(err)
	}
	return frame, nil
}

// frameLength judges the first 4 octets of a message.
func frameLength(start []byte, limit int) (int, *FrameError) {
	length := int(uint24(start[1:]))
	switch {
	case start[0] != version:
		return 0, &FrameError{Code: UnsupportedVersion, text: fmt.Sprintf("version %d (must be %d)", start[0], version)}
	case length < headerLen || length > limit:
		return 0, &FrameError{Code: InvalidMessageLength,
			text: fmt.Sprintf("message length %d (must be %d to %d)", length, headerLen, limit)}
	case length%4 != 0:
		return 0, &FrameError{Code: InvalidMessageLength,
			text: fmt.Sprintf("message length %d (must be a multiple of 4)", length)}
	}
	return length, nil
}

// peekHeader returns the header if it has arrived. It does not wait for more:
// a peer that sends a bad length need not send anything else.
func peekHeader(r *bufio.Reader) *Header {
	if r.Buffered() < headerLen {
		return nil
	}
	b, err := r.Peek(headerLen)
	if err != nil {
		return nil
	}
	h := parseHeader(b)
	return &h
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
