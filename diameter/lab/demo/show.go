package demo

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A step is one thing that the reader sees happen.
type step struct {
	title string // what happens, in one line
	// do makes it happen and returns what was seen of it. That it happened is
	// for do to check: an error ends the demonstration.
	do func(ctx context.Context) (seen []string, err error)
}

// stepTime bounds a step. All but the movement take about a second.
const stepTime = time.Minute

// show runs the steps in order and prints each one's title before, and what was
// seen and the time it took after. The first that fails is the last.
func show(ctx context.Context, w io.Writer, steps []step) error {
	for i, s := range steps {
		fmt.Fprintf(w, "%2d. %s\n", i+1, s.title)
		start := time.Now()
		seen, err := bounded(ctx, s.do)
		for _, line := range seen {
			fmt.Fprintf(w, "      %s\n", line)
		}
		if err != nil {
			fmt.Fprintf(w, "      FAILED after %s\n", seconds(time.Since(start)))
			return fmt.Errorf("step %d (%s): %w", i+1, s.title, err)
		}
		fmt.Fprintf(w, "      (%s)\n", seconds(time.Since(start)))
	}
	return nil
}

func bounded(ctx context.Context, do func(context.Context) ([]string, error)) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	return do(ctx)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
