package bootstrap_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
)

var equateEmpty = cmpopts.EquateEmpty()

func containsKey(b []byte) bool { return bytes.Contains(b, []byte("KEY!")) }

// What looks odd and is right all the same.
func TestDecodeHMR_Accepted(t *testing.T) {
	t.Parallel()
	unknownInside := diameter.NewUTF8(9999, 0, m, "must be understood")
	tests := []struct {
		name  string
		edits []edit
		want  func(*bootstrap.HMR)
	}{
		{name: "vector before the User-Name of the same code", edits: []edit{drop(vector, vendor), first(diameter.NewUnsigned32(vector, vendor, m, 1))}},
		{name: "Session-Id last", edits: []edit{drop(sessionID, 0), add(diameter.NewUTF8(sessionID, 0, m, "aaah.example.com;1;2"))}},
		{name: "Destination-Host is ours, in capitals", edits: []edit{set(diameter.NewUTF8(destinationHost, 0, m, "HA.Example.NET"))},
			want: func(h *bootstrap.HMR) { h.DestinationHost = "HA.Example.NET" }},
		{name: "Destination-Host is ours, the realm is not", edits: []edit{
			set(diameter.NewUTF8(destinationHost, 0, m, us.Host)), set(diameter.NewUTF8(destinationRealm, 0, m, "other.example"))},
			want: func(h *bootstrap.HMR) { h.DestinationHost, h.DestinationRealm = us.Host, "other.example" }},
		{name: "no Destination-Host, our realm in capitals", edits: []edit{set(diameter.NewUTF8(destinationRealm, 0, m, "EXAMPLE.NET"))},
			want: func(h *bootstrap.HMR) { h.DestinationRealm = "EXAMPLE.NET" }},
		{name: "unknown AVP without the M bit", edits: []edit{add(diameter.NewUTF8(9999, 0, 0, "never mind"))}},
		{name: "our code of another vendor without the M bit", edits: []edit{first(diameter.NewUnsigned32(vector, 10415, 0, 0))}},
		{name: "our code without a vendor and M bit", edits: []edit{first(diameter.NewUTF8(aaaKey, 0, 0, "short"))}},
		{name: "unknown group without the M bit", edits: []edit{add(diameter.NewGroup(9998, 0, 0, unknownInside))}},
		{name: "unknown without the M bit in a known group", edits: []edit{add(diameter.NewGroup(proxyInfo, 0, m, diameter.NewUTF8(9999, 0, 0, "")))}},
		{name: "unknown with the M bit in an unknown group in a known group", edits: []edit{
			add(diameter.NewGroup(proxyInfo, 0, m, diameter.NewGroup(9998, 0, 0, unknownInside)))}},
		{name: "a forbidden AVP inside a group", edits: []edit{add(diameter.NewGroup(proxyInfo, 0, m, diameter.NewOctets(panaKey, vendor, m, nil)))}},
		{name: "a User-Name inside a group before the real one", edits: []edit{
			first(diameter.NewGroup(proxyInfo, 0, m, diameter.NewUTF8(userName, 0, m, "evil@example.com")))}},
		{name: "Failed-AVP with anything", edits: []edit{add(diameter.NewGroup(failedAVP, 0, m, unknownInside))}},
		{name: "known AVPs that HMR does not name", edits: []edit{add(diameter.NewOctets(class, 0, m, []byte{1}), diameter.NewOctets(class, 0, m, []byte{2}),
			diameter.NewUnsigned32(eventTimestamp, 0, m, 1), diameter.NewAddress(hostIPAddress, 0, m, netip.MustParseAddr("192.0.2.1")))}},
		{name: "reserved and P flags", edits: []edit{set(diameter.NewUTF8(originRealm, 0, m|diameter.AVPProtected|0x1F, "example.com"))}},
		{name: "home address ::", edits: []edit{add(diameter.NewAddress(homeAddress, vendor, m, netip.IPv6Unspecified()))}},
		{name: "home agent ::", edits: []edit{add(diameter.NewAddress(homeAgent, vendor, m, netip.IPv6Unspecified()))}},
		{name: "contradictory vector when not strict", edits: []edit{set(diameter.NewUnsigned32(vector, vendor, m, 5))},
			want: func(h *bootstrap.HMR) { h.Vector = bootstrap.Requested | bootstrap.HomeAgentInVisited }},
		{name: "vector with flags of the future", edits: []edit{set(diameter.NewUnsigned32(vector, vendor, m, 0x11))},
			want: func(h *bootstrap.HMR) { h.Vector = 0x11 }},
		{name: "unlimited lifetime, Session-Timeout", edits: []edit{
			set(diameter.NewUnsigned32(lifetime, 0, m, 1<<32-1)), add(diameter.NewUnsigned32(sessionTimeout, 0, m, 60))},
			want: func(h *bootstrap.HMR) {
				h.AuthorizationLifetime, h.SessionTimeout = bootstrap.UnlimitedLifetime, ptr[uint32](60)
			}},
		{name: "Session-Timeout like the lifetime", edits: []edit{add(diameter.NewUnsigned32(sessionTimeout, 0, m, 3600))},
			want: func(h *bootstrap.HMR) { h.SessionTimeout = ptr[uint32](3600) }},
		{name: "key of 20 octets", edits: []edit{set(diameter.NewOctets(aaaKey, vendor, m, make([]byte, 20)))}, want: keyOf(20)},
		{name: "key of 256 octets", edits: []edit{set(diameter.NewOctets(aaaKey, vendor, m, make([]byte, 256)))}, want: keyOf(256)},
		{name: "groups nested as deep as allowed", edits: []edit{add(nest(4))}},
	}
	c := newCodec(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := minimal()
			if tt.want != nil {
				tt.want(want)
			}
			_, msg := edited(t, c, minimal(), tt.edits...)
			got, f := c.DecodeHMR(msg, options())
			if f != nil {
				t.Fatalf("refused: %v", f)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("unexpected HMR (-want +got):\n%s", diff)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestDecodeHMR_FixedKeyID(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	tests := []struct {
		name  string
		edits []edit
		want  int32
	}{
		{"absent", []edit{drop(aaaKeyID, vendor)}, 77},
		{"sent all the same", nil, -2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, msg := edited(t, c, minimal(), tt.edits...)
			opt := options()
			opt.FixedKeyID = ptr[int32](77)
			h, f := c.DecodeHMR(msg, opt)
			if f != nil || h.KeyID != tt.want {
				t.Errorf("got %+v, %v; want key id %d", h, f, tt.want)
			}
		})
	}
}

func TestDecodeHMR_LegacyIPAddress(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	addr := netip.MustParseAddr("2001:db8:1::1000")
	mapped := netip.MustParseAddr("::ffff:192.0.2.1").As16()
	bare, unspecified := addr.As16(), [16]byte{}
	tests := []struct {
		name string
		avp  diameter.AVP
		want netip.Addr
		code diameter.ResultCode
	}{
		{"bare", diameter.NewOctets(homeAddress, vendor, m, bare[:]), addr, 0},
		{"bare ::", diameter.NewOctets(homeAddress, vendor, m, unspecified[:]), netip.Addr{}, 0},
		{"with family", diameter.NewAddress(homeAddress, vendor, m, addr), addr, 0},
		{"bare IPv4-mapped", diameter.NewOctets(homeAddress, vendor, m, mapped[:]), netip.Addr{}, diameter.InvalidAVPValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, msg := edited(t, c, minimal(), set(tt.avp))
			opt := options()
			opt.LegacyIPAddress = true
			h, f := c.DecodeHMR(msg, opt)
			switch {
			case tt.code != 0 && (f == nil || f.Code != tt.code):
				t.Errorf("got %v, want %v", f, tt.code)
			case tt.code == 0 && (f != nil || h.HomeAddress != tt.want):
				t.Errorf("got %+v, %v; want %v", h, f, tt.want)
			}
		})
	}
}

// The key is in the HMR and nowhere else, whether it was accepted or not.
func TestDecodeHMR_WipesFrame(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for name, edits := range map[string][]edit{
		"accepted":     nil,
		"refused":      {set(diameter.NewUnsigned32(vector, vendor, m, 0))},
		"wrong realm":  {set(diameter.NewUTF8(destinationRealm, 0, m, "other.example"))},
		"key twice":    {add(diameter.NewOctets(aaaKey, vendor, m, secretKey(32)))},
		"PANA-AAA-Key": {add(diameter.NewOctets(panaKey, vendor, m, secretKey(32)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame, msg := edited(t, c, minimal(), edits...)
			h, f := c.DecodeHMR(msg, options())
			if containsKey(frame) {
				t.Error("a key is still in the frame")
			}
			if f == nil && !bytes.Equal(h.Key.Bytes(), secretKey(64)) {
				t.Error("the key did not survive in the HMR")
			}
		})
	}
}

func TestRealm(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"mn@example.com": "example.com", "mn": "", `m\@n@example.com`: "example.com", "": "", "a@b@c": "b@c"} {
		if got := bootstrap.Realm(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
