package bootstrap_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
)

// testAnswer checks what holds for every refusal: it parses, it has the E bit
// for protocol errors only, Session-Id first if there was one, the Failed-AVP,
// and no key.
func testAnswer(t *testing.T, c *bootstrap.Codec, req *diameter.Message, f *diameter.Failure) {
	t.Helper()
	frame := c.Refuse(req, us, f).Append(nil)
	answer := parse(t, frame)
	if answer.Fault != nil {
		t.Errorf("the answer itself has the fault %v", answer.Fault)
	}
	wantFlags := diameter.FlagProxiable
	if f.Code.Protocol() {
		wantFlags |= diameter.FlagError
	}
	if answer.Flags != wantFlags {
		t.Errorf("the answer has flags %#x, want %#x", answer.Flags, wantFlags)
	}
	if id, ok := req.Find(sessionID, 0); ok && !cmp.Equal(id, answer.AVPs[0]) {
		t.Errorf("the answer begins with %v, not with the Session-Id", answer.AVPs[0])
	}
	if a, _ := answer.Find(resultCode, 0); !cmp.Equal(a, diameter.NewUnsigned32(resultCode, 0, m, uint32(f.Code))) {
		t.Errorf("the answer has the Result-Code %x, want %d", a.Data, f.Code)
	}
	a, ok := answer.Find(failedAVP, 0)
	if group, err := a.Group(); ok != (len(f.Failed) > 0) || ok && (err != nil || !cmp.Equal(group, f.Failed, equateEmpty)) {
		t.Errorf("the answer has the Failed-AVP %x (%v), want %v", a.Data, err, f.Failed)
	}
	if containsKey(frame) {
		t.Errorf("the answer has key octets:\n%x", frame)
	}
}

// A refusal keeps to the grammar of HMA, in which the home address is required.
func TestRefuse(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("2001:db8:1::1000")
	origin := avps(
		diameter.NewUTF8(originHost, 0, m, us.Host),
		diameter.NewUTF8(originRealm, 0, m, us.Realm),
		diameter.NewUnsigned32(originStateID, 0, m, us.OriginStateID))
	tests := []struct {
		name  string
		code  diameter.ResultCode
		edits []edit
		want  []diameter.AVP // after Session-Id, Result-Code and origin
	}{
		{"transient", diameter.HomeAgentNotAvailable, nil, avps(
			diameter.NewUnsigned32(authApplication, 0, m, 0xFF007ED9),
			diameter.NewUTF8(userName, 0, m, "mn@example.com"),
			diameter.NewAddress(homeAddress, vendor, m, netip.IPv6Unspecified()))},
		{"permanent, address asked for", diameter.UnableToComply, []edit{set(diameter.NewAddress(homeAddress, vendor, m, addr))}, avps(
			diameter.NewUnsigned32(authApplication, 0, m, 0xFF007ED9),
			diameter.NewUTF8(userName, 0, m, "mn@example.com"),
			diameter.NewAddress(homeAddress, vendor, m, addr))},
		{"permanent, nothing usable", diameter.InvalidAVPValue, []edit{
			set(diameter.NewUTF8(userName, 0, m, "\x1b")), set(diameter.NewOctets(homeAddress, vendor, m, []byte{1}))}, avps(
			diameter.NewUnsigned32(authApplication, 0, m, 0xFF007ED9),
			diameter.NewAddress(homeAddress, vendor, m, netip.IPv6Unspecified()))},
		{"protocol", diameter.TooBusy, nil, nil},
	}
	c := newCodec(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, req := edited(t, c, minimal(), tt.edits...)
			want := append(avps(diameter.NewUTF8(sessionID, 0, m, "aaah.example.com;1;2"),
				diameter.NewUnsigned32(resultCode, 0, m, uint32(tt.code))), origin...)
			want = append(want, diameter.NewUTF8(errorMessage, 0, 0, "because"))
			want = append(want, tt.want...)
			got := c.Refuse(req, us, &diameter.Failure{Code: tt.code, Text: "because"})
			if diff := cmp.Diff(want, got.AVPs); diff != "" {
				t.Errorf("unexpected answer (-want +got):\n%s", diff)
			}
		})
	}
}
