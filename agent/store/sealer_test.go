package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

func repeated(octet byte) (key [SealKeySize]byte) {
	for i := range key {
		key[i] = octet
	}
	return key
}

func mustSealer(t *testing.T, key [SealKeySize]byte) Sealer {
	t.Helper()
	s, err := NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The vectors are those of the specification, c2sp.org/XAES-256-GCM.
func TestSealVectors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name               string
		key                byte
		nonce, plain, with string
		want               string
	}{
		{
			"the most significant bit of L is 0", 0x01, "ABCDEFGHIJKLMNOPQRSTUVWX", "XAES-256-GCM", "",
			"ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
		},
		{
			"the most significant bit of L is 1", 0x03, "ABCDEFGHIJKLMNOPQRSTUVWX", "XAES-256-GCM", "c2sp.org/XAES-256-GCM",
			"986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := mustSealer(t, repeated(tt.key)).(*xaes)
			sealed, err := s.seal([]byte(tt.nonce), []byte(tt.plain), []byte(tt.with))
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(sealed[nonceSize:]); got != tt.want {
				t.Errorf("sealed to %s, want %s", got, tt.want)
			}
			plain, err := s.Open(sealed, []byte(tt.with))
			if err != nil || string(plain) != tt.plain {
				t.Errorf("Open = %q, %v", plain, err)
			}
		})
	}
}

func TestSealedIsBoundToKeyAndContext(t *testing.T) {
	t.Parallel()
	s := mustSealer(t, repeated(1))
	sealed, err := s.Seal([]byte("twenty octets of key"), []byte("mn1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int) []byte {
		c := slices.Clone(sealed)
		c[at] ^= 1
		return c
	}
	for _, tt := range []struct {
		name            string
		sealer          Sealer
		sealed, context []byte
	}{
		{"another key", mustSealer(t, repeated(2)), sealed, []byte("mn1@example.com")},
		{"another context", s, sealed, []byte("mn2@example.com")},
		{"changed salt", s, changed(0), []byte("mn1@example.com")},
		{"changed nonce", s, changed(saltSize), []byte("mn1@example.com")},
		{"changed text", s, changed(nonceSize), []byte("mn1@example.com")},
		{"changed tag", s, changed(len(sealed) - 1), []byte("mn1@example.com")},
		{"no tag", s, sealed[:nonceSize], []byte("mn1@example.com")},
		{"no nonce", s, sealed[:nonceSize-1], []byte("mn1@example.com")},
		{"nothing", s, nil, []byte("mn1@example.com")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if plain, err := tt.sealer.Open(tt.sealed, tt.context); !errors.Is(err, ErrNotSealed) || plain != nil {
				t.Errorf("Open = %q, %v, want ErrNotSealed", plain, err)
			}
		})
	}
}

func TestSealIsNeverTheSameTwice(t *testing.T) {
	t.Parallel()
	s := mustSealer(t, repeated(1))
	one, err := s.Seal([]byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Seal([]byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one, two) {
		t.Error("the same octets were sealed to the same")
	}
}
