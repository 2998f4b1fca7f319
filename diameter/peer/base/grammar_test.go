package base_test

import (
	"testing"

	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// without removes all AVPs of a code.
func without(msg *diameter.Message, code uint32) *diameter.Message {
	var kept []diameter.AVP
	for _, a := range msg.AVPs {
		if a.Code != code {
			kept = append(kept, a)
		}
	}
	msg.AVPs = kept
	return msg
}

func with(msg *diameter.Message, avps ...diameter.AVP) *diameter.Message {
	msg.Add(avps...)
	return msg
}

func flagged(msg *diameter.Message, flags diameter.Flags) *diameter.Message {
	msg.Flags |= flags
	return msg
}

func faulty(msg *diameter.Message, code diameter.ResultCode) *diameter.Message {
	msg.Fault = &diameter.Failure{Code: code}
	return msg
}

// TestCERFailures has one row for each fault, and what the CEA will say.
func TestCERFailures(t *testing.T) {
	t.Parallel()
	cer := func() *diameter.Message { return base.NewCER(own()) }
	host := diameter.NewUTF8(avp.OriginHost, 0, m, "other.example")
	authID := diameter.NewUnsigned32(avp.AuthApplicationID, 0, m, 1)
	acctID := diameter.NewUnsigned32(avp.AcctApplicationID, 0, m, 1)
	unknown := diameter.NewOctets(99999, 0, m, nil)
	tests := []struct {
		name   string
		cer    *diameter.Message
		code   diameter.ResultCode
		failed []diameter.AVP
	}{
		{"E bit", flagged(cer(), diameter.FlagError), diameter.InvalidHeaderBits, nil},
		{"P bit", flagged(cer(), diameter.FlagProxiable), diameter.InvalidHeaderBits, nil},
		{"bad framing", faulty(cer(), diameter.InvalidAVPLength), diameter.InvalidAVPLength, nil},
		{"framing counts before what is missing", faulty(&diameter.Message{}, diameter.InvalidAVPLength), diameter.InvalidAVPLength, nil},
		{"no Origin-Host", without(cer(), avp.OriginHost), diameter.MissingAVP,
			[]diameter.AVP{{Code: avp.OriginHost, Flags: m, Data: []byte{0}}}},
		{"no Origin-Realm", without(cer(), avp.OriginRealm), diameter.MissingAVP,
			[]diameter.AVP{{Code: avp.OriginRealm, Flags: m, Data: []byte{0}}}},
		{"no Host-IP-Address", without(cer(), avp.HostIPAddress), diameter.MissingAVP,
			[]diameter.AVP{{Code: avp.HostIPAddress, Flags: m, Data: make([]byte, 6)}}},
		{"no Vendor-Id", without(cer(), avp.VendorID), diameter.MissingAVP,
			[]diameter.AVP{{Code: avp.VendorID, Flags: m, Data: make([]byte, 4)}}},
		{"no Product-Name", without(cer(), avp.ProductName), diameter.MissingAVP,
			[]diameter.AVP{{Code: avp.ProductName, Data: []byte{}}}},
		{"two Origin-Hosts", with(cer(), host), diameter.AVPOccursTooManyTimes, []diameter.AVP{host}},
		{"unknown with M", with(cer(), unknown), diameter.AVPUnsupported, []diameter.AVP{unknown}},
		{"known code of another vendor with M", with(cer(), diameter.NewOctets(avp.OriginHost, 9, m, nil)), diameter.AVPUnsupported,
			[]diameter.AVP{diameter.NewOctets(avp.OriginHost, 9, m, nil)}},
		{"short Auth-Application-Id", with(cer(), diameter.NewOctets(avp.AuthApplicationID, 0, m, []byte{1})), diameter.InvalidAVPLength,
			[]diameter.AVP{diameter.NewOctets(avp.AuthApplicationID, 0, m, []byte{1})}},
		{"odd Origin-Host", with(without(cer(), avp.OriginHost), diameter.NewUTF8(avp.OriginHost, 0, m, "a\nb")), diameter.InvalidAVPValue,
			[]diameter.AVP{diameter.NewUTF8(avp.OriginHost, 0, m, "a\nb")}},
		{"odd Host-IP-Address", with(cer(), diameter.NewOctets(avp.HostIPAddress, 0, m, []byte{0, 9, 1, 2})), diameter.InvalidAVPValue,
			[]diameter.AVP{diameter.NewOctets(avp.HostIPAddress, 0, m, []byte{0, 9, 1, 2})}},
		{"vendor without application", with(cer(), diameter.NewGroup(avp.VendorSpecificApplicationID, 0, m, diameter.NewUnsigned32(avp.VendorID, 0, m, 1))),
			diameter.MissingAVP, []diameter.AVP{diameter.NewUnsigned32(avp.AuthApplicationID, 0, m, 0), diameter.NewUnsigned32(avp.AcctApplicationID, 0, m, 0)}},
		{"vendor with two applications", with(cer(), diameter.NewGroup(avp.VendorSpecificApplicationID, 0, m, authID, acctID)),
			diameter.AVPOccursTooManyTimes, []diameter.AVP{authID, acctID}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, f := base.ReadCER(tt.cer)
			if f == nil {
				t.Fatal("found good")
			}
			if f.Code != tt.code {
				t.Errorf("%v, want %v", f, tt.code)
			}
			if diff := cmp.Diff(tt.failed, f.Failed); diff != "" {
				t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCERTolerates are CERs that other implementations send.
func TestCERTolerates(t *testing.T) {
	t.Parallel()
	cer := func() *diameter.Message { return base.NewCER(own()) }
	tests := []struct {
		name string
		cer  *diameter.Message
	}{
		{"unknown without M", with(cer(), diameter.NewOctets(99999, 0, 0, nil))},
		{"Product-Name with M", with(without(cer(), avp.ProductName), diameter.NewUTF8(avp.ProductName, 0, m, "x"))},
		{"Firmware-Revision", with(cer(), diameter.NewUnsigned32(avp.FirmwareRevision, 0, 0, 1))},
		{"NO_INBAND_SECURITY", with(cer(), diameter.NewUnsigned32(avp.InbandSecurityID, 0, m, 0))},
		{"relay", with(without(without(cer(), avp.AuthApplicationID), avp.VendorSpecificApplicationID),
			diameter.NewUnsigned32(avp.AuthApplicationID, 0, m, base.Relay))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, f := base.ReadCER(tt.cer); f != nil {
				t.Error(f)
			}
		})
	}
}

func TestDPRFailures(t *testing.T) {
	t.Parallel()
	dpr := func() *diameter.Message { return base.NewDPR(diameter.Identity{Host: "a", Realm: "b"}, base.Busy) }
	tests := []struct {
		name string
		dpr  *diameter.Message
		code diameter.ResultCode
	}{
		{"no cause", without(dpr(), avp.DisconnectCause), diameter.MissingAVP},
		{"odd cause", with(without(dpr(), avp.DisconnectCause), diameter.NewInteger32(avp.DisconnectCause, 0, m, 3)), diameter.InvalidAVPValue},
		{"negative cause", with(without(dpr(), avp.DisconnectCause), diameter.NewInteger32(avp.DisconnectCause, 0, m, -1)), diameter.InvalidAVPValue},
		{"long cause", with(without(dpr(), avp.DisconnectCause), diameter.NewOctets(avp.DisconnectCause, 0, m, make([]byte, 8))), diameter.InvalidAVPLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, f := base.ReadDPR(tt.dpr)
			if f == nil || f.Code != tt.code {
				t.Errorf("got %v, want %v", f, tt.code)
			}
		})
	}
	dwr := with(base.NewDWR(diameter.Identity{Host: "a", Realm: "b"}), diameter.NewOctets(avp.OriginStateID, 0, m, nil))
	if _, f := base.ReadDWR(dwr); f == nil || f.Code != diameter.InvalidAVPLength {
		t.Errorf("DWR with an empty Origin-State-Id: %v", f)
	}
}
