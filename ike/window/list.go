package window

import "time"

// A node is one session. It is in exactly one list.
type node[K comparable] struct {
	key        K
	due        time.Time // end of its turn, while it has one
	up         bool      // it has an IKE_SA
	told       bool      // the caller knows it as loaded
	in         *list[K]
	prev, next *node[K]
}

// A list is a doubly linked list through the nodes themselves: moving a node
// from any place of one list to either end of another takes constant time.
type list[K comparable] struct {
	first, last *node[K]
	len         int
}

func (l *list[K]) pushFront(n *node[K]) {
	n.leave()
	n.in, n.next = l, l.first
	if l.first != nil {
		l.first.prev = n
	} else {
		l.last = n
	}
	l.first = n
	l.len++
}

func (l *list[K]) pushBack(n *node[K]) {
	n.leave()
	n.in, n.prev = l, l.last
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
	l.len++
}

func (l *list[K]) remove(n *node[K]) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	n.in, n.prev, n.next = nil, nil, nil
	l.len--
}

func (n *node[K]) leave() {
	if n.in != nil {
		n.in.remove(n)
	}
}
