package vicitest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The octets are those of the example in strongSwan's
// src/libcharon/plugins/vici/README.md, shortened.
var messages = []struct {
	name    string
	message Message
	octets  string
}{
	{"empty", nil, ""},
	{"value", Message{Value("key1", "value1")}, "\x03\x04key1\x00\x06value1"},
	{"value with zeros", Message{Value("k", "\x00\xff")}, "\x03\x01k\x00\x02\x00\xff"},
	{"list", Message{List("list1", []string{"item1", "item2"})}, "\x04\x05list1\x05\x00\x05item1\x05\x00\x05item2\x06"},
	{"empty list", Message{List("l", nil)}, "\x04\x01l\x06"},
	{
		"sections",
		Message{Section("section1", Section("sub-section", Value("key2", "value2")))},
		"\x01\x08section1\x01\x0bsub-section\x03\x04key2\x00\x06value2\x02\x02",
	},
}

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.octets, string(tt.message.Append(nil))); diff != "" {
				t.Errorf("unexpected encoding (-want +got):\n%s", diff)
			}
			got, err := Parse([]byte(tt.octets))
			if err != nil {
				t.Fatalf("parsing: %v", err)
			}
			if diff := cmp.Diff(tt.message, got); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, octets, want string }{
		{"truncated name", "\x03\x04ke", "the VICI message is truncated"},
		{"truncated value", "\x03\x01k\x00\x06val", "the VICI message is truncated"},
		{"section without end", "\x01\x01s", "the VICI message is truncated"},
		{"end without section", "\x02", "the VICI message ends a section that did not begin"},
		{"unknown element", "\x09\x01k", "the VICI message has an element of unknown type 9"},
		{"value in a list", "\x04\x01l\x03\x01k\x00\x00\x06", "the VICI message has an element of type 3 (must be 6)"},
		{"too deep", strings.Repeat("\x01\x01s", 20), "the VICI message nests sections deeper than 16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(tt.octets))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestPacketLength(t *testing.T) {
	t.Parallel()
	if _, err := readPacket(strings.NewReader("\xff\xff\xff\xff")); err == nil {
		t.Error("a packet of 4 GiB was accepted")
	}
	if _, err := readPacket(strings.NewReader("\x00\x00\x00\x00")); !errors.Is(err, errTruncated) {
		t.Errorf("an empty packet gives %v, want %v", err, errTruncated)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range messages {
		f.Add([]byte(tt.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(m.Append(nil))
		if err != nil {
			t.Fatalf("parsing what was encoded: %v", err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Errorf("the message changed (-want +got):\n%s", diff)
		}
		if !bytes.Equal(m.Append(nil), b) {
			t.Errorf("%x is encoded as %x", b, m.Append(nil))
		}
	})
}
