package mobility

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An optionRow is a set of options and the octets of the options area, in a message
// whose fixed part ends at octet start of the header.
type optionRow struct {
	name    string
	start   int
	options Options
	octets  []byte
}

func optionRows() []optionRow {
	return []optionRow{
		{name: "none, at the end of a unit", start: 8, octets: nil},
		{name: "none, one octet short", start: 15, octets: []byte{0}},
		{name: "none, two octets short", start: 14, octets: []byte{1, 0}},
		{name: "none, seven octets short", start: 9, octets: []byte{1, 5, 0, 0, 0, 0, 0}},
		{
			name: "refresh advice, 2n", start: 12,
			options: Options{RefreshAdvice: 0x0102}, octets: []byte{2, 2, 1, 2},
		},
		{
			name: "refresh advice after an odd octet", start: 11,
			options: Options{RefreshAdvice: 0x0102}, octets: []byte{0, 2, 2, 1, 2},
		},
		{
			name: "alternate care-of address, 8n+6", start: 14,
			options: Options{AlternateCareOf: careOf}, octets: merge([]byte{3, 16}, careOfOctets),
		},
		{
			name: "alternate care-of address, one past 8n+6", start: 15,
			options: Options{AlternateCareOf: careOf},
			octets:  merge([]byte{1, 5, 0, 0, 0, 0, 0, 3, 16}, careOfOctets),
		},
		{
			name: "nonce indices, 2n", start: 12,
			options: Options{NonceIndices: &NonceIndices{Home: 0x0102, CareOf: 0x0304}},
			octets:  merge([]byte{4, 4, 1, 2}, []byte{3, 4, 1, 4, 0, 0, 0, 0}),
		},
		{
			name: "network prefix, 8n+4", start: 12,
			options: Options{NetworkPrefixes: []NetworkPrefix{{Addr: home, Bits: 56}}},
			octets:  merge([]byte{6, 18, 0, 56}, homeOctets),
		},
		{
			name: "identifier, anywhere", start: 13,
			options: Options{Identifier: Identifier{Subtype: IdentifierNAI, Value: []byte{}}},
			octets:  []byte{8, 1, 1},
		},
		{
			name: "authorization data, such that it ends the header", start: 12,
			options: Options{Authorization: []byte("abcdefghijkl")},
			octets:  merge([]byte{1, 4, 0, 0, 0, 0, 5, 12}, []byte("abcdefghijkl")),
		},
		{
			name: "authorization data of six octets", start: 16,
			options: Options{Authorization: []byte("abcdef")},
			octets:  merge([]byte{5, 6}, []byte("abcdef")),
		},
		{
			name: "empty authorization data", start: 12,
			options: Options{Authorization: []byte{}},
			octets:  []byte{1, 0, 5, 0},
		},
		{
			name: "identifier before authorization data", start: 12,
			options: Options{
				Identifier:    Identifier{Subtype: IdentifierNAI, Value: []byte("m@a")},
				Authorization: []byte("abcd"),
			},
			octets: merge([]byte{8, 4, 1, 'm', '@', 'a', 5, 4}, []byte("abcd")),
		},
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range optionRows() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fixed := bytes.Repeat([]byte{0xee}, tt.start)
			b, err := tt.options.append(slices.Clone(fixed), 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(merge(fixed, tt.octets), b); diff != "" {
				t.Errorf("unexpected octets (-want +got):\n%s", diff)
			}
			var got Options
			if at, fault := got.parse(b[tt.start:]); fault != 0 {
				t.Fatalf("%s at %d", fault, at)
			}
			if diff := cmp.Diff(tt.options, got, addrComparer); diff != "" {
				t.Errorf("unexpected options (-want +got):\n%s", diff)
			}
		})
	}
}

// Every message carries options, wherever its fixed part ends.
func TestOptionsInEveryMessage(t *testing.T) {
	t.Parallel()
	options := Options{
		RefreshAdvice: 15, AlternateCareOf: careOf,
		NetworkPrefixes: []NetworkPrefix{{Addr: home, Bits: 64}},
		Identifier:      Identifier{Subtype: IdentifierNAI, Value: []byte("mn@example.com")},
		Authorization:   []byte("0123456789ab"),
	}
	for _, row := range messageRows() {
		want := row.m
		*want.options() = options
		b, err := Append(nil, want)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		if diff := cmp.Diff(want, got, addrComparer); diff != "" {
			t.Errorf("%s: unexpected message (-want +got):\n%s", row.name, diff)
		}
	}
}

// Messages hold parts of the octets they came from; appending to such a part must
// not write into the next option.
func TestOptionsAreCapped(t *testing.T) {
	t.Parallel()
	b, err := Append(nil, &BindingUpdate{Options: Options{
		Identifier: Identifier{Subtype: IdentifierNAI, Value: []byte("mn")}, Authorization: []byte("abcdefghijkl"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(b)
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	update := m.(*BindingUpdate)
	_ = append(update.Identifier.Value, "@example.com"...)
	_ = append(update.Authorization, "mnop"...)
	if diff := cmp.Diff(before, b); diff != "" {
		t.Errorf("the octets changed (-before +after):\n%s", diff)
	}
}

// An absent address is written as the unspecified one.
func TestAppendZeroAddr(t *testing.T) {
	t.Parallel()
	with, err := Append(nil, &BindingError{Status: ErrorUnknownType, HomeAddress: netip.IPv6Unspecified()})
	if err != nil {
		t.Fatal(err)
	}
	without, err := Append(nil, &BindingError{Status: ErrorUnknownType})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(with, without); diff != "" {
		t.Errorf("unexpected octets (-want +got):\n%s", diff)
	}
}
