package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeagent/diameter/dictionary"
)

// call runs the command line and returns what it wrote and its exit code.
func call(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	err := run(t.Context(), args, &o, &e)
	if err != nil {
		e.WriteString(err.Error())
	}
	return o.String(), e.String(), exitCode(err)
}

func TestWireshark(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../../dictionary/testdata/wireshark.xml")
	if err != nil {
		t.Fatal(err)
	}
	if out, errOut, code := call(t, "wireshark"); out != string(want) || code != 0 {
		t.Errorf("exit code %d, %s\n%s", code, errOut, out)
	}
	out, errOut, code := call(t, "wireshark", "--code", "application=1234", "--code", "aaa_key=99")
	if !strings.Contains(out, `<application id="1234"`) || !strings.Contains(out, `name="MIPv6-AAA-Key" code="99"`) || code != 0 {
		t.Errorf("exit code %d, %s\n%s", code, errOut, out)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	home := []string{"aaa-home", "--connect", "[::1]:3868", "--ha-host", "ha.example.net"}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, `expected one of "aaa-home"`},
		{"unknown command", []string{"aaa-visited"}, "unexpected argument aaa-visited"},
		{"no way to the home agent", []string{"aaa-home", "--ha-host", "ha"}, "missing flags: --connect=ADDR[:PORT] or --listen=ADDR[:PORT]"},
		{"two ways", append(home, "--listen", ":3868"), "can't be used together"},
		{"two keys", append(home, "--key", "00", "--key-file", empty), "can't be used together"},
		{"bad key", append(home, "--key", "0"), "expected an even number of hexadecimal digits"},
		{"key file absent", append(home, "--key-file", filepath.Join(dir, "absent")), "no such file"},
		{"random keys of nothing", append(home, "--key-length", "0"), "length 0 (must be at least 1)"},
		{"no requests", append(home, "--count", "0"), "count is 0 (must be at least 1)"},
		{"one name for two", append(home, "--count", "2", "--users", "mn"), "no %d to tell 2 users apart"},
		{"bad address", append(home, "--hoa", "2001:db8::g"), "--hoa"},
		{"bad vector", append(home, "--vector", "all"), `"all" is neither a number nor one of requested`},
		{"bad code to expect", append(home, "--expect", "FINE"), `"FINE" is neither a number nor a name`},
		{"unknown code", append(home, "--code", "hm=1"), `setting the code "hm": it must be one of aaa_key, aaa_key_id, amr`},
		{"code of the base protocol", append(home, "--code", "hmr=280"), "HA-MIPv6-Bootstrap: command code 280 belongs to the base protocol"},
		{"half of TLS", append(home, "--tls-cert", empty), "--tls-cert"},
		{"empty certificate", append(home, "--tls-cert", empty, "--tls-key", empty, "--tls-ca", empty), "reading the certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := call(t, tt.args...)
			if code != 64 || out != "" || !strings.Contains(errOut, tt.want) {
				t.Errorf("exit code %d, %q on standard output, want 64 and %q in:\n%s", code, out, tt.want, errOut)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	plain := errors.New("plain")
	for want, err := range map[int]error{0: nil, 1: plain, 64: errors.Join(usageError{plain})} {
		if got := exitCode(err); got != want {
			t.Errorf("%v: got %d, want %d", err, got, want)
		}
	}
}

// Every code can be set, each by a name of its own.
func TestCodeFields(t *testing.T) {
	t.Parallel()
	f := codesFlag{Code: map[string]uint32{}}
	codes := dictionary.Default()
	next := uint32(1000)
	for name := range codeFields(&codes) {
		f.Code[name] = next
		next++
	}
	d, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	got := d.Codes()
	for name, field := range codeFields(&got) {
		if *field != f.Code[name] {
			t.Errorf("%s is %d, want %d", name, *field, f.Code[name])
		}
	}
	if got.Application == codes.Application || len(f.Code) != 13 {
		t.Errorf("%d codes can be set, want 13", len(f.Code))
	}
}

func TestOrParent(t *testing.T) {
	t.Parallel()
	tests := []struct{ realm, identity, want string }{
		{"", "ha.example.net", "example.net"},
		{"example.org", "ha.example.net", "example.org"},
		{"", "ha", "ha"},
	}
	for _, tt := range tests {
		if got := orParent(tt.realm, tt.identity); got != tt.want {
			t.Errorf("%q, %q: got %q, want %q", tt.realm, tt.identity, got, tt.want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"[::1]:3868": true, "::1": true, "127.0.0.1:1": true, "127.1.2.3": true, "localhost:3868": true, "localhost": true,
		"[2001:db8::1]:3868": false, "192.0.2.1": false, "ha.example.net:3868": false, ":3868": false, "": false,
	} {
		if got := isLoopback(address); got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
	}
}
