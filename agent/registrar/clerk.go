package registrar

import (
	"context"
	"sync"
	"time"

	"homeagent/agent/bindingcache"
)

const (
	// filedAtOnce bounds the works of one round, so that none waits for more than
	// a commit takes anyway.
	filedAtOnce = 512
	// patience is how long the clerk waits for the kernel before the next round.
	patience = 20 * time.Millisecond
)

// A clerk takes works on in rounds: what is to be stored of all that have come
// goes into one commit, and then the kernel is programmed for one after the other,
// as it does one thing at a time anyhow. So the rate of registrations is not that
// of the disk.
type clerk struct {
	mu      sync.Mutex
	waiting []errand
	busy    bool
}

// file hands a work to the clerk.
func (r *Registrar) file(e errand) {
	c := &r.clerk
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, e)
	if !c.busy {
		c.busy = true
		go r.rounds()
	}
}

// take takes the works of the next round. The clerk is at rest when there is none.
func (c *clerk) take() []errand {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), filedAtOnce)
	some := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	c.busy = n > 0
	return some
}

// rounds goes on until nothing waits any more. Works are done with, and their
// acknowledgements sent, before the next commit: what they bring about can be part
// of it.
func (r *Registrar) rounds() {
	for some := r.clerk.take(); len(some) > 0; some = r.clerk.take() {
		var stored, programmed []errand
		for _, e := range some {
			if e.next() == durable {
				stored = append(stored, e)
			} else {
				programmed = append(programmed, e)
			}
		}
		r.program(append(programmed, r.save(stored)...))
	}
}

// save makes works durable together, does with those that were only to be stored,
// and returns those that the kernel is to be programmed for.
func (r *Registrar) save(some []errand) (programmed []errand) {
	if len(some) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	err := r.effects.Save(ctx, records(some))
	now := time.Now() // of all: it is one commit
	for _, e := range some {
		failed := e.left[0]
		e.left = e.left[1:]
		switch {
		case err != nil:
			r.settle(e.work, failed, err, now)
		case e.next() == prompt:
			programmed = append(programmed, e)
		default:
			r.proceed(e, now)
		}
	}
	return programmed
}

func records(some []errand) []Record {
	list := make([]Record, len(some))
	for i, e := range some {
		list[i].HomeAddress = e.work.HomeAddress
		if e.left[0] == bindingcache.Store {
			list[i].Binding = e.work.New
		}
	}
	return list
}

// program has the kernel programmed for some works. It waits for that, so that the
// next commit is for all who come meanwhile, but not for long: refreshes need
// nothing of the kernel.
func (r *Registrar) program(some []errand) {
	if len(some) == 0 {
		return
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for _, e := range some {
			r.follow(e, prompt)
		}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	}
}
