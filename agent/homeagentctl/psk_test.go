package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
)

// The tool prints what the published vectors say, from the command line and
// from standard input.
func TestPSKVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../ike/psk/testdata/psk.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Key  string `json:"mipv6_aaa_key"`
		ID   int32  `json:"mipv6_aaa_key_id"`
		HoA  string `json:"home_address"`
		HA   string `json:"home_agent_address"`
		Want string `json:"psk"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		args := []string{"psk", "--key-id", strconv.Itoa(int(v.ID)), "--hoa", v.HoA, "--ha", v.HA, "--key"}
		for _, source := range [][2]string{{v.Key, ""}, {"-", v.Key + "\n"}, {"0x" + v.Key, ""}} {
			out, err := ctl(t, source[1], append(args, source[0])...)
			if err != nil || out != v.Want+"\n" {
				t.Errorf("psk for %s: %q, %v, want %s", v.HoA, out, err, v.Want)
			}
		}
	}
}

func TestPSKRefusesWithoutShowingTheKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"0102030", "xyzxyz", ""} {
		_, err := ctl(t, "", "psk", "--key="+key, "--key-id=1", "--hoa=2001:db8::2", "--ha=2001:db8::1")
		if err == nil || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("psk --key=%q: %v", key, err)
		}
	}
}

func TestPSKAsJSON(t *testing.T) {
	t.Parallel()
	args := []string{"psk", "--key-id=-7", "--hoa=2001:db8::2", "--ha=2001:db8::1", "--key=000102030405060708090a0b0c0d0e0f10111213"}
	plain, err := ctl(t, "", args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ctl(t, "", append(args, "--json")...)
	if err != nil {
		t.Fatal(err)
	}
	var got derivation
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	want := derivation{
		Schema: control.Schema, PSK: strings.TrimSpace(plain), KeyID: -7, KeyFingerprint: got.KeyFingerprint, KeyOctets: 20,
		HomeAddress: netip.MustParseAddr("2001:db8::2"), HomeAgent: netip.MustParseAddr("2001:db8::1"),
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || len(got.KeyFingerprint) != 16 {
		t.Errorf("unexpected JSON (-want +got):\n%s", diff)
	}
}

// What a home agent would refuse is derived, with a warning.
func TestPSKWarnsOfShortKeys(t *testing.T) {
	t.Parallel()
	for octets, warns := range map[int]bool{1: true, 15: true, 19: true, 20: false, 256: false} {
		var out, told bytes.Buffer
		c := pskCmd{Key: "-", HoA: ipv6{netip.MustParseAddr("2001:db8::2")}, HA: ipv6{netip.MustParseAddr("2001:db8::1")}}
		err := c.Run(&environment{Context: t.Context(), in: strings.NewReader(strings.Repeat("5a", octets) + "\r\n"), out: &out, errors: &told})
		if err != nil || out.Len() != 41 || strings.Contains(told.String(), "RFC 2104") != warns {
			t.Errorf("%d octets: %v, %d digits, said %q", octets, err, out.Len(), told.String())
		}
	}
}

func TestPSKRefusesTooMuch(t *testing.T) {
	t.Parallel()
	for _, key := range []string{strings.Repeat("5a", 257), strings.Repeat("5a", 1000)} {
		for _, source := range [][2]string{{key, ""}, {"-", key}} {
			_, err := ctl(t, source[1], "psk", "--key", source[0], "--key-id=1", "--hoa=2001:db8::2", "--ha=2001:db8::1")
			if err == nil || strings.Contains(err.Error(), "5a5a") {
				t.Errorf("%d digits: %v", len(key), err)
			}
		}
	}
}
