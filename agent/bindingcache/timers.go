package bindingcache

import "time"

// idle is the index of a timer that is not in the heap.
const idle = -1

// A timer is an entry's place in the heap. Its time may be earlier than what is
// due: a refresh postpones expiry without touching the heap, and the entry is put
// back when its old time comes. That keeps refreshes O(1).
type timer struct {
	at    time.Time
	index int
}

// timers is a binary heap of entries by time.
type timers []*entry

// arm makes the entry come up at the given time or before.
func (t *timers) arm(e *entry, at time.Time) {
	if e.timer.index == idle {
		e.timer = timer{at: at, index: len(*t)}
		*t = append(*t, e)
		t.up(e.timer.index)
		return
	}
	if at.Before(e.timer.at) {
		e.timer.at = at
		t.up(e.timer.index)
	}
}

// disarm takes the entry out.
func (t *timers) disarm(e *entry) {
	i, last := e.timer.index, len(*t)-1
	if i == idle {
		return
	}
	t.swap(i, last)
	(*t)[last] = nil
	*t = (*t)[:last]
	e.timer.index = idle
	if i < last {
		t.up(i)
		t.down(i)
	}
}

// first returns the entry with the earliest time, nil if there is none.
func (t timers) first() *entry {
	if len(t) == 0 {
		return nil
	}
	return t[0]
}

func (t timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t[i].timer.at.Before(t[parent].timer.at) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(t) {
			return
		}
		if right := child + 1; right < len(t) && t[right].timer.at.Before(t[child].timer.at) {
			child = right
		}
		if !t[child].timer.at.Before(t[i].timer.at) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t timers) swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer.index, t[j].timer.index = i, j
}
