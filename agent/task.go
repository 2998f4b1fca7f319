package agent

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// A Task is a part that runs as long as the agent does.
type Task interface {
	// Run works until ctx ends and returns nil then. An error ends the agent.
	Run(ctx context.Context) error
	// Ready is closed once the task does its work.
	Ready() <-chan struct{}
	// String names the task in logs and errors.
	String() string
}

// serve runs the tasks until ctx ends or one of them fails, and calls ready
// once when all are ready.
func serve(ctx context.Context, tasks []Task, ready func()) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range tasks {
		group.Go(func() error {
			if err := task.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("running the %s: %w", task, err)
			}
			return nil
		})
	}
	group.Go(func() error {
		for _, task := range tasks {
			select {
			case <-task.Ready():
			case <-ctx.Done():
				return nil
			}
		}
		ready()
		return nil
	})
	return group.Wait()
}
