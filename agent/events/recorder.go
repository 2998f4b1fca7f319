package events

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Kept is how many events a Recorder keeps of each class, unless told otherwise:
// of those for debugging, of those at level info, and of those above.
const Kept = 4096

// scanAtOnce bounds what a reader looks at under one hold of the lock, which
// recording waits for.
const scanAtOnce = 256

// A Recorder logs events and keeps the last ones for readers. Its methods may be
// called from several goroutines.
type Recorder struct {
	log *slog.Logger

	mu      sync.Mutex
	rings   [classes]ring
	next    uint64 // sequence number of the next event
	last    time.Time
	counts  [kindEnd]uint64
	readers map[*Reader]struct{}
}

// New makes a Recorder that keeps size events of each class, Kept for 0.
func New(size int, log *slog.Logger) *Recorder {
	if size <= 0 {
		size = Kept
	}
	r := &Recorder{log: log, next: 1, readers: map[*Reader]struct{}{}}
	for c := range r.rings {
		r.rings[c].kept = make([]Event, size)
	}
	return r
}

// Record logs an event and hands it to the readers, without waiting for any. It
// sets Sequence and Time; no two events have the same time. A nil Recorder
// records nothing.
func (r *Recorder) Record(e Event) {
	if r == nil {
		return
	}
	e.write(r.log)
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Sequence, e.Time = r.next, r.now()
	r.next++
	r.counts[e.Kind]++
	c := e.Kind.class()
	r.rings[c].add(e)
	for reader := range r.readers {
		if !reader.place.reads[c] {
			continue
		}
		select {
		case reader.wake <- struct{}{}:
		default:
		}
	}
}

// now is the time of the next event. Readers who come back ask for what is later
// than the last they saw, across restarts of the daemon, so that the clock of the
// wall must not stand still or go back.
func (r *Recorder) now() time.Time {
	now := time.Now().Round(0).UTC()
	if !now.After(r.last) {
		now = r.last.Add(1)
	}
	r.last = now
	return now
}

// Counts returns how often each kind occurred since the start; what has not
// occurred is left out.
func (r *Recorder) Counts() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]uint64{}
	for k, n := range r.counts {
		if n > 0 {
			all[Kind(k).String()] = n
		}
	}
	return all
}

// A Start says where a reader begins among the events kept: at those after a
// time, and of these with the last few only. The zero Start begins with what
// happens next.
type Start struct {
	After time.Time
	// Last is how many of the events that the filter selects are wanted; 0 with
	// After set is all of them.
	Last int
}

// Follow makes a Reader of the events that the filter selects. It has to be
// closed.
func (r *Recorder) Follow(start Start, filter Filter) *Reader {
	reader := &Reader{recorder: r, filter: filter, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	reader.place = r.begin(start, &filter)
	r.readers[reader] = struct{}{}
	return reader
}

func (r *Recorder) begin(start Start, filter *Filter) place {
	begin, wanted := r.end(filter), start.Last
	if wanted == 0 && start.After.IsZero() {
		return begin
	}
	for at := begin; ; {
		c := r.behind(&at)
		if c == classes {
			return begin
		}
		at.at[c]--
		e := r.rings[c].at(at.at[c])
		if !e.Time.After(start.After) {
			return begin
		}
		if !filter.Match(e) {
			continue
		}
		begin = at
		if wanted--; wanted == 0 {
			return begin
		}
	}
}

// A Reader reads events in their order. It is for one goroutine.
type Reader struct {
	recorder *Recorder
	filter   Filter
	place    place
	wake     chan struct{}
}

// Next waits for an event. What was overwritten before it could be read is
// reported by an event of the kind Lost, unless the filter cannot select any of
// its class. The error is that of ctx.
func (r *Reader) Next(ctx context.Context) (Event, error) {
	for {
		e, err := r.TryNext()
		if err == nil {
			return e, nil
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// TryNext is Next without waiting: the error is io.EOF when there is nothing to
// read now.
func (r *Reader) TryNext() (Event, error) {
	for {
		e, found, more := r.scan()
		if found {
			return e, nil
		}
		if !more {
			return Event{}, io.EOF
		}
	}
}

// scan looks at some events; more says that there are others.
func (r *Reader) scan() (e Event, found, more bool) {
	rec := r.recorder
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if lost := rec.catchUp(&r.place); lost > 0 {
		c := rec.ahead(&r.place)
		first := rec.rings[c].at(r.place.at[c])
		return Event{Sequence: first.Sequence - 1, Time: first.Time.Add(-1), Kind: Lost, Lost: lost}, true, true
	}
	for range scanAtOnce {
		c := rec.ahead(&r.place)
		if c == classes {
			return Event{}, false, false
		}
		e := rec.rings[c].at(r.place.at[c])
		r.place.at[c]++
		if r.filter.Match(e) {
			return *e, true, true
		}
	}
	return Event{}, false, true
}

// Close ends the reading.
func (r *Reader) Close() {
	r.recorder.mu.Lock()
	defer r.recorder.mu.Unlock()
	delete(r.recorder.readers, r)
}
