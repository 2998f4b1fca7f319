package diameter_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
)

// Codes as they stand in the rows' octets.
const (
	userName   = 1
	sessionID  = 263
	proxyInfo  = 284
	originHost = 264
	vendor     = 32473
)

func TestMessage(t *testing.T) {
	t.Parallel()
	request := diameter.Header{Flags: diameter.FlagRequest | diameter.FlagProxiable,
		Command: 16777215, Application: 0xFF007ED9, HopByHop: 1, EndToEnd: 2}
	tests := []struct {
		name   string
		octets string
		want   diameter.Message
	}{
		{
			name:   "header only",
			octets: "01000014 c0ffffff ff007ed9 00000001 00000002",
			want:   diameter.Message{Header: request},
		},
		{
			name:   "all flags, reserved ones too",
			octets: "01000014 ff000101 00000000 ffffffff 80000000",
			want:   diameter.Message{Header: diameter.Header{Flags: 0xFF, Command: 257, HopByHop: 0xFFFFFFFF, EndToEnd: 0x80000000}},
		},
		{
			name: "same code with and without vendor, padding",
			octets: `01000030 c0ffffff ff007ed9 00000001 00000002
				00000001 c0000010 00007ed9 00000003
				00000001 40000009 6d000000`,
			want: diameter.Message{Header: request, AVPs: []diameter.AVP{
				{Code: 1, Vendor: vendor, Flags: diameter.AVPVendor | diameter.AVPMandatory, Data: []byte{0, 0, 0, 3}},
				{Code: 1, Flags: diameter.AVPMandatory, Data: []byte("m")},
			}},
		},
		{
			name: "empty AVP, then one with the V bit and vendor 0",
			octets: `01000028 c0ffffff ff007ed9 00000001 00000002
				00000107 40000008
				00000001 8000000c 00000000`,
			want: diameter.Message{Header: request, AVPs: []diameter.AVP{
				{Code: 263, Flags: diameter.AVPMandatory, Data: []byte{}},
				{Code: 1, Flags: diameter.AVPVendor, Data: []byte{}},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			frame := octets(t, tt.octets)
			got := parse(t, frame)
			if len(tt.want.AVPs) == 0 {
				tt.want.AVPs = []diameter.AVP{}
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("unexpected message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(frame, tt.want.Append(nil)); diff != "" {
				t.Errorf("unexpected octets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessage_AppendAfterOthers(t *testing.T) {
	t.Parallel()
	m := &diameter.Message{Header: diameter.Header{Command: 280}}
	m.Add(diameter.NewUTF8(userName, 0, 0, "mn"))
	two := m.Append(m.Append(nil))
	if half := two[:len(two)/2]; !bytes.Equal(half, two[len(two)/2:]) {
		t.Errorf("appending after another message changed it:\n%x", two)
	}
}

func TestParse_Fault(t *testing.T) {
	t.Parallel()
	first := "00000107 4000000c 61616161" // a Session-Id, which must survive
	tests := []struct {
		name   string
		octets string
		failed diameter.AVP
	}{
		{"length 0", "00000001 40000000", diameter.AVP{Code: 1, Flags: 0x40}},
		{"length 7", "00000001 40000007", diameter.AVP{Code: 1, Flags: 0x40}},
		{"longer than the message", "00000001 4000000d 61616161", diameter.AVP{Code: 1, Flags: 0x40}},
		{"longest possible", "00000001 40ffffff 61616161", diameter.AVP{Code: 1, Flags: 0x40}},
		{"V bit, length 8", "00000001 c0000008", diameter.AVP{Code: 1, Flags: 0xC0}},
		{"V bit, length 11, vendor there", "00000001 c000000b 00007ed9", diameter.AVP{Code: 1, Flags: 0xC0}},
		{"V bit, vendor cut off by the end", "00000001 c000000c", diameter.AVP{Code: 1, Flags: 0xC0}},
		{"vendor's AVP too long", "00000001 c0000020 00007ed9", diameter.AVP{Code: 1, Vendor: vendor, Flags: 0xC0}},
		{"half a header", "00000001", diameter.AVP{Code: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			frame := octets(t, "01000000 c0ffffff ff007ed9 00000001 00000002"+first+tt.octets)
			frame[3] = byte(len(frame))
			m := parse(t, frame)
			if m.Fault == nil || m.Fault.Code != diameter.InvalidAVPLength {
				t.Fatalf("fault is %v, want %v", m.Fault, diameter.InvalidAVPLength)
			}
			if diff := cmp.Diff([]diameter.AVP{tt.failed}, m.Fault.Failed); diff != "" {
				t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
			}
			if a, ok := m.Find(sessionID, 0); !ok || string(a.Data) != "aaaa" {
				t.Errorf("the Session-Id before the fault is lost: %v", m.AVPs)
			}
		})
	}
}

func TestParse_TooManyAVPs(t *testing.T) {
	t.Parallel()
	m := &diameter.Message{}
	for range diameter.MaxAVPs {
		m.Add(diameter.NewUnsigned32(1, 0, 0, 1))
	}
	if got := parse(t, m.Append(nil)); got.Fault != nil {
		t.Errorf("%d AVPs: unexpected fault %v", diameter.MaxAVPs, got.Fault)
	}
	excess := diameter.NewUnsigned32(2, 0, 0, 2)
	m.Add(excess, diameter.NewUnsigned32(3, 0, 0, 3))
	got := parse(t, m.Append(nil))
	if got.Fault == nil || got.Fault.Code != diameter.AVPOccursTooManyTimes || len(got.AVPs) != diameter.MaxAVPs {
		t.Fatalf("got fault %v and %d AVPs", got.Fault, len(got.AVPs))
	}
	if diff := cmp.Diff([]diameter.AVP{excess}, got.Fault.Failed); diff != "" {
		t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
	}
}

func TestParse_NotOneFrame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, octets string
		want         diameter.ResultCode
	}{
		{"nothing", "", diameter.InvalidMessageLength},
		{"19 octets", "01000013 c0ffffff ff007ed9 00000001 000000", diameter.InvalidMessageLength},
		{"says 19", "01000013 c0ffffff ff007ed9 00000001 00000002", diameter.InvalidMessageLength},
		{"says 24, has 20", "01000018 c0ffffff ff007ed9 00000001 00000002", diameter.InvalidMessageLength},
		{"says 20, has 24", "01000014 c0ffffff ff007ed9 00000001 00000002 00000000", diameter.InvalidMessageLength},
		{"says 22", "01000016 c0ffffff ff007ed9 00000001 00000002 0000", diameter.InvalidMessageLength},
		{"version 2", "02000014 c0ffffff ff007ed9 00000001 00000002", diameter.UnsupportedVersion},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := diameter.Parse(octets(t, tt.octets))
			if got := codeOf(t, err); got != tt.want || m != nil {
				t.Errorf("got %v, %v; want %v", m, got, tt.want)
			}
		})
	}
}

// A User-Name (1, no vendor) and a MIPv6-Bootstrap-Vector (1 of vendor 32473)
// must never be taken for each other, whichever comes first.
func TestFind_Vendor(t *testing.T) {
	t.Parallel()
	name := diameter.NewUTF8(userName, 0, diameter.AVPMandatory, "mn@example.com")
	vector := diameter.NewUnsigned32(1, vendor, diameter.AVPMandatory, 3)
	for _, avps := range [][]diameter.AVP{{name, vector}, {vector, name}} {
		m := parse(t, (&diameter.Message{AVPs: avps}).Append(nil))
		if a, ok := m.Find(1, 0); !ok || string(a.Data) != "mn@example.com" {
			t.Errorf("Find(1, 0) = %v %q in %v", ok, a.Data, avps)
		}
		if a, ok := m.Find(1, vendor); !ok || !bytes.Equal(a.Data, []byte{0, 0, 0, 3}) {
			t.Errorf("Find(1, %d) = %v %x in %v", vendor, ok, a.Data, avps)
		}
		if _, ok := m.Find(1, 10415); ok {
			t.Errorf("Find(1, 10415) found another vendor's AVP in %v", avps)
		}
	}
}

func TestFind_TopLevelOnly(t *testing.T) {
	t.Parallel()
	hidden := diameter.NewUTF8(userName, 0, diameter.AVPMandatory, "evil@example.com")
	m := parse(t, (&diameter.Message{AVPs: []diameter.AVP{diameter.NewGroup(279, 0, diameter.AVPMandatory, hidden)}}).Append(nil))
	if a, ok := m.Find(userName, 0); ok {
		t.Errorf("found %q inside Failed-AVP", a.Data)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	m := &diameter.Message{}
	for _, s := range []string{"a", "b", "c"} {
		m.Add(diameter.NewUTF8(proxyInfo, 0, 0, s), diameter.NewUTF8(originHost, 0, 0, "x"))
	}
	var got string
	for a := range m.All(proxyInfo, 0) {
		got += string(a.Data)
	}
	if got != "abc" {
		t.Errorf("got %q in order, want %q", got, "abc")
	}
	if first := slices.Collect(m.All(404, 0)); first != nil {
		t.Errorf("found %v of an AVP that is not there", first)
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	frame := (&diameter.Message{AVPs: []diameter.AVP{
		diameter.NewOctets(1, 0, 0, []byte("secret")),
		diameter.NewGroup(2, 0, 0, diameter.NewOctets(3, 0, 0, []byte("secret"))),
	}}).Append(nil)
	m, err := diameter.Parse(frame)
	if err != nil {
		t.Fatal(err)
	}
	m.Wipe()
	if bytes.Contains(frame, []byte("secret")) {
		t.Errorf("still there: %q", frame)
	}
}
