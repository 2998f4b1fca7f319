package storetest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// epoch is when the sample records were made.
var epoch = time.Date(2026, 11, 23, 2, 17, 0, 123456789, time.UTC)

func address(subnet uint16, n int) netip.Addr {
	octets := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint16(octets[6:], subnet)
	binary.BigEndian.PutUint64(octets[8:], uint64(n)+0x1000)
	return netip.AddrFrom16(octets)
}

func user(n int) string { return fmt.Sprintf("mn%d@example.com", n) }

// Session is the n-th sample session, with every field filled.
func Session(n int) store.Session {
	octets := make([]byte, psk.Size)
	binary.BigEndian.PutUint64(octets, uint64(n)+1)
	key, err := psk.KeyFromBytes(octets)
	if err != nil {
		panic(err) // psk.Size is the right size
	}
	return store.Session{
		UserName: user(n), SessionID: fmt.Sprintf("aaah.example.com;1700000000;%d", n),
		OriginHost: "aaah.example.com", OriginRealm: "example.com", PeerHost: "relay.example.net",
		AcctMultiSessionID: fmt.Sprintf("ha.example.com;1700000000;%d", n),
		HomeAddress:        address(1, n), HomeAgent: address(1, -0xfff),
		KeyID: int32(-n), ReqID: uint32(n), PSK: key, Fingerprint: psk.NewAAAKey(octets).Fingerprint(), Stateful: n%2 == 0,
		AuthorizedAt: epoch, ExpiresAt: epoch.Add(time.Hour), Grace: time.Minute,
		EstablishedAt: epoch.Add(time.Second), CareOf: address(2, n),
		RoutabilitySA: n%2 == 1, PayloadSA: n%3 == 0,
	}
}

// Lease is the lease of the n-th sample session, released. Every other one has
// former addresses.
func Lease(n int) store.Lease {
	s := Session(n)
	l := store.Lease{UserName: s.UserName, Address: s.HomeAddress, Released: epoch.Add(2 * time.Hour), LastKey: s.Fingerprint}
	if n%2 == 0 {
		l.Former = []store.Former{{Address: address(3, n), Released: epoch.Add(time.Hour)}, {Address: address(4, n), Released: epoch.Add(time.Minute)}}
	}
	return l
}

// Binding is the binding of the n-th sample session, of a mobile router.
func Binding(n int) store.Binding {
	s := Session(n)
	return store.Binding{
		HomeAddress: s.HomeAddress, CareOf: s.CareOf, HomeAgent: s.HomeAgent,
		Sequence: uint16(n), Flags: 0x3400, Lifetime: 900,
		Registered: epoch, Expires: epoch.Add(time.Hour),
		Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:8000::/48"), netip.MustParsePrefix("2001:db8:9000:1::/64")},
	}
}

// A Snapshot is everything that a store holds.
type Snapshot struct {
	Sessions map[string]store.Session
	Leases   map[string]store.Lease
	Bindings map[netip.Addr]store.Binding
}

// Take reads a store. A record that comes twice fails the test.
func Take(t testing.TB, st store.Store) Snapshot {
	t.Helper()
	return Snapshot{
		Sessions: gather(t, st.Sessions, func(s store.Session) string { return s.UserName }),
		Leases:   gather(t, st.Leases, func(l store.Lease) string { return l.UserName }),
		Bindings: gather(t, st.Bindings, func(b store.Binding) netip.Addr { return b.HomeAddress }),
	}
}

func gather[K comparable, R any](t testing.TB, all func(func(R) error) error, key func(R) K) map[K]R {
	t.Helper()
	records := map[K]R{}
	err := all(func(r R) error {
		if _, twice := records[key(r)]; twice {
			t.Errorf("the record of %v comes twice", key(r))
		}
		records[key(r)] = r
		return nil
	})
	if err != nil {
		t.Errorf("reading the store: %v", err)
	}
	return records
}

// Diff shows how two snapshots or records differ, want first; empty if they do
// not. Times are compared as instants.
func Diff[T any](want, got T) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b psk.Key) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
}
