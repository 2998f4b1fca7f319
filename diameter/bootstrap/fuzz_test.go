package bootstrap_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
)

// Whatever is received is refused with an answer that parses, or decodes to an
// HMR that encodes and decodes to itself.
func FuzzDecodeHMR(f *testing.F) {
	c := newCodec(f)
	f.Add(c.EncodeHMR(minimal()).Append(nil), byte(0))
	f.Add(c.EncodeHMR(complete()).Append(nil), byte(7))
	for _, fault := range inOrder() {
		frame, _ := edited(f, c, minimal(), fault.edits...)
		f.Add(frame, byte(0))
	}
	f.Fuzz(func(t *testing.T, frame []byte, switches byte) {
		msg, err := diameter.Parse(bytes.Clone(frame))
		if err != nil {
			return
		}
		opt := options()
		opt.LegacyIPAddress, opt.StrictVector = switches&1 != 0, switches&2 != 0
		if switches&4 != 0 {
			opt.FixedKeyID = ptr(int32(switches))
		}
		h, failure := c.DecodeHMR(msg, opt)
		if failure != nil {
			fuzzRefusal(t, c, msg, failure)
			return
		}
		_, again := edited(t, c, h)
		got, failure := c.DecodeHMR(again, options())
		if failure != nil {
			t.Fatalf("an accepted HMR is refused after a round trip: %v", failure)
		}
		if diff := cmp.Diff(h, got, compare, equateEmpty); diff != "" {
			t.Errorf("unexpected HMR after a round trip (-want +got):\n%s", diff)
		}
	})
}

func fuzzRefusal(t *testing.T, c *bootstrap.Codec, req *diameter.Message, f *diameter.Failure) {
	answer := parse(t, c.Refuse(req, us, f).Append(nil))
	if answer.Fault != nil && answer.Fault.Code != diameter.AVPOccursTooManyTimes {
		t.Errorf("the answer to %v has the fault %v", f, answer.Fault)
	}
	if (answer.Flags&diameter.FlagError != 0) != f.Code.Protocol() {
		t.Errorf("the answer to %v has flags %#x", f, answer.Flags)
	}
}

// What an answer decodes to encodes and decodes to itself.
func FuzzDecodeHMA(f *testing.F) {
	c := newCodec(f)
	_, req := edited(f, c, minimal())
	f.Add(c.EncodeHMA(req, us, &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}, UserName: "mn"}).Append(nil))
	f.Add(c.Refuse(req, us, &diameter.Failure{Code: diameter.MissingAVP, Failed: avps(nest(3)), Text: "why"}).Append(nil))
	f.Fuzz(func(t *testing.T, frame []byte) {
		msg, err := diameter.Parse(frame)
		if err != nil {
			return
		}
		h, failure := c.DecodeHMA(msg)
		if failure != nil || h.SessionID == "" {
			return
		}
		id := diameter.Identity{Host: h.OriginHost, Realm: h.OriginRealm, OriginStateID: h.OriginStateID}
		again := c.EncodeHMA(&diameter.Message{AVPs: avps(diameter.NewUTF8(sessionID, 0, m, h.SessionID))}, id, h)
		got, failure := c.DecodeHMA(parse(t, again.Append(nil)))
		if failure != nil {
			t.Fatalf("an accepted HMA is refused after a round trip: %v", failure)
		}
		h.ErrorMessage, h.Failed = "", nil // Refuse writes those
		if diff := cmp.Diff(h, got, compare, equateEmpty); diff != "" {
			t.Errorf("unexpected HMA after a round trip (-want +got):\n%s", diff)
		}
	})
}

func BenchmarkDecodeHMR(b *testing.B) {
	c := newCodec(b)
	frame := c.EncodeHMR(complete()).Append(nil)
	copied := make([]byte, len(frame))
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		copy(copied, frame) // decoding wipes the key
		msg, err := diameter.Parse(copied)
		if err != nil {
			b.Fatal(err)
		}
		if _, f := c.DecodeHMR(msg, options()); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkEncodeHMA(b *testing.B) {
	c := newCodec(b)
	_, req := edited(b, c, complete())
	h := &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}, UserName: "mn@example.com",
		HomeAddress: complete().HomeAddress, HomeAgent: complete().HomeAgent}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = c.EncodeHMA(req, us, h).Append(buffer[:0])
	}
}
