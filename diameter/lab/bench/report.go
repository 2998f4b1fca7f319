package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A Report is written as it comes: headings, lines, tables, and verdicts on aims.
type Report struct {
	w      io.Writer
	start  time.Time
	missed []string
}

// NewReport begins a report now.
func NewReport(w io.Writer) *Report { return &Report{w: w, start: time.Now()} }

// Heading begins a part of the report.
func (r *Report) Heading(text string) {
	fmt.Fprintf(r.w, "\n%s\n%s\n", text, strings.Repeat("-", len([]rune(text))))
}

// Linef writes a line.
func (r *Report) Linef(format string, args ...any) { fmt.Fprintf(r.w, format+"\n", args...) }

// Stepf writes what is being done now, with the time since the report began.
func (r *Report) Stepf(format string, args ...any) {
	fmt.Fprintf(r.w, "[%5.1f s] %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// Table writes a table.
func (r *Report) Table(t Table) { io.WriteString(r.w, t.String()) }

// An Aim is a figure with the limit it should keep.
type Aim struct {
	What  string
	Value float64
	Limit float64
	Least bool   // the limit is the least value wanted, not the most
	Unit  string // such as " ms", after both figures
}

// Met reports whether the figure keeps the limit.
func (a Aim) Met() bool {
	if a.Least {
		return a.Value >= a.Limit
	}
	return a.Value <= a.Limit
}

// String is a line for people.
func (a Aim) String() string {
	verdict, relation := "met   ", "at most"
	if a.Least {
		relation = "at least"
	}
	if !a.Met() {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s  %-62s %8s%s  (aim: %s %s%s)", verdict, a.What, figure(a.Value), a.Unit, relation, figure(a.Limit), a.Unit)
}

// figure writes a number with about three digits.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Judge writes the verdict on an aim.
func (r *Report) Judge(a Aim) {
	fmt.Fprintln(r.w, a)
	if !a.Met() {
		r.missed = append(r.missed, a.What)
	}
}

// Missed lists the aims that were missed.
func (r *Report) Missed() []string { return r.missed }
