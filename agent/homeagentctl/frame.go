package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"homeagent/agent/control"
)

// unlimited is the width and height of what is no terminal.
const unlimited = 1 << 20

// A screen is what a frame is drawn for.
type screen struct {
	style
	width, height int
	problem       string // why the numbers are old, empty if they are not
	erase         bool   // the rest of each line
}

// frame is the live view of what happened between two looks. It depends on nothing
// else.
func frame(before, now *control.Snapshot, s screen) string {
	f := &drawing{screen: s, before: before, now: now}
	f.seconds = now.Activity.Time.Sub(before.Activity.Time).Seconds()
	if now.Status.Started != before.Status.Started {
		f.seconds = 0 // another daemon, which counts from 0
	}
	f.head()
	f.health()
	f.rates()
	f.peers()
	f.refusals()
	f.warnings()
	return f.String()
}

// A drawing is a frame in the making.
type drawing struct {
	screen
	before, now *control.Snapshot
	seconds     float64 // between the two, 0 if they cannot be compared
	lines       []string
}

func (f *drawing) line(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

// String cuts the lines to the size of the screen.
func (f *drawing) String() string {
	var b strings.Builder
	for _, l := range f.lines[:min(len(f.lines), max(1, f.height-1))] {
		b.WriteString(cut(l, f.width))
		if f.erase {
			b.WriteString("\x1b[K")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// cut shortens a line, of which colours take no room.
func cut(line string, width int) string {
	column, inside := 0, false
	for i, r := range line {
		switch {
		case r == '\x1b':
			inside = true
		case inside:
			inside = r != 'm'
		case column == width:
			if strings.Contains(line, "\x1b") {
				return line[:i] + plain
			}
			return line[:i]
		default:
			column++
		}
	}
	return line
}

func (f *drawing) head() {
	st := &f.now.Status
	up := f.age(st.Started)
	f.line("%s  %s, version %s, up %s  %s", f.in(bold, printable(st.Identity)), f.in(stateColour(st.State), st.State), st.Version, up,
		f.now.Activity.Time.Local().Format(pointFormat))
	if f.problem != "" {
		f.line("%s", f.in(red, "the daemon does not answer, these numbers are old: "+printable(f.problem)))
	}
}

func (f *drawing) good(yes bool, text string) string {
	if yes {
		return f.in(green, text)
	}
	return f.in(red, text)
}

func (f *drawing) health() {
	st := &f.now.Status
	f.line("sessions    %d: %s", st.Sessions.Total, sessionCounts(st.Sessions))
	f.line("bindings    %d", st.Bindings)
	f.line("strongSwan  %s", f.good(st.IKE.Connected, printable(ikeLine(st.IKE))))
	f.line("kernel      %s", f.good(st.Kernel.InSync, printable(kernelLine(st.Kernel))))
	f.line("store       %s", f.good(st.Store.Error == "", printable(storeLine(st.Store))))
	for _, p := range st.Prefixes {
		f.line("prefix      %s: %d in use, %d held down", p.Prefix, p.InUse, p.Held)
	}
}

// table adds lines with columns. Colours would be taken for text.
func (f *drawing) table(rows ...[]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush() // into memory
	f.line("")
	for i, l := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		l = strings.TrimRight(l, " ")
		if i == 0 {
			l = f.in(bold, l)
		}
		f.line("%s", l)
	}
}

// age is the time since then.
func (f *drawing) age(then time.Time) string {
	if then.IsZero() {
		return "ever"
	}
	return span(f.now.Activity.Time.Sub(then))
}

func (f *drawing) peers() {
	was := map[string]uint64{}
	for _, p := range f.before.Status.Peers {
		was[p.Host] = p.Counters.Requests
	}
	rows := [][]string{{"AAA PEER", "STATE", "FOR", "REQUESTS/S", "WAITING", "TURNED AWAY", "LAST ERROR"}}
	for _, p := range f.now.Status.Peers {
		rows = append(rows, []string{
			printable(p.Host), peerState(&p), f.age(p.Since),
			f.rate(was[p.Host], p.Counters.Requests), fmt.Sprint(p.Counters.Queued), fmt.Sprint(p.Counters.Refused + p.Counters.TooBusy), dash(printable(p.Error)),
		})
	}
	f.table(rows...)
}

func (f *drawing) warnings() {
	for i, p := range problems(&f.now.Status) {
		if i == 0 {
			f.line("")
		}
		f.line("%s %s", f.in(p.colour, p.label), printable(p.Text))
	}
}
