package aaahome

import (
	"fmt"
	"io"
	"time"
)

// A Progress shows how far a run is, in one line that it keeps writing over.
// It shows nothing in the first second.
type Progress struct {
	W       io.Writer
	Planned int
	began   time.Time
	shown   bool
}

// NewProgress begins now.
func NewProgress(w io.Writer, planned int) *Progress {
	return &Progress{W: w, Planned: planned, began: time.Now()}
}

// Show writes the line anew.
func (p *Progress) Show(t *Tally) {
	passed := time.Since(p.began)
	if passed < time.Second {
		return
	}
	p.shown = true
	fmt.Fprintf(p.W, "\r%d of %d answered, %d as expected, %.1f/s\x1b[K",
		t.total, p.Planned, t.fitting, float64(t.total)/passed.Seconds())
}

// Clear removes the line, before something else is written.
func (p *Progress) Clear() {
	if p.shown {
		fmt.Fprint(p.W, "\r\x1b[K")
		p.shown = false
	}
}

// Above returns a writer to w that removes the line first.
func (p *Progress) Above(w io.Writer) io.Writer { return above{p, w} }

type above struct {
	progress *Progress
	w        io.Writer
}

func (a above) Write(b []byte) (int, error) {
	a.progress.Clear()
	return a.w.Write(b)
}
