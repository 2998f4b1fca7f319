package diameter

import (
	"fmt"
	"iter"
)

// MaxAVPs is the most AVPs taken from one message, and from one group.
const MaxAVPs = 256

// A Message is one Diameter message. AVPs holds the top level only, in order.
//
// Fault is the first framing fault met while parsing, nil in a message that
// we build; AVPs then holds what came before it. It is not an error of Parse
// because a request with such a fault is answered (RFC 6733 section 7.1.5),
// with its Session-Id and Proxy-Info, and other checks come first.
type Message struct {
	Header
	AVPs  []AVP
	Fault *Failure
}

// Wipe overwrites what the message carries with zeros: keys are among it, perhaps
// in a message that nobody decoded.
func (m *Message) Wipe() {
	for _, a := range m.AVPs {
		clear(a.Data)
	}
}

// Parse reads the message in frame, as ReadFrame returned it. The AVPs' data
// are parts of frame. It fails only if frame is not one whole frame; the error
// is a [*FrameError].
func Parse(frame []byte) (*Message, error) {
	if len(frame) < headerLen {
		return nil, &FrameError{Code: InvalidMessageLength,
			text: fmt.Sprintf("%d octets (must be at least %d)", len(frame), headerLen)}
	}
	h := parseHeader(frame)
	length, fault := frameLength(frame[:4], maxAVPLen)
	if fault == nil && length != len(frame) {
		fault = &FrameError{Code: InvalidMessageLength,
			text: fmt.Sprintf("message length %d in a frame of %d octets", length, len(frame))}
	}
	if fault != nil {
		fault.Header = &h
		return nil, fault
	}
	m := &Message{Header: h}
	m.AVPs, m.Fault = parseAVPs(frame[headerLen:])
	return m, nil
}

// parseAVPs walks one level of AVPs and stops at the first fault.
func parseAVPs(b []byte) ([]AVP, *Failure) {
	avps := make([]AVP, 0, min(16, len(b)/avpHeaderLen))
	for len(b) > 0 {
		a, n, fault := parseAVP(b)
		if fault != nil {
			return avps, fault
		}
		if len(avps) == MaxAVPs {
			return avps, &Failure{Code: AVPOccursTooManyTimes, Failed: []AVP{a},
				Text: fmt.Sprintf("more than %d AVPs", MaxAVPs)}
		}
		avps = append(avps, a)
		b = b[n:]
	}
	return avps, nil
}

// Append encodes the message. Its length must be below 2^24 octets.
func (m *Message) Append(b []byte) []byte {
	start := len(b)
	b = m.Header.append(b)
	for _, a := range m.AVPs {
		b = a.Append(b)
	}
	putUint24(b[start+1:], len(b)-start)
	return b
}

// Add appends AVPs to the message.
func (m *Message) Add(avps ...AVP) { m.AVPs = append(m.AVPs, avps...) }

// Find returns the first top-level AVP of that code and vendor.
func (m *Message) Find(code, vendor uint32) (AVP, bool) {
	for i := range m.AVPs {
		if a := &m.AVPs[i]; a.Code == code && a.Vendor == vendor {
			return *a, true
		}
	}
	return AVP{}, false
}

// All yields every top-level AVP of that code and vendor, in order.
func (m *Message) All(code, vendor uint32) iter.Seq[AVP] {
	return func(yield func(AVP) bool) {
		for _, a := range m.AVPs {
			if a.Is(code, vendor) && !yield(a) {
				return
			}
		}
	}
}
