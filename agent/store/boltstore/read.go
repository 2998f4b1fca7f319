package boltstore

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"homeagent/agent/store"
)

// Meta is store.Store's.
func (s *Store) Meta() store.Meta { return s.meta }

// Sessions is store.Store's.
func (s *Store) Sessions(fn func(store.Session) error) error {
	return each(s, sessionBucket, s.decodeSession, fn)
}

// Leases is store.Store's.
func (s *Store) Leases(fn func(store.Lease) error) error {
	return each(s, leaseBucket, s.decodeLease, fn)
}

// Bindings is store.Store's.
func (s *Store) Bindings(fn func(store.Binding) error) error {
	return each(s, bindingBucket, s.decodeBinding, fn)
}

// each calls fn for the records of a bucket as they were when it began. Reading
// is guarded against damaged pages, fn is not.
func each[R any](s *Store, bucket []byte, decode func(key, value []byte) (R, error), fn func(R) error) error {
	tx, err := s.db.Begin(false)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		err = store.ErrClosed
	}
	if err != nil {
		return fmt.Errorf("reading the store %s: %w", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // of a transaction that only reads
	step := (*bolt.Cursor).First
	cursor := tx.Bucket(bucket).Cursor()
	for {
		var record R
		var key []byte
		err := guarded(func() (err error) {
			var value []byte
			if key, value = step(cursor); key != nil {
				record, err = decode(key, value)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the store %s: %w", s.path, err)
		}
		if key == nil {
			return nil
		}
		if err := fn(record); err != nil {
			return err
		}
		step = (*bolt.Cursor).Next
	}
}
