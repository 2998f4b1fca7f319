package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"homeagent/systemd"
)

const (
	// longestPause is less than the unit's TimeoutStartSec.
	longestPause = 30 * time.Second
	// forgotten is how long ago a failed start has nothing to do with this one.
	forgotten = 2 * time.Minute
)

// pause is how long to wait before the end of a start that failed for a reason
// which may go away by itself: nothing for the first, so that who starts the daemon
// hears of it at once, and then longer each time, so that the unit's restarts do not
// fill the log. The folder is the unit's own; its restarts leave it alone.
func pause(folder string, now time.Time) (time.Duration, error) {
	name, failed := filepath.Join(folder, "failed-starts"), 0
	if info, err := os.Stat(name); err == nil && now.Sub(info.ModTime()) < forgotten {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("reading how often the start failed: %w", err)
		}
		failed, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if err := os.WriteFile(name, []byte(strconv.Itoa(failed+1)), 0o600); err != nil {
		return 0, fmt.Errorf("noting how often the start failed: %w", err)
	}
	if failed <= 0 {
		return 0, nil
	}
	return min(time.Second<<min(failed-1, 10), longestPause), nil
}

// backOff tells the service manager why there is no home agent, and waits. It ends
// early with ctx.
func backOff(ctx context.Context, why string, lookup func(string) (string, bool)) error {
	notifier := systemd.NewNotifier(lookup)
	folder, managed := lookup("RUNTIME_DIRECTORY")
	if !managed {
		return notifier.Status(why)
	}
	wait, err := pause(folder, time.Now())
	if err != nil || wait == 0 {
		return notifier.Status(why)
	}
	err = notifier.Status(fmt.Sprintf("%s (next try in %v)", why, wait))
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return err
}
