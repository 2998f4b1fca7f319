package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"homeagent/agent/store"
)

// openFile opens and locks a file that must exist.
func openFile(path string, timeout time.Duration) (*bolt.DB, error) {
	var opened *os.File
	options := *boltOptions
	options.Timeout = timeout
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(name, flag&^os.O_CREATE|syscall.O_NOFOLLOW, mode)
		if err != nil {
			return nil, err
		}
		if err := checkFile(file); err != nil {
			file.Close()
			return nil, err
		}
		opened = file
		return file, nil
	}
	var db *bolt.DB
	err := guarded(func() (err error) {
		db, err = bolt.Open(path, mode, &options)
		return err
	})
	if err != nil {
		return nil, openError(err)
	}
	if !isStill(path, opened) {
		db.Close()
		return nil, errReplaced
	}
	return db, nil
}

const mode fs.FileMode = 0o600

// smallest is the size of bbolt's file without records: four pages.
const smallest = 4 * 4096

// boltOptions keep the list of free pages in the file: otherwise Open would look
// for them in a goroutine of bbolt's, where a damaged page ends the process.
var boltOptions = &bolt.Options{FreelistType: bolt.FreelistMapType, NoStatistics: true}

// errReplaced says that the file which was opened is not the store any more.
var errReplaced = errors.New("the file was replaced")

func isStill(path string, file *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(named, opened)
}

// checkFolder refuses one where everybody could put another file in the store's
// place, or make it first. One that cannot be looked at is the next call's to tell.
func checkFolder(folder string) error {
	if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everybody can write in its folder %s (mode %04o, must be 0700: chmod 700 %[1]s)", folder, info.Mode().Perm())
	}
	return nil
}

// checkFile refuses files that others may read or that no store ever was.
func checkFile(file *os.File) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is %s (must be a regular file)", info.Mode().Type())
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("its mode is %04o, and it holds keys (must be 0600: chmod 600 %s)", info.Mode().Perm(), file.Name())
	case info.Size() < smallest:
		return fmt.Errorf("%w: it has %d octets (must be at least %d)", ErrDamaged, info.Size(), smallest)
	}
	return nil
}

func openError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, syscall.ELOOP):
		return errors.New("it is a symbolic link (must be a regular file)")
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrInvalidMapping):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// createIfMissing makes the store under another name and links it to its own
// when it is complete.
func (f format) createIfMissing(path string, opt Options) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("creating it: %w (its directory must exist, owned by the daemon's user)", err)
	}
	defer os.Remove(temporary.Name())
	if err := temporary.Close(); err != nil {
		return err
	}
	h := header{Format: f.version, CreatedAt: time.Now().UTC(), OriginStateID: uint32(time.Now().Unix())}
	if err := build(temporary.Name(), h, opt.Sealer, func(*bolt.DB) error { return nil }); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("creating it: %w", err)
	}
	return syncDirectory(path)
}

// build makes a store in an empty file and closes it.
func build(path string, h header, sealer store.Sealer, fill func(*bolt.DB) error) error {
	db, err := bolt.Open(path, mode, boltOptions)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := h.sealWith(sealer); err != nil {
			return err
		}
		return h.write(tx)
	})
	if err != nil {
		return err
	}
	if err := fill(db); err != nil {
		return err
	}
	return db.Close()
}

func syncDirectory(path string) error {
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}
