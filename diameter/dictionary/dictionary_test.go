package dictionary_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/dictionary"
)

const (
	v = diameter.AVPVendor
	m = diameter.AVPMandatory
)

func load(t testing.TB, c dictionary.Codes) *dictionary.Dictionary {
	t.Helper()
	d, err := dictionary.Load(c)
	if err != nil {
		t.Fatalf("loading the dictionary: %v", err)
	}
	return d
}

func TestAVP(t *testing.T) {
	t.Parallel()
	const pen = 32473
	tests := []dictionary.AVPRule{
		{Name: "MIPv6-Bootstrap-Vector", Code: 1, Vendor: pen, Type: datatype.Unsigned32Type, Must: v | m},
		{Name: "MIPv6-Mobile-Node-Address", Code: 2, Vendor: pen, Type: datatype.AddressType, Must: v | m},
		{Name: "MIPv6-Home-Agent-Address", Code: 3, Vendor: pen, Type: datatype.AddressType, Must: v | m},
		{Name: "MIPv6-AAA-Key", Code: 4, Vendor: pen, Type: datatype.OctetStringType, Must: v | m},
		{Name: "PANA-AAA-Key", Code: 5, Vendor: pen, Type: datatype.OctetStringType, Must: v | m},
		{Name: "MIPv6-AAA-Key-Id", Code: 6, Vendor: pen, Type: datatype.Integer32Type, Must: v | m},
		{Name: "PANA-AAA-Key-Id", Code: 7, Vendor: pen, Type: datatype.Integer32Type, Must: v | m},
		{Name: "MAC", Code: 8, Vendor: pen, Type: datatype.OctetStringType, Must: v | m},
		{Name: "PANA-Session-Id", Code: 9, Vendor: pen, Type: datatype.UTF8StringType, Must: v | m},
		{Name: "EAP-Payload", Code: 462, Type: datatype.OctetStringType, Must: m, MustNot: v},
		{Name: "User-Name", Code: 1, Type: datatype.UTF8StringType, Must: m, MustNot: v},
		{Name: "Session-Id", Code: 263, Type: datatype.UTF8StringType, Must: m, MustNot: v},
		{Name: "Origin-Host", Code: 264, Type: datatype.DiameterIdentityType, Must: m, MustNot: v},
		{Name: "Proxy-Info", Code: 284, Type: datatype.GroupedType, Must: m, MustNot: v},
		{Name: "Error-Message", Code: 281, Type: datatype.UTF8StringType, MustNot: v | m},
		{Name: "Auth-Session-State", Code: 277, Type: datatype.EnumeratedType, Must: m, MustNot: v, Values: []int32{0, 1}},
		{Name: "Auth-Request-Type", Code: 274, Type: datatype.EnumeratedType, Must: m, MustNot: v, Values: []int32{1, 2, 3}},
		{Name: "Termination-Cause", Code: 295, Type: datatype.EnumeratedType, Must: m, MustNot: v, Values: []int32{1, 2, 3, 4, 5, 6, 7, 8}},
	}
	d := load(t, dictionary.Default())
	for _, want := range tests {
		t.Run(want.Name, func(t *testing.T) {
			t.Parallel()
			got, ok := d.AVP(want.Code, want.Vendor)
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("found %v, unexpected rule (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestAVP_Unknown(t *testing.T) {
	t.Parallel()
	d := load(t, dictionary.Default())
	for _, a := range []struct{ code, vendor uint32 }{
		{1, 10415},     // our code, another vendor's
		{263, 32473},   // a base code of our vendor
		{2, 0},         // our code without vendor
		{10, 32473},    // no code of ours
		{270, 0},       // Session-Binding, which we would not obey
		{480, 0},       // Accounting-Record-Type
		{1<<32 - 1, 0}, // go-diameter's "any"
	} {
		if r, ok := d.AVP(a.code, a.vendor); ok {
			t.Errorf("AVP %d of vendor %d is taken for %s", a.code, a.vendor, r.Name)
		}
	}
}

func TestAVPRule_Example(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code, vendor uint32
		want         diameter.AVP
	}{
		{1, 0, diameter.AVP{Code: 1, Flags: m, Data: []byte{}}},
		{291, 0, diameter.AVP{Code: 291, Flags: m, Data: make([]byte, 4)}},
		{277, 0, diameter.AVP{Code: 277, Flags: m, Data: make([]byte, 4)}},
		{284, 0, diameter.AVP{Code: 284, Flags: m, Data: []byte{}}},
		{55, 0, diameter.AVP{Code: 55, Flags: m, Data: make([]byte, 4)}},
		{281, 0, diameter.AVP{Code: 281, Data: []byte{}}},
		{1, 32473, diameter.AVP{Code: 1, Vendor: 32473, Flags: v | m, Data: make([]byte, 4)}},
		{2, 32473, diameter.AVP{Code: 2, Vendor: 32473, Flags: v | m, Data: make([]byte, 6)}},
		{4, 32473, diameter.AVP{Code: 4, Vendor: 32473, Flags: v | m, Data: []byte{}}},
		{6, 32473, diameter.AVP{Code: 6, Vendor: 32473, Flags: v | m, Data: make([]byte, 4)}},
	}
	d := load(t, dictionary.Default())
	for _, tt := range tests {
		r, _ := d.AVP(tt.code, tt.vendor)
		if diff := cmp.Diff(tt.want, r.Example()); diff != "" {
			t.Errorf("%s: unexpected example (-want +got):\n%s", r.Name, diff)
		}
	}
	for typ, want := range map[datatype.TypeID]int{datatype.Unsigned64Type: 8, datatype.Float32Type: 4, datatype.DiameterURIType: 0} {
		if got := (dictionary.AVPRule{Type: typ}).MinLength(); got != want {
			t.Errorf("type %d: least length %d, want %d", typ, got, want)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	app := dictionary.Default().Application
	tests := []struct {
		name        string
		app, code   uint32
		short       string
		command     bool
		application bool
	}{
		{name: "HMR", app: app, code: 16777215, short: "HM", command: true, application: true},
		{name: "AMR", app: app, code: 16777214, short: "AM", command: true, application: true},
		{name: "HMR in application 0", app: 0, code: 16777215, application: true},
		{name: "HMR in another application", app: 16777251, code: 16777215},
		{name: "CER", app: 0, code: 257, short: "CE", command: true, application: true},
		{name: "CER in ours", app: app, code: 257, application: true},
		{name: "DWR", app: 0, code: 280, short: "DW", command: true, application: true},
		{name: "DPR", app: 0, code: 282, short: "DP", command: true, application: true},
		{name: "ASR in ours", app: app, code: 274, short: "AS", command: true, application: true},
		{name: "ASR in application 0", app: 0, code: 274, short: "AS", command: true, application: true},
		{name: "RAR in ours", app: app, code: 258, short: "RA", command: true, application: true},
		{name: "STR in ours", app: app, code: 275, short: "ST", command: true, application: true},
		{name: "ACR", app: 3, code: 271},
		{name: "ACR in application 0", app: 0, code: 271, application: true},
	}
	d := load(t, dictionary.Default())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			command, application := d.Known(tt.app, tt.code)
			if command != tt.command || application != tt.application {
				t.Errorf("Known = %v, %v; want %v, %v", command, application, tt.command, tt.application)
			}
			r, ok := d.Command(tt.app, tt.code)
			if ok != tt.command || r.Short != tt.short || ok && (r.Application != tt.app || r.Code != tt.code) {
				t.Errorf("Command = %+v, %v; want %q", r, ok, tt.short)
			}
		})
	}
}

// The rules of HMR, on which the order of the checks for missing AVPs rests.
func TestCommand_HMR(t *testing.T) {
	t.Parallel()
	d := load(t, dictionary.Default())
	r, _ := d.Command(d.Codes().Application, d.Codes().HMR)
	var required, single, forbidden, many []string
	for _, rule := range r.Request {
		switch {
		case rule.Max == 0:
			forbidden = append(forbidden, rule.Name)
		case rule.Max == dictionary.Unlimited:
			many = append(many, rule.Name)
		case rule.Min == 1:
			required = append(required, rule.Name)
		default:
			single = append(single, rule.Name)
		}
	}
	want := [][]string{
		{"Session-Id", "Auth-Application-Id", "Authorization-Lifetime", "Auth-Session-State", "Origin-Host", "Origin-Realm",
			"User-Name", "Destination-Realm", "MIPv6-Bootstrap-Vector", "MIPv6-AAA-Key", "MIPv6-AAA-Key-Id"},
		{"Destination-Host", "Auth-Grace-Period", "Session-Timeout", "MIPv6-Mobile-Node-Address", "MIPv6-Home-Agent-Address",
			"Acct-Multi-Session-Id", "Origin-State-Id"},
		{"PANA-AAA-Key"},
		{"Proxy-Info", "Route-Record"},
	}
	if diff := cmp.Diff(want, [][]string{required, single, forbidden, many}); diff != "" {
		t.Errorf("unexpected rules: required, single, forbidden, many (-want +got):\n%s", diff)
	}
}

func TestLoad_ConfiguredCodes(t *testing.T) {
	t.Parallel()
	d := load(t, assigned())
	for code, name := range map[uint32]string{9001: "MIPv6-Bootstrap-Vector", 9002: "MIPv6-Mobile-Node-Address",
		9003: "MIPv6-Home-Agent-Address", 9004: "MIPv6-AAA-Key", 9005: "PANA-AAA-Key", 9006: "MIPv6-AAA-Key-Id",
		9007: "PANA-AAA-Key-Id", 9008: "MAC", 9009: "PANA-Session-Id"} {
		if r, _ := d.AVP(code, 0); r.Name != name || r.Must != m || r.MustNot != v {
			t.Errorf("AVP %d is %+v, want %s with M and without V", code, r, name)
		}
	}
	if command, _ := d.Known(9999, 902); !command {
		t.Error("the configured command is not known in the configured application")
	}
	if d.Codes() != assigned() {
		t.Errorf("Codes = %+v", d.Codes())
	}
}

// Another Diameter stack that is given our dictionary sends what we read:
// go-diameter encodes AVPs by name, the wire has the codes and flags.
func TestParser_Interworks(t *testing.T) {
	t.Parallel()
	d := load(t, dictionary.Default())
	codes := d.Codes()
	req := diam.NewRequest(codes.HMR, codes.Application, d.Parser())
	for _, a := range []struct {
		name   string
		vendor uint32
		value  datatype.Type
	}{
		{"Session-Id", 0, datatype.UTF8String("aaah;1;2")},
		{"User-Name", 0, datatype.UTF8String("mn@example.com")},
		{"MIPv6-Bootstrap-Vector", codes.Vendor, datatype.Unsigned32(1)},
		{"MIPv6-Mobile-Node-Address", codes.Vendor, datatype.Address(net.ParseIP("2001:db8::1"))},
		{"MIPv6-AAA-Key-Id", codes.Vendor, datatype.Integer32(-5)},
	} {
		if _, err := req.NewAVP(a.name, avp.Mbit, a.vendor, a.value); err != nil {
			t.Fatalf("adding %s: %v", a.name, err)
		}
	}
	wire, err := req.Serialize()
	if err != nil {
		t.Fatalf("encoding with go-diameter: %v", err)
	}
	got, err := diameter.Parse(wire)
	if err != nil || got.Fault != nil {
		t.Fatalf("parsing what go-diameter encoded: %v, %v", err, got.Fault)
	}
	for _, a := range got.AVPs {
		r, ok := d.AVP(a.Code, a.Vendor)
		if !ok || a.Flags != r.Must {
			t.Errorf("%v (%s): known %v, flags %#x, want %#x", a, r.Name, ok, a.Flags, r.Must)
		}
	}
	if len(got.AVPs) != 5 || got.Command != codes.HMR || got.Application != codes.Application {
		t.Errorf("unexpected message %+v", got)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	t.Parallel()
	d := load(t, dictionary.Default())
	goDiameter, err := d.XML()
	if err != nil {
		t.Fatal(err)
	}
	iana := load(t, assigned())
	tests := []struct {
		file string
		got  []byte
	}{
		{"go-diameter.xml", goDiameter},
		{"wireshark.xml", wireshark(t, d)},
		{"wireshark-iana.xml", wireshark(t, iana)},
	}
	for _, tt := range tests {
		path := filepath.Join("testdata", tt.file)
		if *update {
			if err := os.WriteFile(path, tt.got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(tt.got)); diff != "" {
			t.Errorf("%s, to be renewed with -update (-want +got):\n%s", tt.file, diff)
		}
		for decoder := xml.NewDecoder(bytes.NewReader(tt.got)); ; {
			if _, err := decoder.Token(); err != nil {
				if err.Error() != "EOF" {
					t.Errorf("%s is not well-formed: %v", tt.file, err)
				}
				break
			}
		}
	}
}

func wireshark(t *testing.T, d *dictionary.Dictionary) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Wireshark(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWireshark_WriteError(t *testing.T) {
	t.Parallel()
	if err := load(t, dictionary.Default()).Wireshark(full{}); err == nil {
		t.Error("a failed write is not reported")
	}
}

func BenchmarkAVP(b *testing.B) {
	d := load(b, dictionary.Default())
	b.ReportAllocs()
	for b.Loop() {
		d.AVP(1, 32473)
	}
}
