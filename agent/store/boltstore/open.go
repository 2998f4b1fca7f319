package boltstore

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
)

// What may be wrong with a store. Errors of this package wrap these.
var (
	ErrInUse   = errors.New("another process has it open (is another homeagentd running?)")
	ErrDamaged = errors.New("the file is damaged (restore it from a backup, or move it away to start without sessions)")
	ErrNewer   = errors.New("it was written by a newer homeagentd (install that version again, put the copy in its place that was kept with .format at its end, or move the file away to start without sessions)")
	ErrSealed  = errors.New("its keys are sealed, and not with what was given (restore the key that they were sealed with)")
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
	// Log hears of a file that is brought up to a newer format; nil for nobody.
	Log *slog.Logger
}

// A Store is a store.Store in a file.
type Store struct {
	path   string
	db     *bolt.DB
	sealer store.Sealer
	meta   store.Meta
	queue  queue
	watch  func(store.Commit) // nil for nobody
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Watchable = (*Store)(nil)
)

// Open opens the store at path, or makes it if there is none. Its directory must
// exist, and not everybody may write in it. The file must be nobody else's to
// read: mode 0600. One of an older format is brought up to date, which older
// versions cannot read any more; a copy as it was is kept beside it, with .format
// and the number of the format at its end. The caller closes the Store.
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
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
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
	if err := guarded(func() error { return f.upgrade(s, opt.Log) }); err != nil {
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
