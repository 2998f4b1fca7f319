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

// What may be wrong with a store. Errors of this package wrap these.
var (
	ErrInUse   = errors.New("another process has it open (is another homeagentd running?)")
	ErrDamaged = errors.New("the file is damaged (restore it from a backup, or move it away to start without sessions)")
	ErrNewer   = errors.New("it was written by a newer homeagentd (install that version again, or move the file away to start without sessions)")
	ErrSealed  = errors.New("its keys are sealed (give the credential that they were sealed with)")
)

// DefaultLockTimeout is how long Open waits for another process to let go of the
// file, as at a restart.
const DefaultLockTimeout = 5 * time.Second

// Options are the choices of Open. The zero Options are usable.
type Options struct {
	// Sealer protects pre-shared keys in the file; nil leaves them to its mode.
	// A file that is not sealed yet becomes so: it is written anew. Blocks of the
	// former file are free then, and not overwritten.
	Sealer store.Sealer
	// LockTimeout is how long to wait for another process that has the file
	// open; 0 for DefaultLockTimeout.
	LockTimeout time.Duration
}

// A Store is a store.Store in a file.
type Store struct {
	path   string
	db     *bolt.DB
	sealer store.Sealer
	meta   store.Meta
	queue  queue
}

var _ store.Store = (*Store)(nil)

// Open opens the store at path, or makes it if there is none. Its directory must
// exist. The file must be nobody else's to read: mode 0600. The caller closes
// the Store.
func Open(path string, opt Options) (*Store, error) {
	s, err := current.open(path, opt)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	return s, nil
}

func (f format) open(path string, opt Options) (*Store, error) {
	if opt.LockTimeout <= 0 {
		opt.LockTimeout = DefaultLockTimeout
	}
	for deadline := time.Now().Add(opt.LockTimeout); ; {
		if err := f.createIfMissing(path, opt); err != nil {
			return nil, err
		}
		db, err := openFile(path, max(time.Until(deadline), time.Millisecond))
		if errors.Is(err, errReplaced) {
			continue // by whoever had it locked: what we have is not the store any more
		}
		if err != nil {
			return nil, err
		}
		s, err := f.attach(path, db, opt)
		if err == nil {
			return s, nil
		}
		db.Close()
		if !errors.Is(err, errReplaced) { // by us
			return nil, err
		}
	}
}

// attach makes a Store of an open file once its format and its keys are right.
func (f format) attach(path string, db *bolt.DB, opt Options) (*Store, error) {
	s := &Store{path: path, db: db, sealer: opt.Sealer, queue: newQueue()}
	if err := guarded(s.checkPages); err != nil {
		return nil, err
	}
	if err := guarded(func() error { return f.upgrade(db) }); err != nil {
		return nil, err
	}
	sealed, err := s.readMeta()
	if err != nil {
		return nil, err
	}
	if !sealed && opt.Sealer != nil {
		return nil, f.seal(s)
	}
	return s, nil
}

// readMeta reads what the store knows of itself, and proves the sealing key.
func (s *Store) readMeta() (sealed bool, err error) {
	err = guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			m, err := readHeader(tx)
			if err != nil {
				return err
			}
			s.meta = store.Meta{OriginStateID: m.OriginStateID, CreatedAt: m.CreatedAt, Version: m.Format}
			sealed = m.Seal != nil
			return checkSeal(m.Seal, s.sealer)
		})
	})
	return sealed, err
}

// checkPages walks all pages of the file, so that damage is found before
// anything is built on it.
func (s *Store) checkPages() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	return s.db.View(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: it has %d octets (must be at least %d)", ErrDamaged, info.Size(), tx.Size())
		}
		var first error
		for err := range tx.Check() { // to its end: it is a channel of bbolt's
			if first == nil {
				first = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
		for _, name := range buckets {
			if first == nil && tx.Bucket(name) == nil {
				first = fmt.Errorf("%w: it is no store of a home agent", ErrDamaged)
			}
		}
		return first
	})
}

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

// boltOptions leave the list of free pages out of the file: it is found again at
// Open, and is no part of each commit then.
var boltOptions = &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true}

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
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
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
