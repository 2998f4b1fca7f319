package foreign

import (
	"encoding/pem"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const said = `ok capabilities of ha.example.com
granted mn1@home.example home address 2001:db8:1::7 home agent 2001:db8:1::1 account ha.example.com;1;1
ok a newcomer is granted
granted mn1@home.example home address 2001:db8:1::8 home agent 2001:db8:1::1 account ha.example.com;1;1
FAILED no key: {wanted,5005,got,2001}
something else
done
ok a DPR is answered with DPA
`

func TestArguments(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddrPort("[2001:db8:1::1]:5868")
	leave := func() error { return nil }
	tests := []struct {
		aaa  AAA
		want []string
	}{
		{AAA{Folder: "/f", Address: address}, []string{"/f/aaah.erl", "connect", "2001:db8:1::1", "5868"}},
		{
			AAA{Folder: "/f", Address: address, Listen: true, TLS: true, Via: "relay.example", Leave: leave},
			[]string{"/f/aaah.erl", "listen", "2001:db8:1::1", "5868", "tls=/f", "via=relay.example", "stay=yes"},
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.aaa.arguments()); diff != "" {
			t.Errorf("unexpected arguments (-want +got):\n%s", diff)
		}
	}
}

func TestConclude(t *testing.T) {
	t.Parallel()
	ended := errors.New("exit status 1")
	whole := Report{
		OK:     []string{"capabilities of ha.example.com", "a newcomer is granted", "a DPR is answered with DPA"},
		Failed: []string{"no key: {wanted,5005,got,2001}"}, Done: true,
		Granted: map[string]Grant{"mn1@home.example": {
			HomeAddress: netip.MustParseAddr("2001:db8:1::8"), HomeAgent: netip.MustParseAddr("2001:db8:1::1"), Account: "ha.example.com;1;1",
		}},
	}
	tests := []struct {
		name   string
		output string
		ended  error
		report Report
		err    string
	}{
		{"something failed", said, ended, whole, ""},
		{"all is well", "done\n", nil, Report{Done: true}, ""},
		{"it broke off", "ok fine\nescript: exception", ended, Report{OK: []string{"fine"}}, "exit status 1\nok fine\nescript: exception"},
		{"nonsense was granted", "granted mn1 nothing\n", nil, Report{Failed: []string{`reading a grant: input does not match format: "mn1 nothing"`}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, err := conclude(tt.output, tt.ended)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want ...%s", err, tt.err)
			}
			if diff := cmp.Diff(tt.report, report, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("unexpected report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := (AAA{Folder: folder}).write(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aaah.erl", "mip6bootstrap.dia"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := (AAA{Folder: filepath.Join(folder, "absent")}).Run(t.Context(), nil); err == nil {
		t.Error("it ran without a folder")
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	want := append([]byte("mn1@home.example"), make([]byte, 48)...)
	if diff := cmp.Diff(want, Key("mn1@home.example", 1).Bytes()); diff != "" {
		t.Errorf("unexpected key (-want +got):\n%s", diff)
	}
	if Key("mn1@home.example", 2).Fingerprint() == Key("mn1@home.example", 1).Fingerprint() {
		t.Error("another key id has the same key")
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	r := Relay{
		Name: "relay1", Folder: t.TempDir(), Identity: "relay1.home.example", Realm: "home.example",
		Address: netip.MustParseAddrPort("[2001:db8:3::a]:3868"),
		Next:    Hop{Identity: "relay2.example.com", Address: netip.MustParseAddrPort("[2001:db8:3::1]:3868")},
	}
	plain := configured(t, r)
	for _, want := range []string{
		`Identity = "relay1.home.example";`, "Port = 3868;", "\nNo_IP;", `ListenOn = "2001:db8:3::a";`,
		`TLS_Cred = "` + r.Folder + `/relay1.pem", "` + r.Folder + `/relay1-key.pem";`, `ConnectPeer = "relay2.example.com" {`, "No_TLS;",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("there is no %s in\n%s", want, plain)
		}
	}
	r.Next.TLS, r.Address = true, netip.MustParseAddrPort("127.0.0.1:3868")
	if secure := configured(t, r); strings.Contains(secure, "No_TLS") || !strings.Contains(secure, "No_IPv6;") {
		t.Errorf("over TLS and IPv4 it is\n%s", secure)
	}
	text, err := os.ReadFile(filepath.Join(r.Folder, "dh.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != "DH PARAMETERS" || len(block.Bytes) != 268 {
		t.Errorf("unexpected group in %s", text)
	}
}

func configured(t *testing.T, r Relay) string {
	t.Helper()
	path, err := r.configure()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRelayWithoutFolder(t *testing.T) {
	t.Parallel()
	r := Relay{Name: "relay1", Folder: filepath.Join(t.TempDir(), "absent")}
	if _, err := r.Start(nil); err == nil {
		t.Error("a relay without a folder was started")
	}
}
