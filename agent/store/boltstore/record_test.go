package boltstore

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

// FuzzRecord reads octets as each kind of record under a key. What can be read
// is written and read again, and stays the same.
func FuzzRecord(f *testing.F) {
	plain := &Store{}
	for n := range 3 {
		session, err := plain.encodeSession(storetest.Session(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(storetest.Session(n).UserName), session[recordHead:])
		lease, err := plain.encodeLease(storetest.Lease(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(storetest.Lease(n).UserName), lease[recordHead:])
		binding, err := plain.encodeBinding(storetest.Binding(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bindingKey(storetest.Binding(n).HomeAddress), binding[recordHead:])
	}
	f.Fuzz(func(t *testing.T, key, body []byte) {
		record := seal(key, body)
		roundTrip(t, key, record, plain.decodeSession, plain.encodeSession)
		roundTrip(t, key, record, plain.decodeLease, plain.encodeLease)
		roundTrip(t, key, record, plain.decodeBinding, plain.encodeBinding)
		if _, err := plain.decodeSession(key, body); err == nil && len(body) > 0 && body[0] != encoding {
			t.Error("a record of an unknown encoding was read")
		}
	})
}

// seal puts the head of a record before a body that no encoder made.
func seal(key, body []byte) []byte {
	record, err := pack(key, rawJSON(body))
	if err != nil {
		return body // not JSON: read as it is
	}
	return record
}

type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func roundTrip[R any](t *testing.T, key, record []byte, decode func(key, record []byte) (R, error), encode func(R) ([]byte, error)) {
	t.Helper()
	first, err := decode(key, record)
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("decoding: %v, want ErrDamaged", err)
		}
		return
	}
	again, err := encode(first)
	if err != nil {
		return // such as a year that JSON has no form for
	}
	second, err := decode(key, again)
	if err != nil {
		t.Fatalf("decoding what was encoded: %v", err)
	}
	if diff := storetest.Diff(first, second); diff != "" {
		t.Errorf("decoded again (-first +second):\n%s", diff)
	}
}

// A sealed key is of use in its own record only.
func TestSealedKeysCannotBeMoved(t *testing.T) {
	t.Parallel()
	sealer, err := store.NewSealer([store.SealKeySize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{sealer: sealer}
	session := storetest.Session(1)
	for name, change := range map[string]func(f *sessionFields){
		"home address": func(f *sessionFields) { f.HomeAddress = f.HomeAddress.Next() },
		"home agent":   func(f *sessionFields) { f.HomeAgent = f.HomeAgent.Next() },
		"key id":       func(f *sessionFields) { f.KeyID++ },
	} {
		record, err := s.encodeSession(session)
		if err != nil {
			t.Fatal(err)
		}
		var fields sessionFields
		if err := unpack([]byte(session.UserName), record, &fields); err != nil {
			t.Fatal(err)
		}
		change(&fields)
		if record, err = pack([]byte(session.UserName), fields); err != nil {
			t.Fatal(err)
		}
		if _, err := s.decodeSession([]byte(session.UserName), record); !errors.Is(err, store.ErrNotSealed) {
			t.Errorf("with another %s: %v, want ErrNotSealed", name, err)
		}
	}
	record, err := s.encodeSession(session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.decodeSession([]byte("other@example.com"), record); !errors.Is(err, errChecksum) {
		t.Errorf("under another user: %v, want a wrong checksum", err)
	}
}

// Authorizations may end centuries from now, which is beyond a time in
// nanoseconds.
func TestDistantTimes(t *testing.T) {
	t.Parallel()
	s := &Store{}
	want := storetest.Session(1)
	want.ExpiresAt = time.Date(2298, 1, 1, 0, 0, 0, 1, time.FixedZone("", 3600))
	record, err := s.encodeSession(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.decodeSession([]byte(want.UserName), record)
	if err != nil || !got.ExpiresAt.Equal(want.ExpiresAt) || got.ExpiresAt.Location() != time.UTC {
		t.Errorf("ExpiresAt = %v, %v, want %v in UTC", got.ExpiresAt, err, want.ExpiresAt)
	}
	want.ExpiresAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := s.encode(store.PutSession{Session: want}); err == nil {
		t.Error("a year of five digits was encoded")
	}
}

func TestBindingKeys(t *testing.T) {
	t.Parallel()
	s := &Store{}
	for _, key := range [][]byte{nil, make([]byte, 4), make([]byte, 15), make([]byte, 17)} {
		if _, err := s.decodeBinding(key, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("a key of %d octets: %v, want ErrDamaged", len(key), err)
		}
	}
	home := netip.MustParseAddr("2001:db8::5")
	if _, err := s.decodeBinding(bindingKey(home), nil); err == nil || !errors.Is(err, errEncoding) {
		t.Errorf("an empty record: %v, want an unknown encoding", err)
	}
}
