package peer

import (
	"math/rand/v2"
	"sync"

	"homeagent/diameter"
)

// A question is a request of ours that awaits its answer.
type question struct {
	command uint32
	answer  chan *diameter.Message
}

// questions are the requests of ours that await answers on one connection, by
// Hop-by-Hop Identifier.
type questions struct {
	mu      sync.Mutex
	last    uint32
	waiting map[uint32]question
	// trouble is closed when the requests should be sent another way.
	trouble chan struct{}
}

func (q *questions) init() {
	q.last = rand.Uint32()
	q.waiting = map[uint32]question{}
	q.trouble = make(chan struct{})
}

// id returns an identifier that nobody waits for.
func (q *questions) id() uint32 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next()
}

func (q *questions) next() uint32 {
	for {
		q.last++
		if _, ok := q.waiting[q.last]; !ok {
			return q.last
		}
	}
}

// add returns an identifier, where its answer comes, and the trouble.
func (q *questions) add(command uint32) (uint32, <-chan *diameter.Message, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, answer := q.next(), make(chan *diameter.Message, 1)
	q.waiting[id] = question{command, answer}
	return id, answer, q.trouble
}

// answer passes an answer on; false if nothing like it was asked.
func (q *questions) answer(m *diameter.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked, ok := q.waiting[m.HopByHop]
	if !ok || asked.command != m.Command {
		return false
	}
	delete(q.waiting, m.HopByHop)
	asked.answer <- m // has room for one
	return true
}

// drop waits no longer.
func (q *questions) drop(id uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// failover tells all who wait that the peer may be gone; failback that it is
// not.
func (q *questions) failover() {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.trouble:
	default:
		close(q.trouble)
	}
}

func (q *questions) failback() {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.trouble:
		q.trouble = make(chan struct{})
	default:
	}
}
