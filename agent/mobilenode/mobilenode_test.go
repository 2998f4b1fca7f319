package mobilenode_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"homeagent/agent/config"
	"homeagent/agent/mobilenode"
	"homeagent/xfrm"
)

var homeAgent = netip.MustParseAddr("2001:db8:1::1")

const configuration = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
[[mobile_node]]
user_name = "mn1@example.com"
home_address = "2001:db8:1::100"
key_file = "%s"
`

const byHand = "spi_in = 4097\nspi_out = 4098\n"

func hexDigits(octets int, fill string) string { return "0x" + strings.Repeat(fill, octets) }

func keyFile() string {
	return "# of mn1\nencryption_in = " + hexDigits(16, "a1") + "\nintegrity_in=" + hexDigits(32, "a2") + "\n\n" +
		"encryption_out = " + hexDigits(16, "a3") + "\n  integrity_out = " + hexDigits(32, "a4") + "\n"
}

// load loads one mobile node with a key file of some content and mode.
func load(t *testing.T, more, content string, mode os.FileMode) (mobilenode.Node, string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "mn1.key")
	if content != "absent" {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "homeagent.toml")
	if err := os.WriteFile(path, []byte(fmt.Sprintf(configuration, file)+more), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := mobilenode.Load(cfg)
	if err != nil {
		return mobilenode.Node{}, path, err
	}
	return nodes[0], path, nil
}

func TestPreSharedKeys(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"correct horse battery":                "correct horse battery",
		"correct horse battery\r\n":            "correct horse battery",
		"0x0a112233445566778899aabbccddee0a":   "\n\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\n",
		"Schlüssel für unterwegs\n":            "Schlüssel für unterwegs",
		"0x00112233445566778899aabbccddeeff\n": "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
	} {
		n, _, err := load(t, "", content, 0o640)
		if err != nil || string(n.PSK.Bytes()) != want || len(n.Associations(homeAgent, 1<<29)) != 0 {
			t.Errorf("%q: got %q, error %v", content, n.PSK.Bytes(), err)
		}
	}
}

func TestManualKeys(t *testing.T) {
	t.Parallel()
	n, _, err := load(t, byHand, keyFile(), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	all := n.Associations(homeAgent, 1<<29+5)
	if len(all) != 2 || !n.PSK.IsZero() || n.DiscoversPrefixes() {
		t.Fatalf("got %v, key %v", all, n.PSK)
	}
	for i, want := range []string{
		"ip xfrm state add src 2001:db8:1::100 dst 2001:db8:1::1 proto esp spi 0x1001 mode transport reqid 536870917 auth-trunc hmac(sha256) [redacted] 128 enc cbc(aes) [redacted] sel src 2001:db8:1::100/128 dst 2001:db8:1::1/128 proto 135",
		"ip xfrm state add src 2001:db8:1::1 dst 2001:db8:1::100 proto esp spi 0x1002 mode transport reqid 536870917 auth-trunc hmac(sha256) [redacted] 128 enc cbc(aes) [redacted] sel src 2001:db8:1::1/128 dst 2001:db8:1::100/128 proto 135",
	} {
		if got := all[i].Command(0); !strings.HasSuffix(got, strings.TrimPrefix(want, "ip xfrm state add ")) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for i, want := range []byte{0xa1, 0xa3} {
		if key := all[i].Encryption.Key.Bytes(); len(key) != 16 || key[0] != want {
			t.Errorf("association %d is encrypted with %x", i, key)
		}
		if key := all[i].Integrity.Key.Bytes(); len(key) != 32 || key[0] != want+1 {
			t.Errorf("association %d is protected with %x", i, key)
		}
	}
}

// All algorithms have keys of the kernel's length, and prefixes their own reqid.
func TestManualAlgorithms(t *testing.T) {
	t.Parallel()
	for encryption, length := range map[string]int{"null": 0, "3des": 24, "aes128": 16, "aes192": 24, "aes256": 32} {
		for integrity, octets := range map[string]int{"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64} {
			text := ""
			for _, d := range []string{"in", "out"} {
				for _, before := range []string{"", "prefix_"} {
					if length > 0 {
						text += before + "encryption_" + d + " = " + hexDigits(length, "01") + "\n"
					}
					text += before + "integrity_" + d + " = " + hexDigits(octets, "02") + "\n"
				}
			}
			more := fmt.Sprintf("%sprefix_spi_in = 5000\nprefix_spi_out = 5001\nencryption = %q\nintegrity = %q\n", byHand, encryption, integrity)
			n, _, err := load(t, more, text, 0o600)
			if err != nil {
				t.Errorf("%s with %s: %v", encryption, integrity, err)
				continue
			}
			all := n.Associations(homeAgent, 1<<29)
			if len(all) != 4 || !n.DiscoversPrefixes() || all[2].ReqID != 1<<29|3<<30 || all[3].Protocol != xfrm.ICMPv6 {
				t.Errorf("%s with %s: %v", encryption, integrity, all)
			}
		}
	}
}

// What is wrong with a key file is told at the place in the configuration, and no key
// is.
func TestKeyFileProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more, content string
		mode          os.FileMode
		want          string
	}{
		"absent":           {"", "absent", 0, "(put it there, or name another file)"},
		"too open":         {"", "correct horse battery", 0o644, "mode 0644 (try: chmod o=,g-w "},
		"group may change": {"", "correct horse battery", 0o660, "mode 0660"},
		"too short":        {"", "swordfish", 0o600, "the key has 9 octets (must be at least 16"},
		"empty":            {"", "", 0o600, "the key has 0 octets"},
		"too long":         {"", strings.Repeat("swordfish", 30), 0o600, "the key has 270 octets (must be at most 256)"},
		"huge":             {"", strings.Repeat("swordfish", 3000), 0o600, "has more than 16384 octets"},
		"lines":            {"", "swordfish swordfish\nswordfish", 0o600, "several lines"},
		"octets":           {"", "swordfish swordfish\x80", 0o600, "no printable text (write such a key as 0x and its octets in hexadecimal digits, try: printf 0x; od -An -v -tx1 FILE | tr -d ' \\n')"},
		"octets, and ends": {"", "swordfish\x00swordfish\n\n", 0o600, "no printable text"},
		"a tab":            {"", "swordfish\tswordfish", 0o600, "no printable text"},
		"no digits":        {"", "0xswordfish swordfish", 0o600, "no even number of hexadecimal digits"},
		"no manual keys":   {byHand, "swordfish swordfish", 0o600, "line 1 is not of the form"},
		"one missing":      {byHand, strings.Replace(keyFile(), "integrity_out", "#", 1), 0o600, "integrity_out is missing (expected integrity_out = 0x and 64 hexadecimal digits)"},
		"another length":   {byHand + "encryption = \"aes256\"\n", keyFile(), 0o600, "has 16 octets (must be 32, as the algorithm takes)"},
		"twice":            {byHand, keyFile() + keyFile(), 0o600, `is there already`},
		"unknown":          {byHand, keyFile() + "authentication_in = 0x00\n", 0o600, `there is no use for "authentication_in"`},
		"odd":              {byHand, "integrity_in = 0x123\n", 0o600, "line 1: what follows 0x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, path, err := load(t, tt.more, tt.content, tt.mode)
			var problems config.Problems
			if !errors.As(err, &problems) || !strings.HasPrefix(err.Error(), path+":12: mobile_node.key_file: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "a2a2")) {
				t.Errorf("the key is told: %v", err)
			}
		})
	}
}

// A pipe that nobody writes into keeps nobody waiting.
func TestKeyFileIsAPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, path := filepath.Join(dir, "pipe"), filepath.Join(dir, "homeagent.toml")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(path, fmt.Appendf(nil, configuration, pipe), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mobilenode.Load(cfg); err == nil || !strings.Contains(err.Error(), pipe+" is no regular file") {
		t.Errorf("got %v", err)
	}
}

// systemd gives a credential to the service alone, whatever its mode says.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	file := filepath.Join(dir, "mn1")
	if err := os.WriteFile(file, []byte("correct horse battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o444); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "homeagent.toml")
	if err := os.WriteFile(path, fmt.Appendf(nil, configuration, file), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if nodes, err := mobilenode.Load(cfg); err != nil || len(nodes) != 1 {
		t.Errorf("got %d mobile nodes, error %v", len(nodes), err)
	}
}

// Printing a mobile node does not show its keys.
func TestNodesAreNeverShownWithKeys(t *testing.T) {
	t.Parallel()
	n, _, err := load(t, byHand, keyFile(), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var shown string
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d"} {
		shown += fmt.Sprintf(verb, n)
	}
	for _, leak := range []string{"a1a1", "\xa1\xa1", "161 161"} {
		if strings.Contains(shown, leak) {
			t.Errorf("shown: %s", shown)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add(keyFile())
	f.Add("correct horse battery")
	f.Fuzz(func(t *testing.T, content string) {
		for _, more := range []string{"", byHand} {
			n, _, err := load(t, more, content, 0o600)
			if err == nil && n.PSK.IsZero() != (len(n.Associations(homeAgent, 1<<29)) == 2) {
				t.Errorf("neither key nor associations: %+v", n)
			}
		}
	})
}
