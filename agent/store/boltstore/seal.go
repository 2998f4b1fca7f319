package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	bolt "go.etcd.io/bbolt"
)

// atOnce is how many records one transaction copies.
const atOnce = 1000

// seal writes the store anew with sealed keys and puts it in the place of the
// one that is open, so that no page of the file shows a key. It returns
// errReplaced when that is done. The lock on the former file holds others off.
func (f format) seal(s *Store) error {
	temporary := s.path + ".sealing"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sealing its keys: %w", err)
	}
	defer os.Remove(temporary)
	h := header{Format: f.version, CreatedAt: s.meta.CreatedAt, OriginStateID: s.meta.OriginStateID}
	if err := build(temporary, h, s.sealer, s.copySealed); err != nil {
		return fmt.Errorf("sealing its keys: %w", err)
	}
	if err := os.Rename(temporary, s.path); err != nil {
		return fmt.Errorf("sealing its keys: %w", err)
	}
	if err := syncDirectory(s.path); err != nil {
		return fmt.Errorf("sealing its keys: %w", err)
	}
	return errReplaced
}

// copySealed copies all records, sealing the keys of sessions.
func (s *Store) copySealed(to *bolt.DB) error {
	return s.db.View(func(from *bolt.Tx) error {
		for _, name := range [][]byte{sessionBucket, leaseBucket, bindingBucket} {
			cursor := from.Bucket(name).Cursor()
			key, value := cursor.First()
			for key != nil {
				err := to.Update(func(tx *bolt.Tx) (err error) {
					key, value, err = s.copySome(tx.Bucket(name), name, cursor, key, value)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// copySome copies up to atOnce records of a bucket from the one given on, and
// returns the next.
func (s *Store) copySome(to *bolt.Bucket, name []byte, from *bolt.Cursor, key, value []byte) (nextKey, nextValue []byte, err error) {
	for n := 0; n < atOnce && key != nil; n++ {
		if bytes.Equal(name, sessionBucket) {
			if value, err = s.sealedAgain(key, value); err != nil {
				return nil, nil, err
			}
		}
		if err := to.Put(key, value); err != nil {
			return nil, nil, err
		}
		key, value = from.Next()
	}
	return key, value, nil
}

// sealedAgain turns the record of a session with its key in the clear into one
// with the key sealed.
func (s *Store) sealedAgain(key, value []byte) ([]byte, error) {
	plain := Store{path: s.path}
	session, err := plain.decodeSession(key, value)
	if err != nil {
		return nil, err
	}
	return s.encodeSession(session)
}
