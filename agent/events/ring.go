package events

import "log/slog"

// A class is what shares a ring: what is frequent must not push out what is rare
// and matters.
type class uint8

const (
	details class = iota // for debugging: some with each Binding Update
	news                 // some with each mobile node
	alerts               // for somebody to look after
	classes
)

func (k Kind) class() class {
	switch level := table[k].level; {
	case level < slog.LevelInfo:
		return details
	case level < slog.LevelWarn:
		return news
	}
	return alerts
}

// A ring keeps the last events of a class. Positions count its events from 0.
type ring struct {
	kept []Event
	next uint64
}

func (r *ring) add(e Event) {
	*r.at(r.next) = e
	r.next++
}

func (r *ring) at(position uint64) *Event { return &r.kept[position%uint64(len(r.kept))] }

func (r *ring) oldest() uint64 {
	if size := uint64(len(r.kept)); r.next > size {
		return r.next - size
	}
	return 0
}

// A place is where a reader is: its position in each ring. Classes that it does
// not read are left out.
type place struct {
	at    [classes]uint64
	reads [classes]bool
}

// end is the place of what happens next.
func (r *Recorder) end(f *Filter) (p place) {
	p.reads = f.classes()
	for c := range r.rings {
		p.at[c] = r.rings[c].next
	}
	return p
}

// ahead is the class with the next event at a place, classes if there is none.
func (r *Recorder) ahead(p *place) class {
	found := classes
	for c := range classes {
		if !p.reads[c] || p.at[c] == r.rings[c].next {
			continue
		}
		if found == classes || r.rings[c].at(p.at[c]).Sequence < r.rings[found].at(p.at[found]).Sequence {
			found = c
		}
	}
	return found
}

// behind is the class with the last event before a place, classes if there is
// none that is kept.
func (r *Recorder) behind(p *place) class {
	found := classes
	for c := range classes {
		if !p.reads[c] || p.at[c] <= r.rings[c].oldest() {
			continue
		}
		if found == classes || r.rings[c].at(p.at[c]-1).Sequence > r.rings[found].at(p.at[found]-1).Sequence {
			found = c
		}
	}
	return found
}

// catchUp moves a place to what is kept, and returns how many events it passed.
func (r *Recorder) catchUp(p *place) (lost uint64) {
	for c := range classes {
		if oldest := r.rings[c].oldest(); p.reads[c] && p.at[c] < oldest {
			lost += oldest - p.at[c]
			p.at[c] = oldest
		}
	}
	return lost
}

// classes are those that a filter may select events of.
func (f *Filter) classes() (reads [classes]bool) {
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	for _, k := range kinds {
		if k < kindEnd && (!f.Alerts || k.Alert()) {
			reads[k.class()] = true
		}
	}
	return reads
}
