package boltstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
)

// maxBatch bounds the calls of one commit, so that none waits for more work than
// a commit takes anyway.
const maxBatch = 512

// A write is one change as it goes into the file.
type write struct {
	bucket, key []byte
	value       []byte // nil deletes
}

// A call is an Apply that waits for its commit.
type call struct {
	writes []write
	done   chan struct{} // closed once err is set
	err    error
}

// A queue holds the calls that no commit has taken yet. Whoever holds the turn
// commits; every waiting caller tries to get it, so that no call waits for
// anything but commits.
type queue struct {
	turn chan struct{}

	mu      sync.Mutex
	waiting []*call
	closed  bool
}

func newQueue() queue { return queue{turn: make(chan struct{}, 1)} }

// Apply is store.Store's.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	c := &call{done: make(chan struct{})}
	for _, change := range changes {
		w, err := s.encode(change)
		if err != nil {
			return err
		}
		c.writes = append(c.writes, w)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("writing to the store: %w", err)
	}
	if len(changes) == 0 {
		return nil
	}
	if !s.queue.add(c) {
		return fmt.Errorf("writing to the store: %w", store.ErrClosed)
	}
	for {
		select {
		case <-c.done:
			return c.err
		case s.queue.turn <- struct{}{}:
			if !c.isDone() { // else the turn is for those who wait
				s.commit(s.queue.take())
			}
			<-s.queue.turn
		case <-ctx.Done():
			if s.queue.withdraw(c) {
				return fmt.Errorf("writing to the store: %w", ctx.Err())
			}
			<-c.done
			return c.err
		}
	}
}

func (c *call) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Watch is store.Watchable's.
func (s *Store) Watch(fn func(store.Commit)) { s.watch = fn }

// commit makes calls durable together, or fails all of them.
func (s *Store) commit(calls []*call) {
	if len(calls) == 0 {
		return
	}
	began := time.Now()
	err := guarded(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			for _, c := range calls {
				if err := c.write(tx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		err = fmt.Errorf("writing to the store %s: %w", s.path, err)
	}
	if s.watch != nil {
		s.watch(store.Commit{Calls: len(calls), Took: time.Since(began), Err: err})
	}
	for _, c := range calls {
		c.err = err
		close(c.done)
	}
}

func (c *call) write(tx *bolt.Tx) error {
	for _, w := range c.writes {
		bucket := tx.Bucket(w.bucket)
		var err error
		if w.value == nil {
			err = bucket.Delete(w.key)
		} else {
			err = bucket.Put(w.key, w.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encode checks a change and makes it ready to be written.
func (s *Store) encode(change store.Change) (w write, err error) {
	if err := store.Check(change); err != nil {
		return w, err
	}
	switch c := change.(type) {
	case store.PutSession:
		w = write{bucket: sessionBucket, key: []byte(c.Session.UserName)}
		w.value, err = s.encodeSession(c.Session)
	case store.DeleteSession:
		w = write{bucket: sessionBucket, key: []byte(c.UserName)}
	case store.PutLease:
		w = write{bucket: leaseBucket, key: []byte(c.Lease.UserName)}
		w.value, err = s.encodeLease(c.Lease)
	case store.DeleteLease:
		w = write{bucket: leaseBucket, key: []byte(c.UserName)}
	case store.PutBinding:
		w = write{bucket: bindingBucket, key: bindingKey(c.Binding.HomeAddress)}
		w.value, err = s.encodeBinding(c.Binding)
	case store.DeleteBinding:
		w = write{bucket: bindingBucket, key: bindingKey(c.HomeAddress)}
	}
	if err != nil {
		return w, fmt.Errorf("encoding the record of %q: %w", w.key, err)
	}
	return w, nil
}

// add queues a call, unless the store is closed.
func (q *queue) add(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, c)
	return true
}

// take takes the calls of the next commit. The caller has the turn.
func (q *queue) take() []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxBatch)
	calls := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return calls
}

// withdraw takes a call out that no commit has taken.
func (q *queue) withdraw(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, waiting := range q.waiting {
		if waiting == c {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// Close commits what waits and closes the file.
func (s *Store) Close() error {
	s.queue.mu.Lock()
	s.queue.closed = true
	s.queue.mu.Unlock()
	s.queue.turn <- struct{}{}
	defer func() { <-s.queue.turn }()
	for calls := s.queue.take(); len(calls) > 0; calls = s.queue.take() {
		s.commit(calls)
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store %s: %w", s.path, err)
	}
	return nil
}
