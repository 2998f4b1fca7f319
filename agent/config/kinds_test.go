package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// accepts tests which values a kind takes.
func accepts[T any](t *testing.T, k kind[T], good, bad []any) {
	t.Helper()
	for _, v := range good {
		if _, err := k.read(v); err != nil {
			t.Errorf("%s: %#v is refused: %v", k.name, v, err)
		}
	}
	for _, v := range bad {
		if got, err := k.read(v); err == nil {
			t.Errorf("%s: %#v is taken as %v", k.name, v, got)
		} else if !strings.Contains(err.Error(), "(expected ") {
			t.Errorf("%s: %#v: %v does not say what is expected", k.name, v, err)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	accepts(t, text, []any{"x", " "}, []any{"", int64(1), true, []any{}, other("Float")})
	accepts(t, boolean, []any{true, false}, []any{"true", int64(1), nil})
	accepts(t, path, []any{"/", "/run/charon.vici"}, []any{"", "run", "./x", "/x\x00"})
	accepts(t, socketPath, []any{"/" + strings.Repeat("x", 106)}, []any{"x", "/" + strings.Repeat("x", 107)})
	accepts(t, device, []any{"eth0", "enp0s31f6.100", strings.Repeat("x", 15)}, []any{"", strings.Repeat("x", 16), "a/b", "a b", "a:b", ".", ".."})
	accepts(t, credential, []any{"store-key", "a.b_c"}, []any{"", ".", "..", "a/b", "a b"})
	accepts(t, identity, []any{"ha.example.com", "localhost", "a_b.example"},
		[]any{"", ".", "a..b", "a.", "ha.example.com:3868", "aaa://ha", "hä.example", strings.Repeat("x", 64), strings.Repeat("x.", 128)})
	accepts(t, oneOf("a", "b"), []any{"a", "b"}, []any{"A", "", "c", int64(0)})
	accepts(t, list(text), []any{[]any{}, []any{"a", "b"}}, []any{"a", []any{""}, []any{"a", int64(1)}})
	accepts(t, number[int](2, 5), []any{int64(2), int64(5)}, []any{int64(1), int64(6), "3", 3.0})
	accepts(t, number[uint32](0, 1<<32-1), []any{int64(0), int64(1<<32 - 1)}, []any{int64(-1), int64(1 << 32)})
	accepts(t, duration(time.Second, time.Hour), []any{"1s", "60m", "1h", "1m30s", "1500ms"}, []any{"", "5", "1h1ns", "999ms", "-5s", int64(5)})
}

func TestKindsOfAddresses(t *testing.T) {
	t.Parallel()
	wrong := []any{"", "x", "::", "::1", "192.0.2.1", "::ffff:192.0.2.1", "ff02::1", "fe80::1", "2001:db8::1%eth0", "2001:db8::1/64", int64(1)}
	accepts(t, address, []any{"2001:db8::1", "fd00::1"}, append(wrong, "2001:db8::1-2001:db8::2"))
	accepts(t, addresses, []any{"2001:db8::1", "2001:db8::1-2001:db8::1", "2001:db8::1-2001:db8::3e8"},
		append(wrong, "2001:db8::2-2001:db8::1", "2001:db8::1-", "-2001:db8::1", "2001:db8::1-2001:db8::3e9", "2001:db8::1-2001:db9::1", "2001:db8::1-ff02::1"))
	accepts(t, prefix, []any{"2001:db8::/32", "2001:db8:1::/64", "fd00::/8", "2001:db8::1/128"},
		[]any{"", "2001:db8::", "2001:db8::1/64", "::/0", "fe80::/64", "ff05::/64", "192.0.2.0/24", "2001:db8::/129", int64(64)})
}

func TestAddressRange(t *testing.T) {
	t.Parallel()
	got, err := addressRange("2001:db8::fffe-2001:db8::1:1")
	if err != nil || len(got) != 4 || got[0] != netip.MustParseAddr("2001:db8::fffe") || got[3] != netip.MustParseAddr("2001:db8::1:1") {
		t.Errorf("addressRange = %v, %v", got, err)
	}
	all, err := flat(list(addresses)).read([]any{"2001:db8::1", "2001:db8::5-2001:db8::6"})
	if err != nil || len(all) != 3 || all[1] != netip.MustParseAddr("2001:db8::5") {
		t.Errorf("flat = %v, %v", all, err)
	}
}

func TestBrief(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 30 * time.Second: "30s", 10 * time.Minute: "10m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s",
		1500 * time.Millisecond: "1.5s", 20 * time.Hour: "20h", 10 * time.Hour: "10h",
	} {
		if got := brief(d); got != want {
			t.Errorf("brief(%d) = %q, want %q", d, got, want)
		}
		if again, err := time.ParseDuration(brief(d)); err != nil || again != d {
			t.Errorf("brief(%d) reads as %v, %v", d, again, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"::1": {"::1"}, "[::1]": {"::1"}, "[::1]:5868": {"::1", "5868"}, "127.0.0.1:3868": {"127.0.0.1", "3868"},
		"aaa.example.com": {"aaa.example.com"}, "aaa.example.com:3868": {"aaa.example.com", "3868"}, ":3868": {"", "3868"},
	} {
		if err := endpoint(s); err != nil {
			t.Errorf("endpoint(%q): %v", s, err)
		}
		if host, port := splitEndpoint(s); host != want[0] || port != want[1] {
			t.Errorf("splitEndpoint(%q) = %q, %q", s, host, port)
		}
	}
	for _, s := range []string{"", ":", "[::1", "::1]", "[::1]:", "[::1]:x", "a:65536", "a:-1", "a:+1", "a:01", "a b", "[a b]:1", "http://a"} {
		if err := endpoint(s); err == nil {
			t.Errorf("endpoint(%q) is taken", s)
		}
	}
}

// A port after an IPv6 address without brackets is not taken for a part of it.
func TestPortInAddress(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2001:db8:1::1:5868":         `did you mean "[2001:db8:1::1]:5868"? If it is an address, write "[2001:db8:1::1:5868]"`,
		"2001:db8:1::1:3868":         `did you mean "[2001:db8:1::1]:3868"?`,
		"2001:db8:1::1:5658":         `did you mean "[2001:db8:1::1]:5658"?`,
		"::1:3868":                   `did you mean "[::1]:3868"?`,
		"2001:db8:1:2:3:4:5:6:3869":  `did you mean "[2001:db8:1:2:3:4:5:6]:3869"?`,
		"fe80::1%eth0:5868":          `did you mean "[fe80::1%eth0]:5868"?`,
		"[2001:db8:1::1:5868]":       "",
		"[2001:db8:1::1:5868]:3868":  "",
		"2001:db8:1::1:5869":         "",
		"2001:db8::5868":             "",
		"2001:db8:1:2:3:4:5:5868":    "",
		"192.0.2.1:3868":             "",
		"aaa.example.com:5868":       "",
		"2001:db8:1:2:3:4:5:6:65536": `expected a name or an address`,
	} {
		err := endpoint(s)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("endpoint(%q): %v, want %q", s, err, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"window", "window", 0}, {"", "abc", 3}, {"abc", "", 3},
		{"windoww", "window", 1}, {"widnow", "window", 2}, {"level", "leve", 1}, {"abc", "xyz", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
