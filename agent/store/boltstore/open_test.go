package boltstore_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/agent/store/storetest"
)

// filled makes a closed store of some sessions.
func filled(t *testing.T, opt boltstore.Options) string {
	t.Helper()
	p := path(t)
	s := open(t, p, opt)
	storetest.Fill(t, s, 500)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, path string, octets []byte) {
	t.Helper()
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

func TestOpenMakesAPrivateFile(t *testing.T) {
	t.Parallel()
	p := path(t)
	before := time.Now().Add(-time.Second)
	s := open(t, p, boltstore.Options{})
	info, err := os.Stat(p)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v, want -rw-------", info.Mode(), err)
	}
	m := s.Meta()
	if m.CreatedAt.Before(before) || m.Version != 2 || int64(m.OriginStateID) < before.Unix() {
		t.Errorf("Meta = %+v", m)
	}
	entries, err := os.ReadDir(filepath.Dir(p))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v, want the store alone", entries, err)
	}
}

// What is wrong with a file is told apart, and nothing is changed in it.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		file func(t *testing.T, path string) string // changes the file, or names another
		is   error
		want string
	}{
		{"readable by others", func(t *testing.T, p string) string {
			if err := os.Chmod(p, 0o640); err != nil {
				t.Fatal(err)
			}
			return p
		}, nil, "its mode is 0640, and it holds keys (must be 0600: chmod 600 "},
		{"symbolic link", func(t *testing.T, p string) string {
			if err := os.Symlink(p, p+".link"); err != nil {
				t.Fatal(err)
			}
			return p + ".link"
		}, nil, "it is a symbolic link"},
		{"directory", func(_ *testing.T, p string) string { return filepath.Dir(p) }, syscall.EISDIR, "is a directory"},
		{"no directory", func(_ *testing.T, p string) string { return p + ".d/state.db" }, fs.ErrNotExist, "its directory must exist"},
		{"empty", func(t *testing.T, p string) string {
			write(t, p, nil)
			return p
		}, boltstore.ErrDamaged, "it has 0 octets (must be at least 16384)"},
		{"other file", func(t *testing.T, p string) string {
			write(t, p, bytes.Repeat([]byte("not a store\n"), 10_000))
			return p
		}, boltstore.ErrDamaged, ""},
		{"both meta pages damaged", func(t *testing.T, p string) string {
			octets := read(t, p)
			octets[16+24]++
			octets[4096+16+24]++
			write(t, p, octets)
			return p
		}, boltstore.ErrDamaged, ""},
		{"cut in the middle", func(t *testing.T, p string) string {
			octets := read(t, p)
			write(t, p, octets[:len(octets)/2])
			return p
		}, boltstore.ErrDamaged, ""},
		{"cut to one page", func(t *testing.T, p string) string {
			write(t, p, read(t, p)[:4096])
			return p
		}, boltstore.ErrDamaged, "it has 4096 octets"},
		{"page of zeros", func(t *testing.T, p string) string {
			octets := read(t, p)
			at := bytes.Index(octets, []byte("mn123@example.com")) &^ 4095
			clear(octets[at : at+4096])
			write(t, p, octets)
			return p
		}, boltstore.ErrDamaged, ""},
		{"database of others", func(t *testing.T, p string) string {
			db, err := bolt.Open(p+".other", 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			return p + ".other"
		}, boltstore.ErrDamaged, "it is no store of a home agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.file(t, filled(t, boltstore.Options{}))
			s, err := boltstore.Open(p, boltstore.Options{LockTimeout: time.Millisecond})
			if err == nil {
				s.Close()
			}
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), "opening the store "+p+": ") {
				t.Errorf("Open = %v, want an error of %v naming %q", err, tt.is, tt.want)
			}
		})
	}
}

// Flipped bits in a record are found when it is read.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte){
		"body":     func(record []byte) { record[bytes.Index(record, []byte("hoa"))] ^= 1 },
		"encoding": func(record []byte) { record[bytes.IndexByte(record, '{')-5] = 77 },
	} {
		p := filled(t, boltstore.Options{})
		octets := read(t, p)
		damage(octets[bytes.LastIndex(octets, []byte("mn123@example.com\x01")):])
		write(t, p, octets)
		s := open(t, p, boltstore.Options{})
		err := s.Sessions(func(store.Session) error { return nil })
		if leases := s.Leases(func(store.Lease) error { return nil }); err == nil {
			err = leases
		}
		if !errors.Is(err, boltstore.ErrDamaged) || !strings.Contains(err.Error(), `of "mn123@example.com"`) {
			t.Errorf("%s: reading = %v, want ErrDamaged naming the user", name, err)
		}
	}
}

func TestOpenWaitsForTheOtherProcess(t *testing.T) {
	t.Parallel()
	p := path(t)
	first := open(t, p, boltstore.Options{})
	if _, err := boltstore.Open(p, boltstore.Options{LockTimeout: time.Millisecond}); !errors.Is(err, boltstore.ErrInUse) {
		t.Errorf("Open while in use = %v, want ErrInUse", err)
	}
	opened := make(chan error)
	go func() {
		s, err := boltstore.Open(p, boltstore.Options{LockTimeout: time.Minute})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open while the other let go: %v", err)
	}
}

// Of many that make a store at once, all find the same one.
func TestOpenTogetherMakesOneStore(t *testing.T) {
	t.Parallel()
	p := path(t)
	metas := make(chan store.Meta)
	for n := range 8 {
		go func() {
			s, err := boltstore.Open(p, boltstore.Options{LockTimeout: time.Minute})
			if err != nil {
				t.Error(err)
				metas <- store.Meta{}
				return
			}
			if err := s.Apply(t.Context(), store.PutLease{Lease: storetest.Lease(n)}); err != nil {
				t.Error(err)
			}
			metas <- s.Meta()
			s.Close()
		}()
	}
	first := <-metas
	for range 7 {
		if m := <-metas; !m.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("stores made at %v and %v", first.CreatedAt, m.CreatedAt)
		}
	}
	if leases := storetest.Take(t, open(t, p, boltstore.Options{})).Leases; len(leases) != 8 {
		t.Errorf("%d leases of 8 writers", len(leases))
	}
}

func TestSealing(t *testing.T) {
	t.Parallel()
	p := filled(t, boltstore.Options{Sealer: sealer(t, 1)})
	key := storetest.Session(123).PSK.Bytes()
	if bytes.Contains(read(t, p), key) {
		t.Error("the file shows a key")
	}
	for name, opt := range map[string]boltstore.Options{"no key": {}, "wrong key": {Sealer: sealer(t, 2)}} {
		if _, err := boltstore.Open(p, opt); !errors.Is(err, boltstore.ErrSealed) {
			t.Errorf("Open with %s = %v, want ErrSealed", name, err)
		}
	}
	for want, with := range map[error]store.Sealer{nil: sealer(t, 1), boltstore.ErrSealed: sealer(t, 2)} {
		if sealed, err := boltstore.Sealed(p, with); !sealed || !errors.Is(err, want) {
			t.Errorf("Sealed = %v, %v, want %v", sealed, err, want)
		}
	}
	if sealed, err := boltstore.Sealed(filled(t, boltstore.Options{}), nil); sealed || err != nil {
		t.Errorf("Sealed of a plain store = %v, %v", sealed, err)
	}
	s := open(t, p, boltstore.Options{Sealer: sealer(t, 1)})
	if got := storetest.Take(t, s); len(got.Sessions) != 500 {
		t.Errorf("%d sessions", len(got.Sessions))
	}
}

// A store that was plain becomes sealed: not a page of the file shows a key.
func TestSealingLater(t *testing.T) {
	t.Parallel()
	p := path(t)
	plain := open(t, p, boltstore.Options{})
	storetest.Fill(t, plain, 1200)
	if err := plain.Apply(t.Context(), store.PutBinding{Binding: storetest.Binding(3)}); err != nil {
		t.Fatal(err)
	}
	want, meta := storetest.Take(t, plain), plain.Meta()
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, p+".sealing", []byte("what a crash left")) // by a process that was killed
	s := open(t, p, boltstore.Options{Sealer: sealer(t, 1)})
	if diff := storetest.Diff(want, storetest.Take(t, s)); diff != "" {
		t.Errorf("after sealing (-want +got):\n%s", diff)
	}
	if diff := storetest.Diff(meta, s.Meta()); diff != "" {
		t.Errorf("Meta after sealing (-want +got):\n%s", diff)
	}
	keys := map[string]bool{}
	for n := range 1200 {
		keys[base64.StdEncoding.EncodeToString(storetest.Session(n).PSK.Bytes())] = true
	}
	found := regexp.MustCompile(`"key":"([^"]*)"`).FindAllSubmatch(read(t, p), -1)
	if len(found) < 1200 {
		t.Errorf("%d keys in the file", len(found))
	}
	for _, match := range found {
		if keys[string(match[1])] {
			t.Fatalf("the file shows the key %s", match[1])
		}
	}
	if _, err := os.Stat(p + ".sealing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left behind: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := boltstore.Open(p, boltstore.Options{}); !errors.Is(err, boltstore.ErrSealed) {
		t.Errorf("Open without the key = %v, want ErrSealed", err)
	}
}
