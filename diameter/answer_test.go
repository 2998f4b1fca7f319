package diameter_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
)

// failed returns the AVPs for Failed-AVP that an error carries.
func failed(t testing.TB, err error) []diameter.AVP {
	t.Helper()
	var f *diameter.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no *Failure", err)
	}
	return f.Failed
}

var us = diameter.Identity{Host: "ha.example.net", Realm: "example.net", OriginStateID: 7}

func TestNewAnswer(t *testing.T) {
	t.Parallel()
	const m = diameter.AVPMandatory
	session := diameter.NewUTF8(sessionID, 0, m, "aaah;1;2")
	proxy1 := diameter.AVP{Code: proxyInfo, Flags: m, Data: []byte("not even a group")}
	proxy2 := diameter.NewGroup(proxyInfo, 0, m, diameter.NewUTF8(280, 0, m, "relay"), diameter.NewOctets(33, 0, m, []byte{1}))
	origin := []diameter.AVP{
		diameter.NewUTF8(originHost, 0, m, "ha.example.net"),
		diameter.NewUTF8(296, 0, m, "example.net"),
		diameter.NewUnsigned32(278, 0, m, 7),
	}
	req := &diameter.Message{
		Header: diameter.Header{Flags: 0xFF, Command: 16777215, Application: 9, HopByHop: 1, EndToEnd: 2},
		AVPs:   []diameter.AVP{proxy1, diameter.NewUTF8(userName, 0, m, "mn"), session, proxy2, diameter.NewUTF8(293, 0, m, "ha")},
	}
	tests := []struct {
		code  diameter.ResultCode
		flags diameter.Flags
	}{
		{diameter.Success, diameter.FlagProxiable},
		{diameter.UnableToDeliver, diameter.FlagProxiable | diameter.FlagError},
		{diameter.HomeAgentNotAvailable, diameter.FlagProxiable},
		{diameter.MissingAVP, diameter.FlagProxiable},
	}
	for _, tt := range tests {
		t.Run(tt.code.String(), func(t *testing.T) {
			t.Parallel()
			want := &diameter.Message{
				Header: diameter.Header{Flags: tt.flags, Command: 16777215, Application: 9, HopByHop: 1, EndToEnd: 2},
				AVPs:   []diameter.AVP{session, diameter.NewUnsigned32(268, 0, m, uint32(tt.code))},
			}
			want.Add(origin...)
			want.Add(proxy1, proxy2)
			if diff := cmp.Diff(want, diameter.NewAnswer(req, us, tt.code)); diff != "" {
				t.Errorf("unexpected answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewAnswer_Bare(t *testing.T) {
	t.Parallel()
	got := diameter.NewAnswer(&diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest}},
		diameter.Identity{Host: "h", Realm: "r"}, diameter.Success)
	want := &diameter.Message{AVPs: []diameter.AVP{
		diameter.NewUnsigned32(268, 0, diameter.AVPMandatory, 2001),
		diameter.NewUTF8(264, 0, diameter.AVPMandatory, "h"),
		diameter.NewUTF8(296, 0, diameter.AVPMandatory, "r"),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected answer (-want +got):\n%s", diff)
	}
}

func TestNewFailure(t *testing.T) {
	t.Parallel()
	bad := diameter.AVP{Code: 99, Flags: diameter.AVPMandatory, Data: []byte("x")}
	req := &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest}}
	tests := []struct {
		name    string
		failure diameter.Failure
		want    []diameter.AVP
	}{
		{"code only", diameter.Failure{Code: diameter.TooBusy}, nil},
		{"with text", diameter.Failure{Code: diameter.TooBusy, Text: "later"}, []diameter.AVP{diameter.NewUTF8(281, 0, 0, "later")}},
		{"with AVPs", diameter.Failure{Code: diameter.AVPUnsupported, Failed: []diameter.AVP{bad}},
			[]diameter.AVP{diameter.NewGroup(279, 0, diameter.AVPMandatory, bad)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := diameter.NewAnswer(req, us, tt.failure.Code)
			want.Add(tt.want...)
			if diff := cmp.Diff(want, diameter.NewFailure(req, us, &tt.failure)); diff != "" {
				t.Errorf("unexpected answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailure_Error(t *testing.T) {
	t.Parallel()
	tests := []struct {
		failure diameter.Failure
		want    string
	}{
		{diameter.Failure{Code: diameter.TooBusy}, "DIAMETER_TOO_BUSY"},
		{diameter.Failure{Code: diameter.MissingAVP, Text: "User-Name is missing"}, "DIAMETER_MISSING_AVP: User-Name is missing"},
	}
	for _, tt := range tests {
		if got := tt.failure.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestResultCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code              diameter.ResultCode
		number            uint32
		name              string
		protocol, success bool
	}{
		{diameter.Success, 2001, "DIAMETER_SUCCESS", false, true},
		{diameter.LimitedSuccess, 2002, "DIAMETER_LIMITED_SUCCESS", false, true},
		{diameter.CommandUnsupported, 3001, "DIAMETER_COMMAND_UNSUPPORTED", true, false},
		{diameter.InvalidAVPBits, 3009, "DIAMETER_INVALID_AVP_BITS", true, false},
		{diameter.ElectionLost, 4003, "ELECTION_LOST", false, false},
		{diameter.HomeAgentNotAvailable, 4006, "DIAMETER_ERROR_HA_NOT_AVAILABLE", false, false},
		{diameter.InvalidAVPLength, 5014, "DIAMETER_INVALID_AVP_LENGTH", false, false},
		{diameter.EndToEndKeyEncryption, 5025, "DIAMETER_ERROR_END_TO_END_MIP_KEY_ENCRYPTION", false, false},
		{5999, 5999, "5999", false, false},
	}
	for _, tt := range tests {
		if uint32(tt.code) != tt.number || tt.code.String() != tt.name || tt.code.Protocol() != tt.protocol || tt.code.Success() != tt.success {
			t.Errorf("%d: got %d %v, protocol %v, success %v", tt.number, tt.code, tt.code, tt.code.Protocol(), tt.code.Success())
		}
		var back diameter.ResultCode
		if err := back.UnmarshalText([]byte(tt.name)); err != nil || back != tt.code {
			t.Errorf("reading %q: got %v, %v", tt.name, back, err)
		}
	}
}

func TestResultCode_UnmarshalText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want diameter.ResultCode
		ok   bool
	}{
		{"5005", diameter.MissingAVP, true},
		{"missing_avp", diameter.MissingAVP, true},
		{"DIAMETER_TOO_BUSY", diameter.TooBusy, true},
		{"", 0, false},
		{"-1", 0, false},
		{"DIAMETER_FINE", 0, false},
	}
	for _, tt := range tests {
		var got diameter.ResultCode
		if err := got.UnmarshalText([]byte(tt.text)); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: got %v, %v; want %v, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}
