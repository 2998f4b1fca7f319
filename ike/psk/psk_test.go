package psk_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"

	"homeagent/ike/psk"
)

type vector struct {
	AAAKey      string     `json:"mipv6_aaa_key"`
	KeyID       int32      `json:"mipv6_aaa_key_id"`
	HomeAddress netip.Addr `json:"home_address"`
	HomeAgent   netip.Addr `json:"home_agent_address"`
	PSK         string     `json:"psk"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/psk.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(raw, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) == 0 {
		t.Fatal("testdata/psk.json holds no vectors")
	}
	return vs
}

func TestDeriveVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.PSK, func(t *testing.T) {
			octets, err := hex.DecodeString(v.AAAKey)
			if err != nil {
				t.Fatal(err)
			}
			got, err := psk.Derive(psk.NewAAAKey(octets), v.KeyID, v.HomeAddress, v.HomeAgent)
			if err != nil {
				t.Fatal(err)
			}
			if got.Hex() != v.PSK {
				t.Errorf("Derive = %s, want %s", got.Hex(), v.PSK)
			}
		})
	}
}

// Every input must change the key: the formula binds it to all of them.
func TestDeriveBindsEveryInput(t *testing.T) {
	t.Parallel()
	hoa, ha := netip.MustParseAddr("2001:db8::10"), netip.MustParseAddr("2001:db8::1")
	key := psk.NewAAAKey(make([]byte, 64))
	other := psk.NewAAAKey(append(make([]byte, 63), 1))
	seen := map[string]string{}
	for name, derive := range map[string]func() (psk.Key, error){
		"base":       func() (psk.Key, error) { return psk.Derive(key, 1, hoa, ha) },
		"key":        func() (psk.Key, error) { return psk.Derive(other, 1, hoa, ha) },
		"key id":     func() (psk.Key, error) { return psk.Derive(key, 2, hoa, ha) },
		"HoA":        func() (psk.Key, error) { return psk.Derive(key, 1, hoa.Next(), ha) },
		"HA":         func() (psk.Key, error) { return psk.Derive(key, 1, hoa, ha.Next()) },
		"HoA and HA": func() (psk.Key, error) { return psk.Derive(key, 1, ha, hoa) },
	} {
		k, err := derive()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if before, ok := seen[k.Hex()]; ok {
			t.Errorf("%s and %s give the same key", name, before)
		}
		seen[k.Hex()] = name
	}
}

func TestDeriveRefuses(t *testing.T) {
	t.Parallel()
	hoa, ha := netip.MustParseAddr("2001:db8::10"), netip.MustParseAddr("2001:db8::1")
	key := psk.NewAAAKey(make([]byte, 32))
	for _, tt := range []struct {
		name    string
		key     psk.AAAKey
		hoa, ha netip.Addr
		want    string
	}{
		{"empty key", psk.AAAKey{}, hoa, ha, "0 octets"},
		{"long key", psk.NewAAAKey(make([]byte, 257)), hoa, ha, "257 octets"},
		{"no HoA", key, netip.Addr{}, ha, "home address"},
		{"IPv4 HoA", key, netip.MustParseAddr("192.0.2.1"), ha, "home address"},
		{"mapped HA", key, hoa, netip.MustParseAddr("::ffff:192.0.2.1"), "home agent address"},
		{"zoned HA", key, hoa, netip.MustParseAddr("fe80::1%eth0"), "home agent address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := psk.Derive(tt.key, 1, tt.hoa, tt.ha)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Derive error = %v, want one naming %q", err, tt.want)
			}
		})
	}
}

// No way of printing shows a key.
func TestKeysAreNeverShown(t *testing.T) {
	t.Parallel()
	octets := []byte("0123456789abcdefghij")
	key, err := psk.KeyFromBytes(octets)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []any{key, &key, psk.NewAAAKey(octets), []psk.Key{key}, struct{ K psk.Key }{key}, struct{ k psk.Key }{key}, struct{ a psk.AAAKey }{psk.NewAAAKey(octets)}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", secret)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "k", secret)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "k", secret)
		raw, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(raw)
		for _, leak := range []string{"0123456789", "30313233", "48 49 50"} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%T is shown as %s", secret, out.String())
			}
		}
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	octets := []byte("0123456789abcdefghij")
	key := psk.NewAAAKey(octets)
	key.Wipe()
	if string(key.Bytes()) != string(make([]byte, 20)) {
		t.Error("Wipe left octets of the key")
	}
	if string(octets) != "0123456789abcdefghij" {
		t.Error("Wipe reached the caller's slice: NewAAAKey did not copy")
	}
}

func TestFingerprintText(t *testing.T) {
	t.Parallel()
	want := psk.NewAAAKey([]byte("a key")).Fingerprint()
	text, err := want.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var got psk.Fingerprint
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Errorf("UnmarshalText(%s) = %v, %v", text, got, err)
	}
	for _, bad := range []string{"", "00", "zz00000000000000", "000000000000000000"} {
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("UnmarshalText(%q) succeeded", bad)
		}
	}
}

func TestKeyFromBytes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 19, 21} {
		if _, err := psk.KeyFromBytes(make([]byte, n)); err == nil {
			t.Errorf("KeyFromBytes took %d octets", n)
		}
	}
	a, _ := psk.KeyFromBytes([]byte("0123456789abcdefghij"))
	b, _ := psk.KeyFromBytes(a.Bytes())
	if !a.Equal(b) || a.IsZero() || !(psk.Key{}).IsZero() || a.Equal(psk.Key{}) {
		t.Error("Equal or IsZero is wrong")
	}
}

// A key that somebody wrote down may have another length than a derived one.
func TestNewKey(t *testing.T) {
	t.Parallel()
	octets := []byte("a key of 18 octets")
	key, err := psk.NewKey(octets)
	if err != nil || string(key.Bytes()) != "a key of 18 octets" {
		t.Fatalf("NewKey = %q, %v", key.Bytes(), err)
	}
	clear(octets)
	clear(key.Bytes())
	again, err := psk.NewKey([]byte("a key of 18 octets"))
	if err != nil || !key.Equal(again) || key.IsZero() {
		t.Errorf("the key changed with the octets it was made of: %s", key.Hex())
	}
	for _, n := range []int{0, psk.MaxKey + 1} {
		if _, err := psk.NewKey(make([]byte, n)); err == nil {
			t.Errorf("NewKey took %d octets", n)
		}
	}
}
