package ike

// A priority orders the work of a lane.
type priority int

const (
	none    priority = iota
	evict            // unload what has no place any more: nobody waits for it
	backlog          // load what charon lost, or who waited for a place
	urgent           // somebody waits: newcomers, and who is to be gone
	priorities
)

const (
	// connBatch is how many connections go into one request. A request
	// costs charon and us about as much as three connections.
	connBatch = 16

	// evictSlack is how many evictions may be put off while others are
	// loaded; beyond it they take turns, so that charon never holds many
	// more than it should.
	evictSlack = 32
)

// A lane is the work on one kind of part. Its queues hold sessions that may
// have something to do; what it is, is found out when their turn comes. They
// are under Charon's lock.
type lane struct {
	kind   partKind
	queues [priorities]fifo
	loaded bool            // the last call loaded something
	wake   chan<- struct{} // told when there is something in a queue
}

// push puts a session in a queue, unless it is in that or a better one.
func (l *lane) push(s *session, p priority) {
	part := &s.parts[l.kind]
	if part.queued >= p || !s.due(l.kind) {
		return
	}
	part.queued = p
	l.queues[p].push(s)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// pop returns the next session with something to do and the queue it was in,
// nil if there is none.
func (l *lane) pop() (*session, priority) {
	for {
		p := l.choose()
		if p == none {
			return nil, none
		}
		s := l.queues[p].pop()
		part := &s.parts[l.kind]
		if part.queued == p {
			part.queued = none
		}
		if s.due(l.kind) {
			return s, p
		}
	}
}

// unpop puts a session back where pop found it.
func (l *lane) unpop(s *session, p priority) {
	s.parts[l.kind].queued = p
	l.queues[p].unpop(s)
}

// choose decides which queue is next.
func (l *lane) choose() priority {
	if l.loaded && l.queues[evict].len() > evictSlack {
		return evict
	}
	for p := urgent; p > none; p-- {
		if l.queues[p].len() > 0 {
			return p
		}
	}
	return none
}

// before decides between two lanes that both have something to do. Keys come
// before connections of the same priority, as long as that lets connections
// gather for one request.
func (l *lane) before(conns *lane) bool {
	mine, theirs := l.choose(), conns.choose()
	if mine == theirs && theirs != none {
		return conns.queues[theirs].len() < connBatch
	}
	return mine > theirs
}

// A fifo is a queue.
type fifo struct {
	items []*session
	head  int
}

func (q *fifo) len() int { return len(q.items) - q.head }

func (q *fifo) push(s *session) {
	if q.head > 64 && q.head > q.len() {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, s)
}

func (q *fifo) pop() *session {
	s := q.items[q.head]
	q.items[q.head] = nil
	if q.head++; q.head == len(q.items) {
		q.items, q.head = nil, 0
	}
	return s
}

func (q *fifo) unpop(s *session) {
	if q.head == 0 {
		q.items = append(q.items, nil)
		copy(q.items[1:], q.items)
		q.head = 1
	}
	q.head--
	q.items[q.head] = s
}
