package replay

import (
	"sync"
	"time"
)

// A Verdict says what a request is.
type Verdict int

// The verdicts.
const (
	Fresh      Verdict = iota // never seen: serve it, then call Finish or Forget
	InProgress                // being served: its answer comes with Finish or Forget
	Answered                  // served: here is the answer
	Crowded                   // being served, and too many wait for the answer
)

// maxWaiting bounds the copies of one request that wait for its answer.
const maxWaiting = 16

// overhead is about what one answer takes beside its bytes.
const overhead = 160

// Limits bound a Memory. Answers are forgotten after Age, and earlier when there
// are more than Entries, or more than Bytes octets of them.
type Limits struct {
	Entries, Bytes int
	Age            time.Duration
}

// A Memory is safe for concurrent use. W is what the caller needs to send an
// answer to one copy of a request.
type Memory[W any] struct {
	limits Limits

	mu       sync.Mutex
	entries  map[Key]*entry[W]
	answered int
	bytes    int
	evicted  uint64
	// oldest and newest are the ends of the list of those answered.
	oldest, newest *entry[W]
}

type entry[W any] struct {
	key     Key
	done    bool
	answer  []byte
	at      time.Time
	next    *entry[W]
	waiting []W
}

// New makes an empty Memory.
func New[W any](limits Limits) *Memory[W] {
	return &Memory[W]{limits: limits, entries: map[Key]*entry[W]{}}
}

// Begin looks a request up and, if it is fresh, notes that it is in progress. If
// it is in progress already, w is kept until Finish or Forget return it. The
// answer must not be modified.
func (m *Memory[W]) Begin(k Key, w W, now time.Time) (Verdict, []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(now)
	e := m.entries[k]
	switch {
	case e == nil:
		m.entries[k] = &entry[W]{key: k}
		return Fresh, nil
	case e.done:
		return Answered, e.answer
	case len(e.waiting) >= maxWaiting:
		return Crowded, nil
	}
	e.waiting = append(e.waiting, w)
	return InProgress, nil
}

// Finish keeps the answer, which must not be modified from now on, and returns
// who waits for it.
func (m *Memory[W]) Finish(k Key, answer []byte, now time.Time) []W {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	if e == nil || e.done {
		return nil
	}
	waiting := e.waiting
	e.done, e.answer, e.at, e.waiting = true, answer, now, nil
	if m.newest == nil {
		m.oldest = e
	} else {
		m.newest.next = e
	}
	m.newest = e
	m.answered++
	m.bytes += len(answer) + overhead
	for m.answered > m.limits.Entries || m.bytes > m.limits.Bytes {
		m.evicted++
		m.drop()
	}
	return waiting
}

// Forget is instead of Finish where the request must be served anew when it
// comes again. It returns who waits.
func (m *Memory[W]) Forget(k Key) []W {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	if e == nil || e.done {
		return nil
	}
	delete(m.entries, k)
	return e.waiting
}

// Evicted returns how many answers were forgotten before their time.
func (m *Memory[W]) Evicted() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.evicted
}

// Len returns how many requests are known, in progress or answered.
func (m *Memory[W]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

func (m *Memory[W]) expire(now time.Time) {
	for m.oldest != nil && now.Sub(m.oldest.at) > m.limits.Age {
		m.drop()
	}
}

// drop forgets the oldest answer.
func (m *Memory[W]) drop() {
	e := m.oldest
	m.oldest = e.next
	if m.oldest == nil {
		m.newest = nil
	}
	delete(m.entries, e.key)
	m.answered--
	m.bytes -= len(e.answer) + overhead
}
