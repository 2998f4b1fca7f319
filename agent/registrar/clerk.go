package registrar

import (
	"context"
	"sync"

	"homeagent/agent/bindingcache"
)

// filedAtOnce bounds the records of one commit, so that none waits for more work
// than a commit takes anyway.
const filedAtOnce = 512

// A clerk makes works durable: those that come while a commit is under way go
// into the next one together. A commit costs the same for one record as for many,
// so that the rate of refreshes is not that of the disk.
type clerk struct {
	mu      sync.Mutex
	waiting []errand
	busy    bool
}

// file hands a work to the clerk, which goes on with it when it is durable.
func (r *Registrar) file(e errand) {
	c := &r.clerk
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, e)
	if !c.busy {
		c.busy = true
		go r.write()
	}
}

// write makes commits until nothing waits any more. Acknowledgements are sent
// before the next commit: what they bring about can be part of it.
func (r *Registrar) write() {
	for some := r.clerk.take(); len(some) > 0; some = r.clerk.take() {
		err := r.save(some)
		for _, e := range some {
			if err != nil {
				r.settle(e.work, e.left[0], err)
				continue
			}
			r.proceed(errand{e.work, e.left[1:]})
		}
	}
}

// take takes the works of the next commit. The clerk is at rest when there is
// none.
func (c *clerk) take() []errand {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), filedAtOnce)
	some := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	c.busy = n > 0
	return some
}

func (r *Registrar) save(some []errand) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	records := make([]Record, len(some))
	for i, e := range some {
		records[i].HomeAddress = e.work.HomeAddress
		if e.left[0] == bindingcache.Store {
			records[i].Binding = e.work.New
		}
	}
	return r.effects.Save(ctx, records)
}
