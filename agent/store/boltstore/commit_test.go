package boltstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

func opened(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "state.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the test may have closed it
	return s
}

// commits counts the transactions that were ever committed.
func (s *Store) commits(t *testing.T) (n int) {
	t.Helper()
	if err := s.db.View(func(tx *bolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *Store) queued() int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}

// Those who wait while a commit is under way share the next one.
func TestCallsShareCommits(t *testing.T) {
	t.Parallel()
	const callers = maxBatch + maxBatch/2
	s := opened(t)
	before := s.commits(t)
	s.queue.turn <- struct{}{} // a commit is under way
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			if err := s.Apply(t.Context(), store.PutSession{Session: storetest.Session(n)}); err != nil {
				t.Error(err)
			}
		})
	}
	for s.queued() < callers {
		time.Sleep(time.Millisecond)
	}
	<-s.queue.turn
	wg.Wait()
	if n := s.commits(t) - before; n != 2 {
		t.Errorf("%d calls took %d commits, want 2", callers, n)
	}
	if got := storetest.Take(t, s); len(got.Sessions) != callers {
		t.Errorf("%d sessions, want %d", len(got.Sessions), callers)
	}
}

// A caller that gives up before its commit begins leaves nothing behind.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.queue.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error)
	for n, ctx := range []context.Context{t.Context(), ctx, t.Context()} {
		go func() { results <- s.Apply(ctx, store.PutSession{Session: storetest.Session(n)}) }()
		for s.queued() <= n {
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("Apply = %v, want context.Canceled", err)
	}
	<-s.queue.turn
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := storetest.Take(t, s).Sessions; len(got) != 2 || got["mn1@example.com"].UserName != "" {
		t.Errorf("the store holds %v", got)
	}
}

// What waits at Close is committed, and nothing comes after it.
func TestCloseCommitsWhatWaits(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.queue.turn <- struct{}{}
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			if err := s.Apply(t.Context(), store.PutSession{Session: storetest.Session(n)}); err != nil {
				t.Errorf("Apply before Close: %v", err)
			}
		})
	}
	for s.queued() < 10 {
		time.Sleep(time.Millisecond)
	}
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	<-s.queue.turn
	wg.Wait()
	if err := s.Apply(t.Context(), store.DeleteLease{UserName: "mn"}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Apply after Close = %v, want ErrClosed", err)
	}
	if err := s.Sessions(func(store.Session) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Sessions after Close = %v, want ErrClosed", err)
	}
	again, err := Open(s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := storetest.Take(t, again); len(got.Sessions) != 10 {
		t.Errorf("%d sessions, want 10", len(got.Sessions))
	}
}

// A commit that cannot be made fails all its calls, and the store goes on.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	s := opened(t)
	broken := &call{writes: []write{{bucket: []byte("no such bucket"), key: []byte("k"), value: []byte("v")}}, done: make(chan struct{})}
	sound := &call{writes: []write{{bucket: leaseBucket, key: []byte("k"), value: []byte("v")}}, done: make(chan struct{})}
	s.commit([]*call{sound, broken})
	for _, c := range []*call{sound, broken} {
		<-c.done
		if !errors.Is(c.err, ErrDamaged) || !strings.Contains(c.err.Error(), s.path) {
			t.Errorf("err = %v, want ErrDamaged naming the file", c.err)
		}
	}
	if err := s.Apply(t.Context(), store.PutSession{Session: storetest.Session(1)}); err != nil {
		t.Errorf("Apply afterwards: %v", err)
	}
	if got := storetest.Take(t, s); len(got.Leases) != 0 || len(got.Sessions) != 1 {
		t.Errorf("the store holds %v", got)
	}
}

func TestMigration(t *testing.T) {
	t.Parallel()
	s := opened(t)
	storetest.Fill(t, s, 10)
	meta := s.Meta()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var order []string
	step := func(name string) migration {
		return func(tx *bolt.Tx) error {
			order = append(order, name)
			return tx.Bucket(metaBucket).Put([]byte(name), []byte("done"))
		}
	}
	next := format{version: 4, migrations: map[int]migration{2: step("two to three"), 3: step("three to four")}}
	upgraded, err := next.open(s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(order); got != "[two to three three to four]" {
		t.Errorf("migrations: %s", got)
	}
	meta.Version = 4
	if diff := storetest.Diff(meta, upgraded.Meta()); diff != "" {
		t.Errorf("Meta (-want +got):\n%s", diff)
	}
	if err := upgraded.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(s.path, Options{})
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "its format is 4, this homeagentd knows up to 2") {
		t.Errorf("opening a newer format = %v, want ErrNewer naming both", err)
	}
}

// A migration that fails leaves the file as it was.
func TestFailedMigration(t *testing.T) {
	t.Parallel()
	s := opened(t)
	storetest.Fill(t, s, 10)
	want := storetest.Take(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	failing := func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket(sessionBucket); err != nil {
			return err
		}
		return errors.New("no room")
	}
	for name, next := range map[string]format{
		"migrating it from format 2: no room": {version: 3, migrations: map[int]migration{2: failing}},
		"knows no way from there to 3":        {version: 3},
	} {
		if _, err := next.open(s.path, Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("open = %v, want an error naming %q", err, name)
		}
	}
	again, err := Open(s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := storetest.Diff(want, storetest.Take(t, again)); diff != "" {
		t.Errorf("after failed migrations (-want +got):\n%s", diff)
	}
}
