package boltstore_test

import (
	"path/filepath"
	"testing"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/agent/store/storetest"
)

func open(t testing.TB, path string, opt boltstore.Options) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the test may have closed it
	return s
}

func path(t testing.TB) string { return filepath.Join(t.TempDir(), "state.db") }

func sealer(t testing.TB, octet byte) store.Sealer {
	t.Helper()
	s, err := store.NewSealer([store.SealKeySize]byte{octet})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, path(t), boltstore.Options{}) })
}

func TestSealedStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, path(t), boltstore.Options{Sealer: sealer(t, 1)})
	})
}

func TestDurable(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]boltstore.Options{"plain": {}, "sealed": {Sealer: sealer(t, 1)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := path(t)
			storetest.RunDurable(t, func(t *testing.T) store.Store { return open(t, p, opt) })
		})
	}
}
