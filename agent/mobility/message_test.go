package mobility

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var addrComparer = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// merge joins the lines of a message in octets.
func merge(lines ...[]byte) []byte { return slices.Concat(lines...) }

var (
	careOf = netip.MustParseAddr("2001:db8:2::100")
	home   = netip.MustParseAddr("2001:db8:1::1234")
	agent  = netip.MustParseAddr("2001:db8:1::1")

	careOfOctets = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00}
	homeOctets   = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34}
	agentOctets  = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x01}
)

// A messageRow is a message and the octets it is written as; the octets are read
// back into the same message.
type messageRow struct {
	name   string
	m      Message
	octets []byte
}

func messageRows() []messageRow {
	return slices.Concat(updateRows(), acknowledgementRows(), routabilityRows(), otherRows())
}

func updateRows() []messageRow {
	return []messageRow{
		{
			name: "binding update, no options",
			m: &BindingUpdate{
				Sequence: 0x1234,
				Flags:    FlagAcknowledge | FlagHomeRegistration | FlagLinkLocal | FlagKeyManagement,
				Lifetime: 150,
			},
			octets: merge(
				[]byte{59, 1, 5, 0, 0, 0, 0x12, 0x34},
				[]byte{0xf0, 0x00, 0x00, 0x96, 1, 2, 0, 0},
			),
		},
		{
			name: "binding update, alternate care-of address at 8n+6",
			m: &BindingUpdate{
				Sequence: 1,
				Flags:    FlagAcknowledge | FlagHomeRegistration,
				Lifetime: 15,
				Options:  Options{AlternateCareOf: careOf},
			},
			octets: merge(
				[]byte{59, 3, 5, 0, 0, 0, 0, 1},
				[]byte{0xc0, 0, 0, 15, 1, 0, 3, 16},
				careOfOctets,
			),
		},
		{
			name: "binding update to a correspondent, authorization ends the header",
			m: &BindingUpdate{
				Sequence: 2,
				Flags:    FlagAcknowledge,
				Lifetime: 105,
				Options: Options{
					NonceIndices:  &NonceIndices{Home: 7, CareOf: 8},
					Authorization: []byte("abcdefghijkl"),
				},
			},
			octets: merge(
				[]byte{59, 3, 5, 0, 0, 0, 0, 2},
				[]byte{0x80, 0, 0, 105, 4, 4, 0, 7},
				[]byte{0, 8, 5, 12, 'a', 'b', 'c', 'd'},
				[]byte("efghijkl"),
			),
		},
		{
			name: "binding update of a mobile router, prefixes at 8n+4",
			m: &BindingUpdate{
				Sequence: 3,
				Flags:    FlagAcknowledge | FlagHomeRegistration | FlagMobileRouter,
				Lifetime: 15,
				Options: Options{
					AlternateCareOf: careOf,
					NetworkPrefixes: []NetworkPrefix{{Addr: home, Bits: 64}, {Addr: agent, Bits: 200}},
				},
			},
			octets: merge(
				[]byte{59, 9, 5, 0, 0, 0, 0, 3},
				[]byte{0xc4, 0, 0, 15, 1, 0, 3, 16},
				careOfOctets,
				[]byte{1, 2, 0, 0, 6, 18, 0, 64}, homeOctets,
				[]byte{1, 2, 0, 0, 6, 18, 0, 200}, agentOctets,
			),
		},
		{
			name: "binding update with a mobile node identifier",
			m: &BindingUpdate{
				Sequence: 4,
				Flags:    FlagHomeRegistration,
				Options:  Options{Identifier: Identifier{Subtype: IdentifierNAI, Value: []byte("mn@a")}},
			},
			octets: merge(
				[]byte{59, 2, 5, 0, 0, 0, 0, 4},
				[]byte{0x40, 0, 0, 0, 8, 5, 1, 'm'},
				[]byte{'n', '@', 'a', 1, 3, 0, 0, 0},
			),
		},
	}
}

func acknowledgementRows() []messageRow {
	return []messageRow{
		{
			name: "binding acknowledgement, accepted",
			m: &BindingAcknowledgement{
				Flags: AckKeyManagement | AckMobileRouter, Sequence: 0xffff, Lifetime: MaxLifetime,
			},
			octets: merge(
				[]byte{59, 1, 6, 0, 0, 0, 0, 0xc0},
				[]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 0, 0},
			),
		},
		{
			name: "binding acknowledgement with refresh advice",
			m: &BindingAcknowledgement{
				Status: StatusPrefixDiscoveryNecessary, Sequence: 9, Lifetime: 15,
				Options: Options{RefreshAdvice: 7},
			},
			octets: merge(
				[]byte{59, 1, 6, 0, 0, 0, 1, 0},
				[]byte{0, 9, 0, 15, 2, 2, 0, 7},
			),
		},
		{
			name: "binding acknowledgement, authorized with 8 octets",
			m: &BindingAcknowledgement{
				Status: StatusSequenceOutOfWindow, Sequence: 9,
				Options: Options{Authorization: []byte("01234567")},
			},
			octets: merge(
				[]byte{59, 2, 6, 0, 0, 0, 135, 0},
				[]byte{0, 9, 0, 0, 1, 0, 5, 8},
				[]byte("01234567"),
			),
		},
		{
			name: "binding error",
			m:    &BindingError{Status: ErrorUnknownType, HomeAddress: home},
			octets: merge(
				[]byte{59, 2, 7, 0, 0, 0, 2, 0},
				homeOctets,
			),
		},
		{
			name: "binding error without a home address",
			m:    &BindingError{Status: ErrorUnknownBinding, HomeAddress: netip.IPv6Unspecified()},
			octets: merge(
				[]byte{59, 2, 7, 0, 0, 0, 1, 0},
				make([]byte, 16),
			),
		},
	}
}

func routabilityRows() []messageRow {
	cookie, token := Cookie{1, 2, 3, 4, 5, 6, 7, 8}, Token{9, 10, 11, 12, 13, 14, 15, 16}
	return []messageRow{
		{
			name:   "home test init",
			m:      &HomeTestInit{Cookie: cookie},
			octets: merge([]byte{59, 1, 1, 0, 0, 0, 0, 0}, cookie[:]),
		},
		{
			name:   "care-of test init",
			m:      &CareOfTestInit{Cookie: cookie},
			octets: merge([]byte{59, 1, 2, 0, 0, 0, 0, 0}, cookie[:]),
		},
		{
			name:   "home test",
			m:      &HomeTest{NonceIndex: 0x0102, Cookie: cookie, Token: token},
			octets: merge([]byte{59, 2, 3, 0, 0, 0, 1, 2}, cookie[:], token[:]),
		},
		{
			name:   "care-of test",
			m:      &CareOfTest{NonceIndex: 0x0304, Cookie: cookie, Token: token},
			octets: merge([]byte{59, 2, 4, 0, 0, 0, 3, 4}, cookie[:], token[:]),
		},
	}
}

func otherRows() []messageRow {
	return []messageRow{
		{
			name:   "binding refresh request",
			m:      &BindingRefreshRequest{},
			octets: []byte{59, 0, 0, 0, 0, 0, 0, 0},
		},
		{
			name:   "home agent switch, discovery needed",
			m:      &HomeAgentSwitch{},
			octets: []byte{59, 0, 12, 0, 0, 0, 0, 0},
		},
		{
			name: "home agent switch with two alternatives and advice",
			m: &HomeAgentSwitch{
				HomeAgents: []netip.Addr{agent, home},
				Options:    Options{RefreshAdvice: 300},
			},
			octets: merge(
				[]byte{59, 5, 12, 0, 0, 0, 2, 0},
				agentOctets, homeOctets,
				[]byte{2, 2, 1, 44, 1, 2, 0, 0},
			),
		},
		{
			name: "binding revocation indication",
			m:    &RevocationIndication{Trigger: TriggerAdministrative, Sequence: 0x0a0b},
			octets: merge(
				[]byte{59, 1, 16, 0, 0, 0, 1, 1},
				[]byte{0x0a, 0x0b, 0, 0, 1, 2, 0, 0},
			),
		},
		{
			name: "binding revocation acknowledgement",
			m: &RevocationAcknowledgement{
				Status: RevocationNoBinding, Sequence: 0x0a0b, Flags: RevocationProxy | RevocationGlobal,
			},
			octets: merge(
				[]byte{59, 1, 16, 0, 0, 0, 2, 128},
				[]byte{0x0a, 0x0b, 0xa0, 0, 1, 2, 0, 0},
			),
		},
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range messageRows() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			octets, err := Append(nil, tt.m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.octets, octets); diff != "" {
				t.Errorf("unexpected octets (-want +got):\n%s", diff)
			}
			m, err := Parse(tt.octets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.m, m, addrComparer); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
		})
	}
}

// What stands before the message in the buffer does not move its options.
func TestAppendBehindOtherOctets(t *testing.T) {
	t.Parallel()
	for _, tt := range messageRows() {
		before := []byte{1, 2, 3, 4, 5}
		got, err := Append(bytes.Clone(before), tt.m)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(merge(before, tt.octets), got); diff != "" {
			t.Errorf("%s: unexpected octets (-want +got):\n%s", tt.name, diff)
		}
	}
}

// H5: reserved fields and the content of padding mean nothing, and neither do
// octets after the header.
func TestH5_ReservedAndPaddingIgnored(t *testing.T) {
	t.Parallel()
	b := merge(
		[]byte{59, 4, 5, 0xff, 0xde, 0xad, 0x12, 0x34}, // reserved octet, checksum not looked at here
		[]byte{0xc0, 0xff, 0, 15, 1, 0, 3, 16},         // reserved flags
		careOfOctets,
		[]byte{1, 3, 9, 9, 9, 0, 0, 0}, // PadN with content, Pad1 three times
		[]byte("after the header"),
	)
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	want := &BindingUpdate{
		Sequence: 0x1234,
		Flags:    FlagAcknowledge | FlagHomeRegistration,
		Lifetime: 15,
		Options:  Options{AlternateCareOf: careOf},
	}
	if diff := cmp.Diff(Message(want), got, addrComparer); diff != "" {
		t.Errorf("unexpected message (-want +got):\n%s", diff)
	}
}

func TestAppendErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		m          Message
	}{
		{
			name: "identifier",
			m:    &BindingUpdate{Options: Options{Identifier: Identifier{Value: make([]byte, 255)}}},
			want: "encoding Binding Update: mobile node identifier of 255 octets (must be at most 254)",
		},
		{
			name: "authorization data",
			m:    &BindingUpdate{Options: Options{Authorization: make([]byte, 256)}},
			want: "encoding Binding Update: binding authorization data of 256 octets (must be at most 255)",
		},
		{
			name: "whole header",
			m:    &BindingUpdate{Options: Options{NetworkPrefixes: make([]NetworkPrefix, 100)}},
			want: "octets (must be at most 2048)",
		},
		{
			name: "home agents",
			m:    &HomeAgentSwitch{HomeAgents: make([]netip.Addr, 300)},
			want: "octets (must be at most 2048)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := Append(nil, tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("unexpected error %v (want one with %q)", err, tt.want)
			}
		})
	}
}

func BenchmarkParseBindingUpdate(b *testing.B) {
	octets := updateRows()[1].octets
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(octets); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBindingAcknowledgement(b *testing.B) {
	m := acknowledgementRows()[1].m
	buffer := make([]byte, 0, MaxLength)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Append(buffer, m); err != nil {
			b.Fatal(err)
		}
	}
}
