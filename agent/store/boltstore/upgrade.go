package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// upgrade brings the file to the format, all in one transaction, once a copy of it is
// kept. A file that the sealing key is not of stays as it is.
func (f format) upgrade(s *Store, log *slog.Logger) error {
	var h header
	if err := s.db.View(func(tx *bolt.Tx) (err error) {
		h, err = readHeader(tx)
		return err
	}); err != nil {
		return err
	}
	if h.Format == f.version {
		return nil
	}
	if h.Format > f.version {
		return fmt.Errorf("its format is %d, this homeagentd knows up to %d: %w", h.Format, f.version, ErrNewer)
	}
	if err := checkSeal(h.Seal, s.sealer); err != nil {
		return err
	}
	former := fmt.Sprintf("%s.format%d", s.path, h.Format)
	kept, err := keep(s.db, former)
	if err != nil {
		return fmt.Errorf("keeping a copy of it before it gets a newer format: %w", err)
	}
	if err := s.db.Update(f.migrate); err != nil {
		return err
	}
	if log != nil {
		tellUpgrade(log.With("store", s.path, "from", h.Format, "to", f.version, "copy", former), kept)
	}
	return nil
}

func tellUpgrade(log *slog.Logger, kept bool) {
	if kept {
		log.Warn("the store has a newer format now, which older versions cannot read: to go back, stop the daemon and put the copy in the store's place (it holds keys: remove it when you will not)")
		return
	}
	log.Warn("the store has a newer format now, which older versions cannot read, and the copy for going back is of an earlier time: there was one already (remove or move it, so that the next one is new)")
}

// keep makes a copy of a database as it is on disk, complete before it has its name. It
// returns false where there is one already, which stays.
func keep(db *bolt.DB, name string) (bool, error) {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	if err := db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(temporary)
		return err
	}); err != nil {
		return false, err
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil {
		return false, err
	}
	if err := os.Link(temporary.Name(), name); err != nil {
		return false, err
	}
	return true, syncDirectory(name)
}

func (f format) migrate(tx *bolt.Tx) error {
	h, err := readHeader(tx)
	if err != nil {
		return err
	}
	for ; h.Format < f.version; h.Format++ {
		step, ok := f.migrations[h.Format]
		if !ok {
			return fmt.Errorf("its format is %d, this homeagentd knows no way from there to %d", h.Format, f.version)
		}
		if err := step(tx); err != nil {
			return fmt.Errorf("migrating it from format %d: %w", h.Format, err)
		}
	}
	return h.write(tx)
}
