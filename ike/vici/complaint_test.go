package vici_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/ike/vici"
)

// warnings counts the lines of warning in a log.
type warnings struct{ atomic.Int64 }

func (*warnings) Enabled(context.Context, slog.Level) bool { return true }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler     { return w }
func (w *warnings) WithGroup(string) slog.Handler          { return w }
func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		w.Add(1)
	}
	return nil
}

// A charon that is away for long is worth a few lines, not one a second; another
// reason is worth one at once.
func TestComplaints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told warnings
		var tries, denied atomic.Int64
		client, err := vici.New(vici.Config{
			Log: slog.New(&told),
			Dial: func(context.Context) (net.Conn, error) {
				tries.Add(1)
				if denied.Load() > 0 {
					return nil, errors.New("permission denied")
				}
				return nil, errors.New("no such file")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- client.Run(ctx, func(context.Context, *vici.Link) error { return nil }) }()
		for _, step := range []struct {
			after time.Duration
			lines int64 // so far
		}{{30 * time.Second, 1}, {time.Minute, 2}, {90 * time.Second, 2}, {time.Hour, 6}, {10 * time.Hour, 16}} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := told.Load(); got != step.lines {
				t.Errorf("%d lines of warning after another %v, want %d", got, step.after, step.lines)
			}
		}
		before := told.Load()
		denied.Store(1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := told.Load(); got != before+1 || tries.Load() < 10_000 {
			t.Errorf("%d lines for another reason, want 1, in %d tries", got-before, tries.Load())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
