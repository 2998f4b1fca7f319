package diameter_test

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
)

// What was parsed and encoded again parses to the same message.
func FuzzParse(f *testing.F) {
	f.Add(nested(256))
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := diameter.Parse(frame)
		if err != nil {
			codeOf(t, err)
			return
		}
		if m.Fault != nil && len(m.Fault.Failed) != 1 {
			t.Errorf("fault %v has %d AVPs for Failed-AVP, want 1", m.Fault, len(m.Fault.Failed))
		}
		for _, a := range m.AVPs {
			fuzzValue(t, a)
		}
		again := parse(t, m.Append(nil))
		m.Fault = nil
		if diff := cmp.Diff(m, again); diff != "" {
			t.Errorf("unexpected message after a round trip (-want +got):\n%s", diff)
		}
		fuzzAnswer(t, m)
	})
}

// fuzzValue reads an AVP as every type: values must survive a round trip.
func fuzzValue(t *testing.T, a diameter.AVP) {
	var back []diameter.AVP
	if v, err := a.Unsigned32(); err == nil {
		back = append(back, diameter.NewUnsigned32(a.Code, a.Vendor, a.Flags, v))
	}
	if v, err := a.Integer32(); err == nil {
		back = append(back, diameter.NewInteger32(a.Code, a.Vendor, a.Flags, v))
	}
	if v, err := a.UTF8(); err == nil {
		back = append(back, diameter.NewUTF8(a.Code, a.Vendor, a.Flags, v))
	}
	if v, err := a.Identity(); err == nil {
		back = append(back, diameter.NewUTF8(a.Code, a.Vendor, a.Flags, v))
	}
	if v, err := a.Address(); err == nil {
		back = append(back, diameter.NewAddress(a.Code, a.Vendor, a.Flags, v))
	}
	for _, b := range back {
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("unexpected AVP after a round trip (-want +got):\n%s", diff)
		}
	}
	members, err := a.Group()
	if err != nil {
		return
	}
	again, err := diameter.NewGroup(a.Code, a.Vendor, a.Flags, members...).Group()
	if diff := cmp.Diff(members, again); diff != "" || err != nil {
		t.Errorf("unexpected group after a round trip: %v (-want +got):\n%s", err, diff)
	}
}

// fuzzAnswer answers the message, which must give one that parses, with the
// Proxy-Info of the request.
func fuzzAnswer(t *testing.T, m *diameter.Message) {
	answer := parse(t, diameter.NewFailure(m, us, &diameter.Failure{Code: diameter.MissingAVP, Failed: m.AVPs}).Append(nil))
	if answer.Fault != nil && answer.Fault.Code != diameter.AVPOccursTooManyTimes {
		t.Errorf("the answer has the fault %v", answer.Fault)
	}
	var want, got []diameter.AVP
	for a := range m.All(proxyInfo, 0) {
		want = append(want, a)
	}
	for a := range answer.All(proxyInfo, 0) {
		got = append(got, a)
	}
	if answer.Fault == nil && !cmp.Equal(want, got) {
		t.Errorf("unexpected Proxy-Info (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// The frames read from a stream are the stream.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x14\x80\x00\x01\x18\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x01\x00\x00\x13"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(stream), 64)
		rest := stream
		for {
			frame, err := diameter.ReadFrame(r, 512)
			if err != nil {
				return
			}
			if len(frame) < 20 || len(frame) > 512 || !bytes.HasPrefix(rest, frame) {
				t.Fatalf("frame %x is not what the stream holds: %x", frame, rest)
			}
			rest = rest[len(frame):]
			parse(t, frame)
		}
	})
}
