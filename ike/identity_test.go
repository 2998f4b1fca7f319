package ike

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUserIdentity(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 237) + "@example.com"
	tests := []struct{ name, text, fold string }{
		{"mn1@example.com", "email:mn1@example.com", "email:mn1@example.com"},
		{"MN1@Example.COM", "email:MN1@Example.COM", "email:mn1@example.com"},
		{"a=b@example.com", "email:a=b@example.com", "email:a=b@example.com"}, // not a distinguished name
		{"@example.com", "email:@example.com", "email:@example.com"},          // not a FQDN
		{"@#6162", "email:@#6162", "email:@#6162"},                            // not hexadecimal
		{"fqdn:x@y", "email:fqdn:x@y", "email:fqdn:x@y"},                      // not another type
		{"{9}:x@y", "email:{9}:x@y", "email:{9}:x@y"},
		{"#61@y", "email:#2336314079", "email:#61@y"},
		{"jürgen@example.com", "email:#6ac3bc7267656e406578616d706c652e636f6d", "email:jürgen@example.com"},
		{"JÜRGEN@example.com", "email:#4ac39c5247454e406578616d706c652e636f6d", "email:jÜrgen@example.com"},
		{"mn1", "fqdn:mn1", "fqdn:mn1"},
		{"MN1.example.com", "fqdn:MN1.example.com", "fqdn:mn1.example.com"},
		{"%any", "keyid:%any", "keyid:%any"},
		{"%any6", "keyid:%any6", "keyid:%any6"},
		{"CN=mn1, O=x", "keyid:CN=mn1, O=x", "keyid:CN=mn1, O=x"},
		{"{1}:#0a", "keyid:{1}:#0a", "keyid:{1}:#0a"},
		{"#6162", "keyid:#2336313632", "keyid:#6162"},
		{"keyid:x", "keyid:keyid:x", "keyid:keyid:x"},
		{"2001:db8::1-2001:db8::2", "keyid:2001:db8::1-2001:db8::2", "keyid:2001:db8::1-2001:db8::2"},
		{"0::0::0", "keyid:0::0::0", "keyid:0::0::0"},
		{long, "email:" + long, "email:" + long},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := userIdentity(tt.name)
			if err != nil {
				t.Fatalf("got error %v", err)
			}
			if diff := cmp.Diff(identity{text: tt.text, fold: tt.fold}, got, cmp.AllowUnexported(identity{})); diff != "" {
				t.Errorf("unexpected identity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUserIdentityRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"", "the user name is empty (must be a network access identifier, RFC 7542)"},
		{"*", `the user name "*" has an asterisk, which charon reads as a wildcard`},
		{"*@example.com", `the user name "*@example.com" has an asterisk, which charon reads as a wildcard`},
		{"mn*@example.com", `the user name "mn*@example.com" has an asterisk, which charon reads as a wildcard`},
		{"0.0.0.0", `the user name "0.0.0.0" is an address (must be a network access identifier, RFC 7542)`},
		{"::", `the user name "::" is an address (must be a network access identifier, RFC 7542)`},
		{"2001:db8::/32", `the user name "2001:db8::/32" is an address (must be a network access identifier, RFC 7542)`},
		{"fe80::1%eth0", `the user name "fe80::1%eth0" is an address (must be a network access identifier, RFC 7542)`},
		{"a\x00b@example.com", `the user name "a\x00b@example.com" has a control character`},
		{"a\n@example.com", `the user name "a\n@example.com" has a control character`},
		{"\xff@example.com", `the user name "\xff@example.com" is not UTF-8 (RFC 7542 section 2.1)`},
		{strings.Repeat("a", 238) + "@example.com", `the user name "aaaaaaaaaaaaaaaaaaaa"... has 250 octets: too long for charon (must be up to 249; up to 124 if not all are printable ASCII)`},
		{strings.Repeat("ä", 70) + "@b", `the user name "ääääääääääääääääääää"... has 142 octets: too long for charon (must be up to 249; up to 124 if not all are printable ASCII)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := userIdentity(tt.name)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, error %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestAgentIdentity(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"ha.example.com", "fqdn:ha.example.com", true},
		{"ha@example.com", "email:ha@example.com", true},
		{"2001:DB8::1", "2001:db8::1", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"fqdn:ha", "fqdn:ha", true},
		{"keyid:ha.example.com", "keyid:ha.example.com", true},
		{"email:ha", "email:ha", true},
		{"", "", false},
		{"%any6*", "", false},
		{"fqdn:*.example.com", "", false},
		{"fe80::1%eth0", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := agentIdentity(tt.name)
			if got.text != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %+v, error %v, want %s", got, err, tt.want)
			}
		})
	}
}

// FuzzUserIdentity: whatever the name, charon reads an identity of the type
// meant, with the name's octets.
func FuzzUserIdentity(f *testing.F) {
	for _, name := range []string{"mn1@example.com", "%any", "#61", "a=b", "*", "::", "ä@b", "email:#61"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, err := userIdentity(name)
		if err != nil {
			return
		}
		kind, octets := charonReads(t, id.text)
		if octets != name {
			t.Errorf("charon reads %q as %q", name, octets)
		}
		if want := strings.Contains(name, "@"); want != (kind == "email") {
			t.Errorf("charon reads %q as of type %s", name, kind)
		}
		if strings.HasPrefix(octets, "*") {
			t.Errorf("charon reads %q as a wildcard", name)
		}
	})
}

// charonReads does what strongSwan's identification_create_from_string does
// with a typed identity after VICI's check for printable characters.
func charonReads(t *testing.T, text string) (kind, octets string) {
	t.Helper()
	if len(text) > 255 || !isPrintableASCII(text) {
		t.Fatalf("charon does not take %q", text)
	}
	kind, octets, ok := strings.Cut(text, ":")
	if !ok || kind != "email" && kind != "fqdn" && kind != "keyid" {
		t.Fatalf("%q has no type", text)
	}
	if digits, ok := strings.CutPrefix(octets, "#"); ok {
		octets = unhex(t, digits)
	}
	return kind, octets
}

func unhex(t *testing.T, digits string) string {
	t.Helper()
	var b strings.Builder
	for ; len(digits) >= 2; digits = digits[2:] {
		hi, lo := strings.IndexByte("0123456789abcdef", digits[0]), strings.IndexByte("0123456789abcdef", digits[1])
		b.WriteByte(byte(hi<<4 | lo))
	}
	return b.String()
}

func TestNames(t *testing.T) {
	t.Parallel()
	// These names are in charons out there: a change would leave them
	// behind as foreign.
	if got := ConnectionName(netip.MustParseAddr("2001:db8:1::1234")); got != "mn-"+wantName {
		t.Errorf("got name %s, want mn-%s", got, wantName)
	}
	for name, want := range map[string]bool{
		"mn-" + wantName: true, "mn-": false, "mn-test": false, "mn-abcdefghijk1": false, "mn-abcdefghijklm": false,
		"mn-ABCDEFGHIJKL": false, "xx-abcdefghijkl": false, "home": false, "": false,
	} {
		if isOurs(name) != want {
			t.Errorf("%q is ours: %v, want %v", name, !want, want)
		}
	}
}

const wantName = "z4gxews3uk3t"
