package diameter_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/diameter"
)

// show reads an AVP as the type of a row and gives it back as text.
type show func(diameter.AVP) (any, error)

func asUnsigned32(a diameter.AVP) (any, error) { return a.Unsigned32() }
func asInteger32(a diameter.AVP) (any, error)  { return a.Integer32() }
func asUTF8(a diameter.AVP) (any, error)       { return a.UTF8() }
func asIdentity(a diameter.AVP) (any, error)   { return a.Identity() }
func asAddress(a diameter.AVP) (any, error)    { return a.Address() }
func asGroup(a diameter.AVP) (any, error)      { return a.Group() }

func TestTypes(t *testing.T) {
	t.Parallel()
	const m = diameter.AVPMandatory
	inner := diameter.NewUTF8(263, 0, m, "s")
	tests := []struct {
		name   string
		avp    diameter.AVP
		octets string
		as     show
		want   any
	}{
		{"unsigned", diameter.NewUnsigned32(1, vendor, m, 0xFFFFFFFE), "00000001 c0000010 00007ed9 fffffffe", asUnsigned32, uint32(0xFFFFFFFE)},
		{"integer", diameter.NewInteger32(6, vendor, m, -2), "00000006 c0000010 00007ed9 fffffffe", asInteger32, int32(-2)},
		{"least integer", diameter.NewInteger32(277, 0, 0, -1<<31), "00000115 0000000c 80000000", asInteger32, int32(-1 << 31)},
		{"text", diameter.NewUTF8(1, 0, m, "mü@b"), "00000001 4000000d 6dc3bc40 62000000", asUTF8, "mü@b"},
		{"no text", diameter.NewUTF8(1, 0, m, ""), "00000001 40000008", asUTF8, ""},
		{"identity", diameter.NewUTF8(264, 0, m, "a.b"), "00000108 4000000b 612e6200", asIdentity, "a.b"},
		{"octets", diameter.NewOctets(4, vendor, m, []byte("keyed")), "00000004 c0000011 00007ed9 6b657965 64000000", asUTF8, "keyed"},
		{"IPv4", diameter.NewAddress(257, 0, m, netip.MustParseAddr("192.0.2.1")), "00000101 4000000e 0001c000 02010000", asAddress, netip.MustParseAddr("192.0.2.1")},
		{"IPv4 dressed as IPv6", diameter.NewAddress(257, 0, m, netip.MustParseAddr("::ffff:192.0.2.1")), "00000101 4000000e 0001c000 02010000", asAddress, netip.MustParseAddr("192.0.2.1")},
		{"IPv6", diameter.NewAddress(2, vendor, m, netip.MustParseAddr("2001:db8::1")),
			"00000002 c000001e 00007ed9 00022001 0db80000 00000000 00000000 00010000", asAddress, netip.MustParseAddr("2001:db8::1")},
		{"unspecified IPv6", diameter.NewAddress(2, vendor, m, netip.IPv6Unspecified()),
			"00000002 c000001e 00007ed9 00020000 00000000 00000000 00000000 00000000", asAddress, netip.IPv6Unspecified()},
		{"group", diameter.NewGroup(279, 0, m, inner, inner), "00000117 40000020 00000107 40000009 73000000 00000107 40000009 73000000", asGroup, []diameter.AVP{inner, inner}},
		{"empty group", diameter.NewGroup(279, 0, m), "00000117 40000008", asGroup, []diameter.AVP{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wire := octets(t, tt.octets)
			if diff := cmp.Diff(wire, tt.avp.Append(nil)); diff != "" {
				t.Errorf("unexpected octets (-want +got):\n%s", diff)
			}
			group, err := diameter.AVP{Data: wire}.Group()
			if err != nil || len(group) != 1 {
				t.Fatalf("parsing the octets again: %d AVPs, %v", len(group), err)
			}
			got, err := tt.as(group[0])
			if err != nil {
				t.Fatalf("reading the value: %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("unexpected value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTypes_Refused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		as         show
		want       diameter.ResultCode
	}{
		{"unsigned of 3", "000001", asUnsigned32, diameter.InvalidAVPLength},
		{"unsigned of 5", "0000000100", asUnsigned32, diameter.InvalidAVPLength},
		{"unsigned of 0", "", asUnsigned32, diameter.InvalidAVPLength},
		{"integer of 8", "0000000000000001", asInteger32, diameter.InvalidAVPLength},
		{"text cut in a rune", "6dc3", asUTF8, diameter.InvalidAVPValue},
		{"text with a surrogate", "eda080", asUTF8, diameter.InvalidAVPValue},
		{"identity with a space", "6120", asIdentity, diameter.InvalidAVPValue},
		{"identity with a newline", "610a", asIdentity, diameter.InvalidAVPValue},
		{"identity beyond ASCII", "c3bc", asIdentity, diameter.InvalidAVPValue},
		{"identity of nothing", "", asIdentity, diameter.InvalidAVPValue},
		{"address of nothing", "", asAddress, diameter.InvalidAVPLength},
		{"address of half a family", "00", asAddress, diameter.InvalidAVPLength},
		{"address of 16 bare octets", "20010db8000000000000000000000001", asAddress, diameter.InvalidAVPValue},
		{"IPv4 of 16", "000120010db8000000000000000000000001", asAddress, diameter.InvalidAVPLength},
		{"IPv6 of 4", "0002c0000201", asAddress, diameter.InvalidAVPLength},
		{"IPv6 of 17", "000220010db800000000000000000000000100", asAddress, diameter.InvalidAVPLength},
		{"IPv4-mapped IPv6", "000200000000000000000000ffffc0000201", asAddress, diameter.InvalidAVPValue},
		{"family 0", "000020010db8000000000000000000000001", asAddress, diameter.InvalidAVPValue},
		{"family 8, E.164", "0008313233", asAddress, diameter.InvalidAVPValue},
		{"family 65535", "ffff00", asAddress, diameter.InvalidAVPValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := diameter.AVP{Code: 2, Vendor: vendor, Flags: 0xC0, Data: octets(t, tt.data)}
			_, err := tt.as(a)
			if got := codeOf(t, err); got != tt.want {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff([]diameter.AVP{a}, failed(t, err)); diff != "" {
				t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGroup_Refused(t *testing.T) {
	t.Parallel()
	a := diameter.AVP{Code: 284, Flags: diameter.AVPMandatory, Data: octets(t, "00000118 4000000c 61616161 00000021 40000020 61616161")}
	members, err := a.Group()
	if got := codeOf(t, err); got != diameter.InvalidAVPLength {
		t.Fatalf("got %v, want %v", err, diameter.InvalidAVPLength)
	}
	want := diameter.NewGroup(284, 0, diameter.AVPMandatory, diameter.AVP{Code: 33, Flags: diameter.AVPMandatory})
	if diff := cmp.Diff([]diameter.AVP{want}, failed(t, err)); diff != "" {
		t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
	}
	if len(members) != 1 {
		t.Errorf("got %d members before the fault, want 1", len(members))
	}
}

// Some senders leave out the padding of the last AVP of a group.
func TestGroup_LastPaddingMissing(t *testing.T) {
	t.Parallel()
	members, err := diameter.AVP{Data: octets(t, "00000107 40000009 73")}.Group()
	if err != nil || len(members) != 1 || string(members[0].Data) != "s" {
		t.Errorf("got %v, %v", members, err)
	}
}

// Data may hold a key: it must not get into logs by way of an AVP.
func TestAVP_StringHidesData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		avp  diameter.AVP
		want string
	}{
		{diameter.NewUTF8(1, 0, 0, "secret"), "AVP 1"},
		{diameter.NewUTF8(4, vendor, 0, "secret"), "AVP 4 of vendor 32473"},
	}
	for _, tt := range tests {
		if got := tt.avp.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
