package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/agent/store"
)

// A ledger is a store that remembers how its last commits went, for operators.
type ledger struct {
	store.Store
	events *events.Recorder

	mu       sync.Mutex
	err      error // of the last commit
	unheard  bool  // err is of a pulse
	failed   time.Time
	failures uint64
}

// Apply is store.Store's. A commit that its caller gave up, or whose changes are
// wrong in themselves, says nothing of the store.
func (l *ledger) Apply(ctx context.Context, changes ...store.Change) error {
	err := l.Store.Apply(ctx, changes...)
	wrong := slices.ContainsFunc(changes, func(c store.Change) bool { return store.Check(c) != nil })
	if !wrong {
		l.note(err, true)
	}
	return err
}

// pulse finds out whether the store answers, by a write that changes nothing: no
// User-Name has a control character. It takes no room, so that its success says
// nothing of a full disk, and ends only what a pulse began.
func (l *ledger) pulse(ctx context.Context) error {
	err := l.Store.Apply(ctx, store.DeleteLease{UserName: "\x00"})
	l.note(err, false)
	return err
}

func (l *ledger) note(err error, telling bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		if l.err == nil {
			l.events.Record(events.Event{Kind: events.StoreFailed, Detail: err.Error()})
		}
		l.err, l.failed, l.unheard = err, time.Now(), !telling && (l.err == nil || l.unheard)
		l.failures++
	case l.err != nil && (telling || l.unheard):
		l.err, l.unheard = nil, false
		l.events.Record(events.Event{Kind: events.StoreRecovered})
	}
}

// status is the operator's view of the store at a path.
func (l *ledger) status(path string) control.StoreStatus {
	free := freeSpace(path)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := control.StoreStatus{Path: path, Failed: present(l.failed), Failures: l.failures, Free: free}
	if l.err != nil {
		s.Error = l.err.Error()
	}
	return s
}

// freeSpace is what is left on the disk of a file, 0 if that is not known.
func freeSpace(path string) uint64 {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
