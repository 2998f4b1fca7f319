package aaahome_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/diameter/bootstrap"
	"homeagent/diameter/lab/aaahome"
	"homeagent/ike/psk"
)

func TestPlan_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*aaahome.Plan)
		want   string // part of the error, "" if valid
	}{
		{"several users", func(*aaahome.Plan) {}, ""},
		{"one user without number", func(p *aaahome.Plan) { p.Users, p.Count = "mn@example.com", 1 }, ""},
		{"several of one name", func(p *aaahome.Plan) { p.Users = "mn@example.com" }, "no %d to tell 2 users apart"},
		{"two numbers", func(p *aaahome.Plan) { p.Users = "mn%d@%d.example.com" }, "more than one %d"},
		{"none", func(p *aaahome.Plan) { p.Count = 0 }, "count is 0 (must be at least 1)"},
		{"negative number", func(p *aaahome.Plan) { p.First = -1 }, "first user is -1"},
		{"no keys", func(p *aaahome.Plan) { p.Keys = nil }, "no source of keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(2)
			tt.change(p)
			err := p.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPlan_HMR(t *testing.T) {
	t.Parallel()
	timeout := uint32(7200)
	p := newPlan(3)
	p.First, p.GracePeriod, p.SessionTimeout, p.SessionState, p.KeyID = 7, 30, &timeout, bootstrap.NoStateMaintained, -5
	p.HomeAddress, p.HomeAgent = netip.MustParseAddr("2001:db8::ffff"), netip.MustParseAddr("2001:db8::1")
	p.Keys, _ = aaahome.KeyFromHex("00010203")
	got, err := p.HMR(2)
	if err != nil {
		t.Fatal(err)
	}
	want := &bootstrap.HMR{
		SessionID: "aaah.example.com;1700000000;2", UserName: "mn9@example.com", OriginHost: "aaah.example.com", OriginRealm: "example.com",
		DestinationHost: "ha.example.net", DestinationRealm: "example.net", AuthorizationLifetime: 3600, GracePeriod: 30,
		SessionState: bootstrap.NoStateMaintained, SessionTimeout: &timeout, Vector: bootstrap.Requested,
		Key: psk.NewAAAKey([]byte{0, 1, 2, 3}), KeyID: -5,
		HomeAddress: netip.MustParseAddr("2001:db8::1:1"), HomeAgent: netip.MustParseAddr("2001:db8::1"),
	}
	sameKey := cmp.Comparer(func(a, b psk.AAAKey) bool { return bytes.Equal(a.Bytes(), b.Bytes()) })
	if diff := cmp.Diff(want, got, sameKey, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("unexpected HMR (-want +got):\n%s", diff)
	}
}

func TestPlan_HMR_LastAddress(t *testing.T) {
	t.Parallel()
	p := newPlan(2)
	p.HomeAddress = netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	if h, err := p.HMR(1); err != nil || h.HomeAddress != p.HomeAddress {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestPlan_HMR_KeyError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	p := newPlan(2)
	p.Keys = func() (psk.AAAKey, error) { return psk.AAAKey{}, broken }
	if _, err := p.HMR(1); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestRandomKeys(t *testing.T) {
	t.Parallel()
	keys := aaahome.RandomKeys(64)
	first, _ := keys()
	second, _ := keys()
	if first.Len() != 64 || second.Len() != 64 || bytes.Equal(first.Bytes(), second.Bytes()) || bytes.Equal(first.Bytes(), make([]byte, 64)) {
		t.Errorf("keys of %d and %d octets are alike or empty", first.Len(), second.Len())
	}
}

func TestKeyFromFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contents string
		want           []byte // nil if refused
	}{
		{"digits and a line ending", "00FF10\n", []byte{0, 255, 16}},
		{"odd digits", "0", nil},
		{"no digits", "secret!", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.contents), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := aaahome.KeyFromFile(path)
			if tt.want == nil {
				if err == nil || strings.Contains(err.Error(), strings.TrimSpace(tt.contents)) && tt.name == "no digits" {
					t.Errorf("got %v, want an error without the contents", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if key, err := keys(); err != nil || !bytes.Equal(key.Bytes(), tt.want) {
				t.Errorf("got %x, %v; want %x", key.Bytes(), err, tt.want)
			}
		})
	}
	if _, err := aaahome.KeyFromFile(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}
