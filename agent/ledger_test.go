package agent

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"

	"homeagent/agent/store"
)

// full is a store on a disk that is full when err is set.
type full struct {
	store.Store
	err error
}

func (f *full) Apply(ctx context.Context, changes ...store.Change) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Apply(ctx, changes...)
}

func TestLedger(t *testing.T) {
	t.Parallel()
	disk := &full{Store: store.NewMemory()}
	l := &ledger{Store: disk}
	change := store.PutLease{Lease: store.Lease{UserName: "mn@example.com", Address: netip.MustParseAddr("2001:db8::1")}}
	path := filepath.Join(t.TempDir(), "state.db")
	steps := []struct {
		name     string
		do       func() error
		err      error
		failures uint64
		bad      bool
	}{
		{"it works", func() error { return l.Apply(t.Context(), change) }, nil, 0, false},
		{"the disk is full", func() error { return l.Apply(t.Context(), change) }, errors.New("no space left"), 1, true},
		{"a pulse takes no room", func() error { return l.pulse(t.Context()) }, nil, 1, true},
		{"a caller gave up", func() error { return l.Apply(t.Context(), change) }, context.Canceled, 1, true},
		{"there is room again", func() error { return l.Apply(t.Context(), change) }, nil, 1, false},
		{"a wrong change", func() error { return l.Apply(t.Context(), store.PutLease{}) }, errors.New("checking"), 1, false},
		{"it hangs", func() error { return l.pulse(t.Context()) }, context.DeadlineExceeded, 2, true},
		{"it goes on", func() error { return l.pulse(t.Context()) }, nil, 2, false},
		{"it hangs again", func() error { return l.pulse(t.Context()) }, context.DeadlineExceeded, 3, true},
		{"and is full", func() error { return l.Apply(t.Context(), change) }, errors.New("no space left"), 4, true},
		{"which no pulse mends", func() error { return l.pulse(t.Context()) }, nil, 4, true},
	}
	for _, s := range steps {
		disk.err = s.err
		if err := s.do(); (err != nil) != (s.err != nil) {
			t.Errorf("%s: %v", s.name, err)
		}
		got := l.status(path)
		if got.Failures != s.failures || (got.Error != "") != s.bad || (got.Failed != nil) != (s.failures > 0) || got.Path != path {
			t.Errorf("%s: %+v", s.name, got)
		}
	}
	if l.status(filepath.Dir(path)).Free == 0 {
		t.Error("the room on the disk is not told")
	}
}
