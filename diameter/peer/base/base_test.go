package base_test

import (
	"net/netip"
	"testing"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

const m = diameter.AVPMandatory

var addresses = cmpopts.EquateComparable(netip.Addr{})

// own are capabilities that use all fields.
func own() base.Capabilities {
	return base.Capabilities{
		Host: "ha.example", Realm: "example", VendorID: 32473, Product: "homeagent", OriginStateID: 7,
		Addresses:    []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")},
		Applications: []base.Application{{AuthID: 5}, {Vendor: 32473, AuthID: 0xFF007ED9}},
		Accounting:   []uint32{3},
		Security:     []uint32{0},
	}
}

func parse(t *testing.T, msg *diameter.Message) *diameter.Message {
	t.Helper()
	parsed, err := diameter.Parse(msg.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestCERRoundTrip(t *testing.T) {
	t.Parallel()
	cer := parse(t, base.NewCER(own()))
	if want := (diameter.Header{Flags: diameter.FlagRequest, Command: 257}); cer.Header != want {
		t.Errorf("header %v", cer.Header)
	}
	got, f := base.ReadCER(cer)
	if f != nil {
		t.Fatal(f)
	}
	want := own()
	// A vendor's application is named with and without the vendor.
	want.Applications = []base.Application{{AuthID: 5}, {AuthID: 0xFF007ED9}, {Vendor: 32473, AuthID: 0xFF007ED9}}
	if diff := cmp.Diff(want, got, addresses); diff != "" {
		t.Errorf("unexpected capabilities (-want +got):\n%s", diff)
	}
}

// TestCERHasItsAVPs counts the AVPs of RFC 6733 section 5.3.1.
func TestCERHasItsAVPs(t *testing.T) {
	t.Parallel()
	cer := parse(t, base.NewCER(own()))
	got := map[uint32]int{}
	for _, a := range cer.AVPs {
		got[a.Code]++
	}
	want := map[uint32]int{
		avp.OriginHost: 1, avp.OriginRealm: 1, avp.HostIPAddress: 2, avp.VendorID: 1, avp.ProductName: 1,
		avp.OriginStateID: 1, avp.SupportedVendorID: 1, avp.AuthApplicationID: 2, avp.VendorSpecificApplicationID: 1,
		avp.AcctApplicationID: 1, avp.InbandSecurityID: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected AVPs (-want +got):\n%s", diff)
	}
	if a, _ := cer.Find(avp.ProductName, 0); a.Flags != 0 {
		t.Errorf("Product-Name has flags %#x (must have none)", a.Flags)
	}
}

func TestCEA(t *testing.T) {
	t.Parallel()
	cer := base.NewCER(own())
	cer.HopByHop, cer.EndToEnd = 1, 2
	cea := parse(t, base.NewCEA(cer, own(), nil))
	if want := (diameter.Header{Command: 257, HopByHop: 1, EndToEnd: 2}); cea.Header != want {
		t.Errorf("header %v", cea.Header)
	}
	got, err := base.ReadCEA(cea)
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != "ha.example" || !got.Common(own()) {
		t.Errorf("got %+v", got)
	}
}

func TestCEARefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure diameter.Failure
		flags   diameter.Flags
		names   bool // our applications
	}{
		{"stranger", diameter.Failure{Code: diameter.UnknownPeer, Text: "who?"}, diameter.FlagError, false},
		{"no application", diameter.Failure{Code: diameter.NoCommonApplication}, 0, true},
		{"no security", diameter.Failure{Code: diameter.NoCommonSecurity}, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cea := parse(t, base.NewCEA(base.NewCER(own()), own(), &tt.failure))
			if cea.Flags != tt.flags {
				t.Errorf("flags %#x, want %#x", cea.Flags, tt.flags)
			}
			if _, names := cea.Find(avp.AuthApplicationID, 0); names != tt.names {
				t.Errorf("applications named: %v", names)
			}
			_, err := base.ReadCEA(cea)
			if diff := cmp.Diff(&base.AnswerError{Code: tt.failure.Code, Text: tt.failure.Text}, err); diff != "" {
				t.Errorf("unexpected error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadCEARefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	success := diameter.NewUnsigned32(avp.ResultCode, 0, m, uint32(diameter.Success))
	tests := []struct {
		name string
		avps []diameter.AVP
	}{
		{"empty", nil},
		{"no origin", []diameter.AVP{success}},
		{"odd result", []diameter.AVP{diameter.NewOctets(avp.ResultCode, 0, m, []byte{1})}},
		{"odd origin", []diameter.AVP{success, diameter.NewUTF8(avp.OriginHost, 0, m, "a b")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if c, err := base.ReadCEA(&diameter.Message{AVPs: tt.avps}); err == nil {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestCommon(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		other base.Capabilities
		want  bool
	}{
		{"same", base.Capabilities{Applications: []base.Application{{AuthID: 5}}}, true},
		{"vendors do not count", base.Capabilities{Applications: []base.Application{{Vendor: 9, AuthID: 5}}}, true},
		{"relay", base.Capabilities{Applications: []base.Application{{AuthID: base.Relay}}}, true},
		{"relay for accounting", base.Capabilities{Accounting: []uint32{base.Relay}}, true},
		{"other", base.Capabilities{Applications: []base.Application{{AuthID: 4}}}, false},
		{"none", base.Capabilities{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := own().Common(tt.other); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if relay := (base.Capabilities{Applications: []base.Application{{AuthID: base.Relay}}}); !relay.Common(base.Capabilities{}) {
		t.Error("a relay has nothing in common with a node")
	}
}

func TestInbandSecurity(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ids  []uint32
		want bool
	}{{nil, false}, {[]uint32{0}, false}, {[]uint32{1}, true}, {[]uint32{1, 0}, false}}
	for _, tt := range tests {
		if got := (base.Capabilities{Security: tt.ids}).InsistsOnInbandTLS(); got != tt.want {
			t.Errorf("%v: got %v", tt.ids, got)
		}
	}
}

func TestWatchdogAndDisconnect(t *testing.T) {
	t.Parallel()
	id := diameter.Identity{Host: "ha.example", Realm: "example", OriginStateID: 7}
	dwr := parse(t, base.NewDWR(id))
	state, f := base.ReadDWR(dwr)
	if f != nil || state != 7 {
		t.Errorf("DWR with state %d: %v", state, f)
	}
	if state := base.ReadDWA(parse(t, base.NewAnswer(dwr, id, nil))); state != 7 {
		t.Errorf("DWA with state %d", state)
	}
	for _, cause := range []base.Cause{base.Rebooting, base.Busy, base.DoNotWantToTalkToYou} {
		dpr := parse(t, base.NewDPR(id, cause))
		got, f := base.ReadDPR(dpr)
		if f != nil || got != cause {
			t.Errorf("DPR with %v came as %v: %v", cause, got, f)
		}
		dpa := parse(t, base.NewAnswer(dpr, id, nil))
		if err := base.Result(dpa); err != nil || dpa.Command != diam.DisconnectPeer {
			t.Errorf("DPA %v: %v", dpa.Header, err)
		}
		if _, ok := dpa.Find(avp.OriginStateID, 0); ok {
			t.Error("DPA has an Origin-State-Id, which its grammar has not")
		}
	}
	if got := base.Cause(9).String(); got != "cause 9" {
		t.Errorf("unknown cause is %q", got)
	}
}

// FuzzCER has any message judged and read as a CER, and what was read written
// and read again.
func FuzzCER(f *testing.F) {
	f.Add(base.NewCER(own()).Append(nil)[20:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		msg := &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: diam.CapabilitiesExchange}}
		frame := append(msg.Append(nil), body[:len(body)&^3]...)
		frame[1], frame[2], frame[3] = byte(len(frame)>>16), byte(len(frame)>>8), byte(len(frame))
		parsed, err := diameter.Parse(frame)
		if err != nil {
			return
		}
		base.ReadDWR(parsed)
		base.ReadDPR(parsed)
		base.ReadCEA(parsed)
		caps, failure := base.ReadCER(parsed)
		if failure != nil {
			return
		}
		again, failure := base.ReadCER(parse(t, base.NewCER(caps)))
		if failure != nil {
			t.Fatalf("our own CER is refused: %v", failure)
		}
		if again.Host != caps.Host || again.Product != caps.Product || len(again.Addresses) != len(caps.Addresses) || !again.Common(caps) && len(caps.Applications) > 0 {
			t.Errorf("capabilities changed: %+v, %+v", caps, again)
		}
	})
}
