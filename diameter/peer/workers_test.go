package peer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := workers{limit: 2, depth: 2}
		<-w.done()
		release := make(chan struct{})
		order := make(chan int, 10)
		job := func(n int) func() { return func() { <-release; order <- n } }
		for n := range 4 {
			if !w.submit(job(n)) {
				t.Fatalf("job %d refused", n)
			}
		}
		if w.submit(job(4)) {
			t.Error("a job too many was taken")
		}
		if running, queued := w.load(); running != 2 || queued != 2 {
			t.Errorf("%d run, %d wait", running, queued)
		}
		done := w.done()
		synctest.Wait()
		select {
		case <-done:
			t.Error("done while jobs run")
		default:
		}
		close(release)
		<-done
		if running, queued := w.load(); running != 0 || queued != 0 || len(order) != 4 {
			t.Errorf("%d run, %d wait, %d have run", running, queued, len(order))
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		th := throttle{log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 1000 {
			th.warn(t.Context(), "again")
		}
		if n := strings.Count(log.String(), "\n"); n != throttleLines {
			t.Errorf("%d lines, want %d", n, throttleLines)
		}
		log.Reset()
		time.Sleep(throttlePeriod + 1)
		th.warn(t.Context(), "again")
		if !strings.Contains(log.String(), "lines_left_out=990") {
			t.Errorf("got %s", log.String())
		}
	})
}
