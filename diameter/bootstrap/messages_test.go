package bootstrap_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/ike/psk"
)

// minimalOctets are those of minimal, laid out by AVP.
const minimalOctets = `
	01000118 c0ffffff ff007ed9 00000000 00000000
	00000107 4000001c 61616168 2e657861 6d706c65 2e636f6d 3b313b32
	00000102 4000000c ff007ed9
	00000123 4000000c 00000e10
	00000115 4000000c 00000000
	00000108 40000018 61616168 2e657861 6d706c65 2e636f6d
	00000128 40000013 6578616d 706c652e 636f6d00
	00000001 40000016 6d6e4065 78616d70 6c652e63 6f6d0000
	0000011b 40000013 6578616d 706c652e 6e657400
	00000001 c0000010 00007ed9 00000001
	00000004 c000004c 00007ed9
		4b455921 4b455921 4b455921 4b455921 4b455921 4b455921 4b455921 4b455921
		4b455921 4b455921 4b455921 4b455921 4b455921 4b455921 4b455921 4b455921
	00000006 c0000010 00007ed9 fffffffe`

func TestHMR_Octets(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	frame := octets(t, minimalOctets)
	if diff := cmp.Diff(frame, c.EncodeHMR(minimal()).Append(nil)); diff != "" {
		t.Errorf("unexpected octets (-want +got):\n%s", diff)
	}
	got, f := c.DecodeHMR(parse(t, frame), options())
	if f != nil {
		t.Fatalf("decoding: %v", f)
	}
	if diff := cmp.Diff(minimal(), got, compare); diff != "" {
		t.Errorf("unexpected HMR (-want +got):\n%s", diff)
	}
}

func TestHMR_RoundTrip(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	tests := map[string]*bootstrap.HMR{"minimal": minimal(), "complete": complete()}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, msg := edited(t, c, want)
			got, f := c.DecodeHMR(msg, options())
			if f != nil {
				t.Fatalf("decoding: %v", f)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("unexpected HMR (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHMA_RoundTrip(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	_, req := edited(t, c, minimal(), add(diameter.NewGroup(proxyInfo, 0, m, diameter.NewUTF8(proxyHost, 0, m, "relay"))))
	reply := bootstrap.Reply{SessionID: "aaah.example.com;1;2", Result: diameter.Success,
		OriginHost: us.Host, OriginRealm: us.Realm, OriginStateID: us.OriginStateID}
	tests := map[string]*bootstrap.HMA{
		"success": {Reply: reply, UserName: "mn@example.com", AcctMultiSessionID: "multi",
			HomeAddress: netip.MustParseAddr("2001:db8:1::1000"), HomeAgent: netip.MustParseAddr("2001:db8:1::1")},
		"no address": {Reply: reply},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := c.EncodeHMA(req, us, want)
			if answer.Request() || answer.Flags&diameter.FlagError != 0 || answer.Command != req.Command {
				t.Errorf("unexpected header %v, flags %#x", answer.Header, answer.Flags)
			}
			if !answer.AVPs[0].Is(sessionID, 0) {
				t.Errorf("the first AVP is %v, not Session-Id", answer.AVPs[0])
			}
			if _, ok := answer.Find(proxyInfo, 0); !ok {
				t.Error("Proxy-Info is lost")
			}
			got, f := c.DecodeHMA(parse(t, answer.Append(nil)))
			if f != nil {
				t.Fatalf("decoding: %v", f)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("unexpected HMA (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeHMA_Refusal(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	_, req := edited(t, c, minimal())
	unknown := diameter.NewUTF8(9999, 10415, m, "?")
	tests := []struct {
		name    string
		failure diameter.Failure
		want    bootstrap.HMA
	}{
		{"permanent", diameter.Failure{Code: diameter.AVPUnsupported, Failed: []diameter.AVP{unknown}, Text: "what?"},
			bootstrap.HMA{Reply: bootstrap.Reply{Failed: []diameter.AVP{unknown}}, UserName: "mn@example.com"}},
		{"protocol", diameter.Failure{Code: diameter.TooBusy, Text: "later"}, bootstrap.HMA{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Reply.SessionID, tt.want.Reply.Result, tt.want.ErrorMessage = "aaah.example.com;1;2", tt.failure.Code, tt.failure.Text
			tt.want.OriginHost, tt.want.OriginRealm, tt.want.OriginStateID = us.Host, us.Realm, us.OriginStateID
			got, f := c.DecodeHMA(parse(t, c.Refuse(req, us, &tt.failure).Append(nil)))
			if f != nil {
				t.Fatalf("decoding: %v", f)
			}
			if diff := cmp.Diff(&tt.want, got, compare); diff != "" {
				t.Errorf("unexpected HMA (-want +got):\n%s", diff)
			}
		})
	}
}

// An answer that claims success must have what success has; any must be framed.
func TestDecodeHMA_Refused(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	_, req := edited(t, c, minimal())
	tests := []struct {
		name string
		edit edit
		want diameter.ResultCode
	}{
		{"no home address", drop(homeAddress, vendor), diameter.MissingAVP},
		{"nothing but a Session-Id", func(a []diameter.AVP) []diameter.AVP { return a[:1] }, diameter.MissingAVP},
		{"no Origin-Host", drop(originHost, 0), diameter.MissingAVP},
		{"IPv4 home agent", set(diameter.NewAddress(homeAgent, vendor, m, netip.MustParseAddr("192.0.2.1"))), diameter.InvalidAVPValue},
		{"two Result-Codes", add(diameter.NewUnsigned32(resultCode, 0, m, 5012)), diameter.AVPOccursTooManyTimes},
		{"Result-Code of 3", set(diameter.NewOctets(resultCode, 0, m, []byte{1, 2, 3})), diameter.InvalidAVPLength},
		{"unknown AVP with the M bit", add(diameter.NewUTF8(9999, 0, m, "")), diameter.AVPUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer := c.EncodeHMA(req, us, &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}})
			answer.AVPs = tt.edit(answer.AVPs)
			_, f := c.DecodeHMA(parse(t, answer.Append(nil)))
			if f == nil || f.Code != tt.want {
				t.Errorf("got %v, want %v", f, tt.want)
			}
		})
	}
}

func TestAMR_RoundTrip(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	base := bootstrap.AMR{SessionID: "nas;1;2", UserName: "mn@example.com", OriginHost: "nas.example.org", OriginRealm: "example.org",
		DestinationRealm: "example.com", Vector: bootstrap.Requested}
	full := base
	full.DestinationHost, full.AuthorizationLifetime, full.GracePeriod = "aaah.example.com", 60, 5
	full.SessionState, full.EAPPayload, full.AcctMultiSessionID = bootstrap.NoStateMaintained, []byte{2, 1, 0, 4}, "multi"
	full.OriginStateID, full.RouteRecords = 3, []string{"nas.example.org"}
	for name, want := range map[string]*bootstrap.AMR{"EAP start": &base, "full": &full} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			msg := c.EncodeAMR(want)
			if !msg.AVPs[0].Is(sessionID, 0) || !msg.Request() || msg.Command != 16777214 {
				t.Errorf("unexpected start of the request: %v, %v", msg.Header, msg.AVPs[0])
			}
			got, f := c.DecodeAMR(parse(t, msg.Append(nil)))
			if f != nil {
				t.Fatalf("decoding: %v", f)
			}
			if diff := cmp.Diff(want, got, compare, equateEmpty); diff != "" {
				t.Errorf("unexpected AMR (-want +got):\n%s", diff)
			}
		})
	}
	_, hmr := edited(t, c, minimal())
	if _, f := c.DecodeAMR(hmr); f == nil || f.Code != diameter.CommandUnsupported {
		t.Errorf("an HMR decodes as AMR: %v", f)
	}
}

func TestAMA_RoundTrip(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	req := parse(t, c.EncodeAMR(&bootstrap.AMR{SessionID: "nas;1;2"}).Append(nil))
	keyID, panaKeyID := int32(0), int32(-1)
	reply := bootstrap.Reply{SessionID: "nas;1;2", OriginHost: us.Host, OriginRealm: us.Realm, OriginStateID: us.OriginStateID}
	tests := map[string]*bootstrap.AMA{
		"next round": {Reply: reply, EAPPayload: []byte{1, 1, 0, 4}, Vector: bootstrap.Requested},
		"success": {Reply: reply, UserName: "mn@example.com", AcctMultiSessionID: "multi", AuthorizationLifetime: 60, GracePeriod: 5,
			SessionState: bootstrap.NoStateMaintained, Vector: bootstrap.Requested, EAPPayload: []byte{3, 1, 0, 4},
			Key: psk.NewAAAKey(secretKey(64)), KeyID: &keyID, PANAKey: psk.NewAAAKey(secretKey(32)), PANAKeyID: &panaKeyID,
			HomeAddress: netip.MustParseAddr("2001:db8:1::1000"), HomeAgent: netip.MustParseAddr("2001:db8:1::1")},
	}
	tests["next round"].Result, tests["success"].Result = diameter.MultiRoundAuth, diameter.Success
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame := c.EncodeAMA(req, us, want).Append(nil)
			got, f := c.DecodeAMA(parse(t, frame))
			if f != nil {
				t.Fatalf("decoding: %v", f)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("unexpected AMA (-want +got):\n%s", diff)
			}
			if containsKey(frame) {
				t.Error("the keys are still in the frame")
			}
		})
	}
}

func TestVector(t *testing.T) {
	t.Parallel()
	const r, h, v, a = bootstrap.Requested, bootstrap.HomeOnly, bootstrap.HomeAgentInVisited, bootstrap.VisitedAvailable
	tests := []struct {
		vector        bootstrap.Vector
		contradictory bool
		text          string
	}{
		{r, false, "requested"},
		{r | h, false, "requested|home-only"},
		{r | a | v, false, "requested|home-agent-in-visited|visited-available"},
		{r | a, false, "requested|visited-available"},
		{r | v, true, "requested|home-agent-in-visited"},
		{r | h | a, true, "requested|home-only|visited-available"},
		{r | h | v, true, "requested|home-only|home-agent-in-visited"},
		{r | h | a | v, true, "requested|home-only|home-agent-in-visited|visited-available"},
		{0, false, "0"},
		{r | 0x30, false, "requested|48"},
	}
	for _, tt := range tests {
		if got := tt.vector.Contradictory(); got != tt.contradictory {
			t.Errorf("%v: contradictory %v, want %v", tt.vector, got, tt.contradictory)
		}
		if got := tt.vector.String(); got != tt.text {
			t.Errorf("%d: got %q, want %q", uint32(tt.vector), got, tt.text)
		}
		var back bootstrap.Vector
		if err := back.UnmarshalText([]byte(tt.text)); err != nil || back != tt.vector {
			t.Errorf("%q: read as %v, %v", tt.text, back, err)
		}
	}
}

func TestVector_UnmarshalText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want bootstrap.Vector
		ok   bool
	}{
		{"0xF", 15, true},
		{"requested|8", bootstrap.Requested | bootstrap.VisitedAvailable, true},
		{"", 0, false},
		{"requested|", 0, false},
		{"Requested", 0, false},
		{"4294967296", 0, false},
	}
	for _, tt := range tests {
		var got bootstrap.Vector
		if err := got.UnmarshalText([]byte(tt.text)); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: got %v, %v; want %v, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func TestSessionState_String(t *testing.T) {
	t.Parallel()
	for state, want := range map[bootstrap.SessionState]string{
		bootstrap.StateMaintained: "STATE_MAINTAINED", bootstrap.NoStateMaintained: "NO_STATE_MAINTAINED", 9: "9"} {
		if got := state.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
