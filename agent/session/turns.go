package session

import (
	"context"
	"sync"
)

// turns lets one operation at a time work on a user's session. It is the only
// thing an operation holds across I/O, and it makes only that user wait.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn ends
}

// take waits for the user's turn and returns the function that ends it.
func (t *turns) take(ctx context.Context, user string) (end func(), err error) {
	for {
		end, busy := t.try(user)
		if busy == nil {
			return end, nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes the turn if nobody has it. Otherwise it returns a channel that is
// closed when whoever has it is done.
func (t *turns) try(user string) (end func(), busy <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if done, ok := t.taken[user]; ok {
		return nil, done
	}
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	done := make(chan struct{})
	t.taken[user] = done
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taken, user)
		close(done)
	}, nil
}
