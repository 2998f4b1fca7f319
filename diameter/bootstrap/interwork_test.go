package bootstrap_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"
	"github.com/fiorix/go-diameter/v4/diam/dict"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
)

// What another stack encodes with the same dictionary decodes here, and it
// decodes our answer.
func TestInterworking_GoDiameter(t *testing.T) {
	t.Parallel()
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		t.Fatal(err)
	}
	c := bootstrap.NewCodec(d)
	wire, err := foreignHMR(t, d).Serialize()
	if err != nil {
		t.Fatalf("encoding with go-diameter: %v", err)
	}
	req := parse(t, wire)
	h, f := c.DecodeHMR(req, options())
	if f != nil {
		t.Fatalf("decoding what go-diameter encoded: %v", f)
	}
	want := minimal()
	want.HomeAddress = netip.MustParseAddr("2001:db8:1::1000")
	if diff := cmp.Diff(want, h, compare); diff != "" {
		t.Errorf("unexpected HMR (-want +got):\n%s", diff)
	}
	answer := c.EncodeHMA(req, us, &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}, UserName: h.UserName,
		HomeAddress: h.HomeAddress, HomeAgent: netip.MustParseAddr("2001:db8:1::1")})
	checkForeign(t, d.Parser(), answer.Append(nil))
}

func foreignHMR(t *testing.T, d *dictionary.Dictionary) *diam.Message {
	t.Helper()
	codes := d.Codes()
	msg := diam.NewRequest(codes.HMR, codes.Application, d.Parser())
	for _, a := range []struct {
		code, vendor uint32
		value        datatype.Type
	}{
		{avp.SessionID, 0, datatype.UTF8String("aaah.example.com;1;2")},
		{avp.AuthApplicationID, 0, datatype.Unsigned32(codes.Application)},
		{avp.AuthorizationLifetime, 0, datatype.Unsigned32(3600)},
		{avp.AuthSessionState, 0, datatype.Enumerated(0)},
		{avp.OriginHost, 0, datatype.DiameterIdentity("aaah.example.com")},
		{avp.OriginRealm, 0, datatype.DiameterIdentity("example.com")},
		{avp.UserName, 0, datatype.UTF8String("mn@example.com")},
		{avp.DestinationRealm, 0, datatype.DiameterIdentity("example.net")},
		{codes.BootstrapVector, codes.Vendor, datatype.Unsigned32(1)},
		{codes.AAAKey, codes.Vendor, datatype.OctetString(secretKey(64))},
		{codes.AAAKeyID, codes.Vendor, datatype.Integer32(-2)},
		{codes.MobileNodeAddress, codes.Vendor, datatype.Address(net.ParseIP("2001:db8:1::1000"))},
	} {
		if _, err := msg.NewAVP(a.code, avp.Mbit, a.vendor, a.value); err != nil {
			t.Fatalf("adding AVP %d: %v", a.code, err)
		}
	}
	return msg
}

func checkForeign(t *testing.T, parser *dict.Parser, frame []byte) {
	t.Helper()
	got, err := diam.ReadMessage(bytes.NewReader(frame), parser)
	if err != nil {
		t.Fatalf("go-diameter does not decode our HMA: %v", err)
	}
	var names []string
	for _, a := range got.AVP {
		rule, err := parser.FindAVPWithVendor(got.Header.ApplicationID, a.Code, a.VendorID)
		if err != nil {
			t.Errorf("go-diameter does not know AVP %d of vendor %d: %v", a.Code, a.VendorID, err)
			continue
		}
		names = append(names, rule.Name)
	}
	want := []string{"Session-Id", "Result-Code", "Origin-Host", "Origin-Realm", "Origin-State-Id",
		"Auth-Application-Id", "User-Name", "MIPv6-Home-Agent-Address", "MIPv6-Mobile-Node-Address"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("unexpected AVPs in our HMA (-want +got):\n%s", diff)
	}
}
