package mobility

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A faultRow is octets that are discarded.
type faultRow struct {
	name   string
	octets []byte
	want   ParseError
	owed   bool // an ICMPv6 Parameter Problem
}

// update is a Binding Update of 24 octets whose options are given.
func update(options ...byte) []byte {
	return merge([]byte{59, 2, 5, 0, 0, 0, 0, 1, 0xc0, 0, 0, 15}, options)
}

// The rows are in the order of the checks of RFC 6275 section 9.2; where two
// apply, the first decides.
func headerFaultRows() []faultRow {
	return []faultRow{
		{name: "nothing", octets: nil, want: ParseError{FaultTruncated, 0, 0}},
		{name: "seven octets", octets: make([]byte, 7), want: ParseError{FaultTruncated, 0, 7}},
		{
			name:   "H2: unknown type, whatever else",
			octets: []byte{6, 9, 77, 0, 0, 0, 0, 0}, want: ParseError{FaultUnknownType, 77, 2},
		},
		{name: "H2: a gap among the types", octets: []byte{59, 0, 8, 0, 0, 0, 0, 0}, want: ParseError{FaultUnknownType, 8, 2}},
		{
			name:   "H3: payload proto, before the length",
			octets: []byte{6, 0, 5, 0, 0, 0, 0, 0}, want: ParseError{FaultPayloadProto, TypeBindingUpdate, 0}, owed: true,
		},
		{
			name:   "H4: header length",
			octets: make0(5, 0, 8), want: ParseError{FaultHeaderLength, TypeBindingUpdate, 1}, owed: true,
		},
		{
			name:   "H4: not all of the home agents",
			octets: merge([]byte{59, 2, 12, 0, 0, 0, 2, 0}, agentOctets),
			want:   ParseError{FaultHeaderLength, TypeHomeAgentSwitch, 1}, owed: true,
		},
		{
			name:   "header longer than the packet",
			octets: make0(5, 2, 16), want: ParseError{FaultTruncated, TypeBindingUpdate, 16},
		},
		{
			name:   "H5: option past the end",
			octets: update(1, 2, 0, 0, 99, 7, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionOverrun, TypeBindingUpdate, 16},
		},
		{
			name:   "H5: padding past the end",
			octets: update(1, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionOverrun, TypeBindingUpdate, 12},
		},
		{
			name:   "H5: option without a length",
			octets: update(1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99), want: ParseError{FaultOptionOverrun, TypeBindingUpdate, 23},
		},
	}
}

func optionFaultRows() []faultRow {
	return []faultRow{
		{
			name:   "refresh advice of a wrong length",
			octets: update(2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionLength, TypeBindingUpdate, 12},
		},
		{
			name:   "alternate care-of address of a wrong length",
			octets: update(3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionLength, TypeBindingUpdate, 12},
		},
		{
			name:   "nonce indices of a wrong length",
			octets: update(4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionLength, TypeBindingUpdate, 12},
		},
		{
			name:   "network prefix of a wrong length",
			octets: update(6, 4, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionLength, TypeBindingUpdate, 12},
		},
		{
			name:   "identifier without a subtype",
			octets: update(8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionLength, TypeBindingUpdate, 12},
		},
		{
			name:   "refresh advice twice",
			octets: update(2, 2, 0, 1, 2, 2, 0, 1, 0, 0, 0, 0), want: ParseError{FaultOptionRepeated, TypeBindingUpdate, 16},
		},
		{
			name:   "nonce indices twice",
			octets: update(4, 4, 0, 1, 0, 1, 4, 4, 0, 1, 0, 1), want: ParseError{FaultOptionRepeated, TypeBindingUpdate, 18},
		},
		{
			name:   "identifier twice",
			octets: update(8, 1, 1, 8, 1, 1, 0, 0, 0, 0, 0, 0), want: ParseError{FaultOptionRepeated, TypeBindingUpdate, 15},
		},
		{
			name: "alternate care-of address twice",
			octets: merge([]byte{59, 5, 5, 0, 0, 0, 0, 1, 0xc0, 0, 0, 15},
				[]byte{3, 16}, careOfOctets, []byte{3, 16}, homeOctets),
			want: ParseError{FaultOptionRepeated, TypeBindingUpdate, 30},
		},
		{
			name:   "padding behind the authorization data",
			octets: update(5, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0), want: ParseError{FaultOptionOrder, TypeBindingUpdate, 22},
		},
		{
			name:   "revocation of no kind",
			octets: make0(16, 1, 16), want: ParseError{FaultRevocationType, TypeBindingRevocation, 6},
		},
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range slices.Concat(headerFaultRows(), optionFaultRows()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tt.octets)
			var got *ParseError
			if !errors.As(err, &got) {
				t.Fatalf("unexpected error %v", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("unexpected error (-want +got):\n%s", diff)
			}
			if offset, owed := got.Pointer(); owed != tt.owed || offset != tt.want.Offset {
				t.Errorf("pointer %d, owed %t (want %d, %t)", offset, owed, tt.want.Offset, tt.owed)
			}
			if !strings.HasPrefix(got.Error(), "parsing mobility header: "+tt.want.Fault.String()) {
				t.Errorf("unexpected text %q", got)
			}
		})
	}
}

// make0 is a message of zeros with a type and a Header Len.
func make0(kind, length byte, octets int) []byte {
	b := make([]byte, octets)
	b[0], b[1], b[2] = 59, length, kind
	return b
}

// H4: the lengths of section 6.1 are the shortest that pass.
func TestH4_Minimums(t *testing.T) {
	t.Parallel()
	want := map[Type]byte{0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 1, 6: 1, 7: 2, 12: 0, 16: 1}
	for kind := range Type(255) {
		shortest, known := want[kind]
		if known != kind.Known() {
			t.Fatalf("type %d known: %t", kind, kind.Known())
		}
		if !known {
			continue
		}
		b := make0(byte(kind), shortest, MaxLength)
		b[6] = revocationIndication * byte(kind/TypeBindingRevocation)
		if _, err := Parse(b); err != nil {
			t.Errorf("%s with Header Len %d: %v", kind, shortest, err)
		}
		if b[1]--; shortest > 0 {
			if _, err := Parse(b); err == nil {
				t.Errorf("%s with Header Len %d passes", kind, b[1])
			}
		}
	}
}

// H5: options of unknown types are skipped and counted, in any number and place.
func TestH5_UnknownOptionsSkipped(t *testing.T) {
	t.Parallel()
	b := merge(
		[]byte{59, 5, 5, 0, 0, 0, 0, 1},
		[]byte{0xc0, 0, 0, 15, 7, 0, 35, 1},
		[]byte{0xaa, 0, 0, 0, 0, 0, 3, 16}, careOfOctets,
		[]byte{255, 5, 1, 2, 3, 4, 5, 0},
	)
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	bu := m.(*BindingUpdate)
	if bu.AlternateCareOf != careOf || bu.Skipped != 3 {
		t.Errorf("care-of address %s, %d skipped (want %s, 3)", bu.AlternateCareOf, bu.Skipped, careOf)
	}
}

// Every code has a name of its own, and codes without one still print.
func TestNames(t *testing.T) {
	t.Parallel()
	unknown := []string{
		Type(77).String(), Status(200).String(), ErrorStatus(9).String(), Fault(99).String(),
		RevocationTrigger(99).String(), RevocationStatus(99).String(), Type(8).String(),
	}
	want := []string{
		"MH Type 77", "status 200", "error status 9", "fault 99", "trigger 99", "revocation status 99", "MH Type 8",
	}
	if diff := cmp.Diff(want, unknown); diff != "" {
		t.Errorf("unexpected names (-want +got):\n%s", diff)
	}
	for _, names := range [][]string{typeNames[:], statusNames[:], faultNames[:], faultKeys[:], triggerNames[:], revocationStatusNames[:]} {
		named := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
		slices.Sort(named)
		if n := len(named); n != len(slices.Compact(named)) {
			t.Errorf("names are not distinct: %q", names)
		}
	}
	if len(faultNames) != Faults || len(faultKeys) != Faults {
		t.Errorf("%d names and %d keys of %d faults", len(faultNames), len(faultKeys), Faults)
	}
}

func TestFlagsString(t *testing.T) {
	t.Parallel()
	got := []string{
		(FlagAcknowledge | FlagHomeRegistration | FlagKeyManagement).String(),
		(FlagLinkLocal | FlagAnchorPoint | FlagMobileRouter | FlagProxy | FlagForceUDP).String(),
		UpdateFlags(0).String(), (AckKeyManagement | AckMobileRouter).String(), AckMobileRouter.String(),
		(RevocationProxy | RevocationIPv4Only | RevocationGlobal).String(),
	}
	if diff := cmp.Diff([]string{"AHK", "LMRPF", "", "KR", "R", "PVG"}, got); diff != "" {
		t.Errorf("unexpected letters (-want +got):\n%s", diff)
	}
}

func TestFlagsHave(t *testing.T) {
	t.Parallel()
	const f = FlagAcknowledge | FlagHomeRegistration
	if !f.Has(FlagHomeRegistration) || !f.Has(f) || f.Has(FlagHomeRegistration|FlagKeyManagement) {
		t.Errorf("%s: wrong about its flags", f)
	}
	if !AckKeyManagement.Has(AckKeyManagement) || AckKeyManagement.Has(AckKeyManagement|AckMobileRouter) {
		t.Errorf("%s: wrong about its flags", AckKeyManagement)
	}
}

func TestStatusAccepted(t *testing.T) {
	t.Parallel()
	for s := range Status(255) {
		if got, want := s.Accepted(), s <= 127; got != want {
			t.Errorf("status %d accepted: %t", s, got)
		}
	}
}
