package boltstore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]boltstore.Options{"plain": {}, "sealed": {Sealer: sealer(t, 1)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := path(t)
			s := open(t, p, opt)
			if _, err := boltstore.Inspect(p); !errors.Is(err, boltstore.ErrInUse) {
				t.Errorf("Inspect of a store in use: %v, want %v", err, boltstore.ErrInUse)
			}
			want := s.Meta()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := boltstore.Inspect(p)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("unexpected Meta, error %v (-want +got):\n%s", err, diff)
			}
			after, err := os.ReadFile(p)
			if err != nil || string(before) != string(after) {
				t.Errorf("Inspect changed the file, or %v", err)
			}
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	missing := path(t)
	if _, err := boltstore.Inspect(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Inspect without a store: %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("Inspect made a store")
	}
	damaged := path(t)
	if err := os.WriteFile(damaged, make([]byte, 8*4096), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := boltstore.Inspect(damaged)
	if !errors.Is(err, boltstore.ErrDamaged) || got != (store.Meta{}) {
		t.Errorf("Inspect of a damaged store: %v, %v", got, err)
	}
}

// A folder in which everybody can write is no place for keys.
func TestOpenFolder(t *testing.T) {
	t.Parallel()
	for mode, refused := range map[fs.FileMode]bool{0o700: false, 0o755: false, 0o770: false, 0o777: true, 0o702: true, 0o777 | fs.ModeSticky: true} {
		p := path(t)
		if err := os.Chmod(filepath.Dir(p), mode); err != nil {
			t.Fatal(err)
		}
		s, err := boltstore.Open(p, boltstore.Options{})
		if err == nil {
			s.Close()
		}
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "chmod 700 "+filepath.Dir(p)) {
			t.Errorf("in a folder of mode %v: %v", mode, err)
		}
	}
}
