package boltstore

import (
	"fmt"
	"os"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
)

// inspectTimeout is how long Inspect waits for another process; who has a store
// open for use does not let go of it.
const inspectTimeout = 100 * time.Millisecond

// Inspect tells what a store says of itself, without changing anything and
// without the key that seals it. The error wraps [ErrInUse] while another process
// has it open, [ErrDamaged] and [ErrNewer] as that of Open.
func Inspect(path string) (store.Meta, error) {
	h, err := lookInto(path)
	if err != nil {
		return store.Meta{}, err
	}
	return store.Meta{OriginStateID: h.OriginStateID, CreatedAt: h.CreatedAt, Version: h.Format}, nil
}

// Sealed tells whether the keys in a store are sealed, as Inspect looks. The error wraps
// [ErrSealed] where they are, and not with the sealer, which may be nil.
func Sealed(path string, sealer store.Sealer) (bool, error) {
	h, err := lookInto(path)
	if err != nil {
		return false, err
	}
	return h.Seal != nil, checkSeal(h.Seal, sealer)
}

func lookInto(path string) (h header, err error) {
	err = guarded(func() error { return inspect(path, &h) })
	if err == nil && h.Format > current.version {
		err = fmt.Errorf("its format is %d, this homeagentd knows up to %d: %w", h.Format, current.version, ErrNewer)
	}
	if err != nil {
		err = fmt.Errorf("looking into the store %s: %w", path, err)
	}
	return h, err
}

func inspect(path string, h *header) error {
	options := *boltOptions
	options.ReadOnly, options.Timeout = true, inspectTimeout
	options.OpenFile = func(name string, flag int, _ os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(name, flag&^os.O_CREATE|syscall.O_NOFOLLOW, 0)
		if err != nil {
			return nil, err
		}
		if err := checkFile(file); err != nil {
			file.Close()
			return nil, err
		}
		return file, nil
	}
	db, err := bolt.Open(path, mode, &options)
	if err != nil {
		return openError(err)
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) (err error) {
		*h, err = readHeader(tx)
		return err
	})
}
