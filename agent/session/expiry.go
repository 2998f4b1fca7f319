package session

import (
	"container/heap"
	"time"
)

// expiryQueue orders sessions by the time they end. Adding, dropping and taking
// the next cost O(log n).
type expiryQueue []*entry

func (q *expiryQueue) add(e *entry) {
	if e.EndsAt().IsZero() {
		e.place = -1
		return
	}
	heap.Push(q, e)
}

func (q *expiryQueue) drop(e *entry) {
	if e.place >= 0 {
		heap.Remove(q, e.place)
	}
}

// due returns the users whose sessions have ended by now, without taking them
// out, and the time of the next end, zero if there is none.
func (q expiryQueue) due(now time.Time, most int) (users []string, next time.Time) {
	// A heap's due entries form a subtree at its root.
	for pending := []int{0}; len(pending) > 0 && len(users) < most; {
		i := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if i >= len(q) || q[i].EndsAt().After(now) {
			continue
		}
		users = append(users, q[i].UserName)
		pending = append(pending, 2*i+1, 2*i+2)
	}
	if len(q) > 0 {
		next = q[0].EndsAt()
	}
	return users, next
}

// Len, Less, Swap, Push and Pop make expiryQueue a heap.Interface.
func (q expiryQueue) Len() int { return len(q) }

// Less orders by end.
func (q expiryQueue) Less(i, j int) bool { return q[i].EndsAt().Before(q[j].EndsAt()) }

// Swap keeps the entries' places right.
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is for package heap.
func (q *expiryQueue) Push(x any) {
	e := x.(*entry)
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop is for package heap.
func (q *expiryQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.place = -1
	return e
}
