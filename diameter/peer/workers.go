package peer

import "sync"

// workers run the requests of one peer: some at once, some more in a queue.
type workers struct {
	limit, depth int

	mu      sync.Mutex
	running int
	queue   []func()
	idle    chan struct{} // non-nil while someone waits for the end of all
}

// submit runs job in a worker, now or when one is free. False means that too
// many wait already.
func (w *workers) submit(job func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running < w.limit {
		w.running++
		go w.work(job)
		return true
	}
	if len(w.queue) >= w.depth {
		return false
	}
	w.queue = append(w.queue, job)
	return true
}

func (w *workers) work(job func()) {
	for job != nil {
		job()
		job = w.next()
	}
}

// next takes a job from the queue, or retires the worker.
func (w *workers) next() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 {
		job := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		return job
	}
	w.queue = nil
	w.running--
	if w.running == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return nil
}

// done is closed when nothing runs and nothing waits.
func (w *workers) done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == 0 {
		ended := make(chan struct{})
		close(ended)
		return ended
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}

// load returns how many jobs run and wait.
func (w *workers) load() (running, queued int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running, len(w.queue)
}
