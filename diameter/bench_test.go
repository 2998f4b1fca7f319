package diameter_test

import (
	"bufio"
	"bytes"
	"net/netip"
	"testing"

	"homeagent/diameter"
)

// request is about the size and shape of a real HMR.
func request() *diameter.Message {
	const m = diameter.AVPMandatory
	return &diameter.Message{
		Header: diameter.Header{Flags: diameter.FlagRequest | diameter.FlagProxiable, Command: 16777215, Application: 0xFF007ED9},
		AVPs: []diameter.AVP{
			diameter.NewUTF8(sessionID, 0, m, "aaah.home.example;1700000000;1"),
			diameter.NewUnsigned32(258, 0, m, 0xFF007ED9),
			diameter.NewUnsigned32(291, 0, m, 3600),
			diameter.NewInteger32(277, 0, m, 0),
			diameter.NewUTF8(originHost, 0, m, "aaah.home.example"),
			diameter.NewUTF8(296, 0, m, "home.example"),
			diameter.NewUTF8(userName, 0, m, "mn1@home.example"),
			diameter.NewUTF8(283, 0, m, "ha.example"),
			diameter.NewUnsigned32(1, vendor, m, 1),
			diameter.NewOctets(4, vendor, m, make([]byte, 64)),
			diameter.NewInteger32(6, vendor, m, 1),
			diameter.NewAddress(2, vendor, m, netip.MustParseAddr("2001:db8::1")),
		},
	}
}

func BenchmarkParse(b *testing.B) {
	frame := request().Append(nil)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := diameter.Parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadFrame(b *testing.B) {
	frame := request().Append(nil)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	source := bytes.NewReader(frame)
	r := bufio.NewReader(source)
	for b.Loop() {
		source.Reset(frame)
		r.Reset(source)
		if _, err := diameter.ReadFrame(r, diameter.MaxMessage); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	m := request()
	buffer := m.Append(nil)
	b.SetBytes(int64(len(buffer)))
	b.ReportAllocs()
	for b.Loop() {
		buffer = m.Append(buffer[:0])
	}
}

// One enormous nest of groups costs no more than its one outer AVP.
func BenchmarkParseNested(b *testing.B) {
	frame := nested(diameter.MaxMessage)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := diameter.Parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewAnswer(b *testing.B) {
	req := request()
	b.ReportAllocs()
	for b.Loop() {
		diameter.NewAnswer(req, us, diameter.Success)
	}
}
