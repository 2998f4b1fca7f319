// Package window decides which sessions charon holds while it cannot hold all
// of them. It is a pure state machine: it knows keys, places and the time it
// is told, and must not know charon, VICI or a clock.
//
// A session is in one of two conditions. It is pending when the mobile node
// has yet to run IKE_AUTH, because it was just armed or because its IKE_SA is
// gone; it is established otherwise. Pending sessions need their key and
// connection in charon, established ones only might need them again, so the
// places go to newcomers first, then to the other pending ones, then to the
// most recently established. Nothing is evicted while all fit.
//
// When more are pending than there are places (charon restarted and took
// thousands of IKE_SAs with it), those without a place queue up and the places
// go round: each keeps its place for a turn, so that a mobile node which keeps
// retrying meets its session in charon sooner or later.
//
// Exported: [Window], made by [New] from a [Config]; [Change], what to load and
// what to evict; [Counts].
package window

import (
	"fmt"
	"iter"
	"time"
)

// Limits of [Config.Places]. With fewer than two places a turn would leave a
// home agent address without any connection for a moment, and charon refuses
// IKE_SA_INIT then; with more than MaxPlaces one IKE_SA_INIT costs charon more
// than 20 ms.
const (
	MinPlaces = 2
	MaxPlaces = 2000
)

// A Config says how many sessions have a place and for how long.
type Config struct {
	// Places is how many sessions are loaded at most.
	Places int

	// Turn is how long a pending session keeps its place while others
	// queue for it. It should be several times what an IKE_SA_INIT and
	// IKE_AUTH take over the slowest link.
	Turn time.Duration

	// FirstTurn is the same for a session that was just armed: its mobile
	// node has yet to receive its configuration.
	FirstTurn time.Duration
}

// A Change is what an event makes necessary: first load, then evict, so that
// never less is loaded than before. No session is in both.
type Change[K comparable] struct {
	Load, Evict []K
}

// Counts tells how many sessions are in which condition.
type Counts struct {
	Newcomers int // just armed, loaded
	Turns     int // pending, loaded
	Queued    int // pending, waiting for a place
	Kept      int // established, loaded
	Evicted   int // established, not loaded
}

// Loaded is how many places are taken.
func (c Counts) Loaded() int { return c.Newcomers + c.Turns + c.Kept }

// A Window divides the places of one home agent address. It is not safe for
// concurrent use. Every event takes constant time but Tick, whose time is in
// proportion to the places that change hands.
type Window[K comparable] struct {
	cfg      Config
	sessions map[K]*node[K]
	touched  []*node[K] // moved since the last Change

	newcomers list[K] // oldest first
	turns     list[K] // in the order of their loading
	queue     list[K] // longest waiting first
	kept      list[K] // most recently established first; goes on in evicted
	evicted   list[K] // most recently established first
}

// New makes an empty Window.
func New[K comparable](cfg Config) (*Window[K], error) {
	if cfg.Places < MinPlaces || cfg.Places > MaxPlaces {
		return nil, fmt.Errorf("sizing the window of loaded sessions: %d places (must be %d to %d)", cfg.Places, MinPlaces, MaxPlaces)
	}
	if cfg.Turn <= 0 || cfg.FirstTurn < cfg.Turn {
		return nil, fmt.Errorf("sizing the window of loaded sessions: turns of %v and %v (must be above 0, the first turn not shorter)", cfg.Turn, cfg.FirstTurn)
	}
	return &Window[K]{cfg: cfg, sessions: make(map[K]*node[K])}, nil
}

// Add makes k a newcomer, whether it was known before or not: it has a (new)
// key that its mobile node has yet to prove.
func (w *Window[K]) Add(k K, now time.Time) Change[K] {
	n := w.session(k)
	n.due = now.Add(w.cfg.FirstTurn)
	w.toBack(&w.newcomers, n)
	return w.settle(now)
}

// Established reports that k's mobile node has an IKE_SA. Unknown keys are
// taken in, so that calling it in ascending order of time restores a Window.
func (w *Window[K]) Established(k K, now time.Time) Change[K] {
	n := w.session(k)
	n.up = true
	if w.hasPlace(n) || w.kept.len > 0 || w.free() {
		w.toFront(&w.kept, n)
	} else {
		w.toFront(&w.evicted, n)
	}
	return w.settle(now)
}

// Down reports that k's last IKE_SA is gone. An evicted session is loaded
// again at once unless all places belong to pending ones.
func (w *Window[K]) Down(k K, now time.Time) Change[K] {
	n := w.sessions[k]
	if n == nil {
		return Change[K]{}
	}
	n.up = false
	switch n.in {
	case &w.kept:
		n.due = now.Add(w.cfg.Turn)
		w.toBack(&w.turns, n)
	case &w.evicted:
		w.toBack(&w.queue, n)
	}
	return w.settle(now)
}

// Rekeyed reports a sign of life of k's mobile node. It moves k before
// sessions that have been silent for longer and loads nothing.
func (w *Window[K]) Rekeyed(k K) {
	n := w.sessions[k]
	if n != nil && (n.in == &w.kept || n.in == &w.evicted) {
		n.in.pushFront(n)
	}
}

// Remove forgets k. The caller unloads it; k is not among the evicted.
func (w *Window[K]) Remove(k K, now time.Time) Change[K] {
	n := w.sessions[k]
	if n == nil {
		return Change[K]{}
	}
	n.in.remove(n)
	delete(w.sessions, k)
	return w.settle(now)
}

// Tick passes places on whose turn is over. It does nothing while nobody
// queues.
func (w *Window[K]) Tick(now time.Time) Change[K] {
	w.endFirstTurns(now)
	for range w.queue.len {
		n := w.turns.first
		if n == nil || now.Before(n.due) {
			break
		}
		w.toBack(&w.queue, n)
		w.nextTurn(now)
	}
	return w.settle(now)
}

// Loaded yields the sessions that have a place, those first that need it most.
func (w *Window[K]) Loaded() iter.Seq[K] {
	return func(yield func(K) bool) {
		for _, l := range []*list[K]{&w.newcomers, &w.turns, &w.kept} {
			for n := l.first; n != nil; n = n.next {
				if !yield(n.key) {
					return
				}
			}
		}
	}
}

// Counts tells how many sessions are in which condition.
func (w *Window[K]) Counts() Counts {
	return Counts{Newcomers: w.newcomers.len, Turns: w.turns.len, Queued: w.queue.len, Kept: w.kept.len, Evicted: w.evicted.len}
}

// settle restores the order of precedence: at most as many loaded as there are
// places, nobody queueing while an established session has one, no place empty
// while there is somebody to take it. It returns all that has changed.
func (w *Window[K]) settle(now time.Time) Change[K] {
	w.trim(now)
	for w.queue.len > 0 && (w.free() || w.kept.len > 0) {
		w.nextTurn(now)
		w.trim(now)
	}
	for w.free() && w.evicted.len > 0 {
		w.toBack(&w.kept, w.evicted.first)
	}
	return w.change()
}

// trim evicts while more are loaded than there are places, those first that
// need theirs least.
func (w *Window[K]) trim(now time.Time) {
	for w.loaded() > w.cfg.Places {
		switch {
		case w.kept.len > 0:
			w.toFront(&w.evicted, w.kept.last)
		case w.turns.len > 0:
			w.interrupt(w.turns.first, now)
		default:
			w.leaveFirstTurn(w.newcomers.first, &w.evicted, &w.queue)
		}
	}
}

// interrupt takes a pending session's place for a newcomer. It goes on with
// its turn as soon as a place is free, or queues up again if it had its turn.
func (w *Window[K]) interrupt(n *node[K], now time.Time) {
	if now.Before(n.due) {
		w.toFront(&w.queue, n)
		return
	}
	w.toBack(&w.queue, n)
}

// nextTurn gives the session that has waited longest its turn.
func (w *Window[K]) nextTurn(now time.Time) {
	n := w.queue.first
	n.due = now.Add(w.cfg.Turn)
	w.toBack(&w.turns, n)
}

// endFirstTurns makes newcomers ordinary sessions when their first turn is
// over. They stay loaded, and are the first to go when others queue.
func (w *Window[K]) endFirstTurns(now time.Time) {
	for n := w.newcomers.first; n != nil && !now.Before(n.due); n = w.newcomers.first {
		w.leaveFirstTurn(n, &w.kept, &w.turns)
	}
}

// leaveFirstTurn moves a newcomer to the head of the list for sessions that
// have an IKE_SA from an earlier key, whose mobile nodes are in no need of a
// new IKE_AUTH, or of the list for those that have none.
func (w *Window[K]) leaveFirstTurn(n *node[K], up, down *list[K]) {
	if n.up {
		w.toFront(up, n)
		return
	}
	w.toFront(down, n)
}

func (w *Window[K]) session(k K) *node[K] {
	n := w.sessions[k]
	if n == nil {
		n = &node[K]{key: k}
		w.sessions[k] = n
	}
	return n
}

func (w *Window[K]) loaded() int { return w.newcomers.len + w.turns.len + w.kept.len }
func (w *Window[K]) free() bool  { return w.loaded() < w.cfg.Places }

func (w *Window[K]) hasPlace(n *node[K]) bool {
	return n.in == &w.newcomers || n.in == &w.turns || n.in == &w.kept
}

func (w *Window[K]) toFront(l *list[K], n *node[K]) {
	l.pushFront(n)
	w.touched = append(w.touched, n)
}

func (w *Window[K]) toBack(l *list[K], n *node[K]) {
	l.pushBack(n)
	w.touched = append(w.touched, n)
}

// change tells what is loaded now and was not at the last change, and the
// other way round. Only sessions that moved can have changed.
func (w *Window[K]) change() Change[K] {
	var c Change[K]
	for _, n := range w.touched {
		switch has := w.hasPlace(n); {
		case has && !n.told:
			c.Load = append(c.Load, n.key)
		case !has && n.told:
			c.Evict = append(c.Evict, n.key)
		}
		n.told = w.hasPlace(n)
	}
	clear(w.touched)
	w.touched = w.touched[:0]
	return c
}
