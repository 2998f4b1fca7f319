package vici_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/ike/vici"
)

// A charon that is away for long is worth a few lines, not one a second; another
// reason is worth one at once.
func TestComplaints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		reason, tries := errors.New("no such file"), 0
		client, err := vici.New(vici.Config{
			Log: slog.New(slog.NewTextHandler(&out, nil)),
			Dial: func(context.Context) (net.Conn, error) {
				tries++
				return nil, reason
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
			lines int // so far
		}{{30 * time.Second, 1}, {time.Minute, 2}, {90 * time.Second, 2}, {time.Hour, 6}, {10 * time.Hour, 16}} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := strings.Count(out.String(), "level=WARN"); got != step.lines {
				t.Errorf("%d lines of warning after another %v, want %d", got, step.after, step.lines)
			}
		}
		before := strings.Count(out.String(), "level=WARN")
		reason = errors.New("permission denied")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := strings.Count(out.String(), "level=WARN"); got != before+1 || tries < 10_000 {
			t.Errorf("%d lines for another reason, want 1, in %d tries", got-before, tries)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
