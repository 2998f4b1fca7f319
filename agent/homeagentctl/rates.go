package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"homeagent/agent/control"
)

// busiest bounds the refusals that are shown.
const busiest = 8

func (f *drawing) rates() {
	a, b := &f.before.Activity, &f.now.Activity
	f.table(
		[]string{"ANSWERS", "PER SECOND", "SINCE START", "HALF BELOW", "99 % BELOW", "ALL BELOW"},
		f.rateRow("HMR", &a.HMR, &b.HMR),
		f.rateRow("Binding Update", &a.BindingUpdates, &b.BindingUpdates),
	)
}

func (f *drawing) rateRow(name string, before, now *control.Answers) []string {
	row := []string{name, f.rate(total(before.Results), total(now.Results)), fmt.Sprint(total(now.Results))}
	times := difference(before.Latency, now.Latency)
	for _, share := range []float64{0.5, 0.99, 1} {
		row = append(row, below(times, share))
	}
	return row
}

// rate is what was added each second.
func (f *drawing) rate(before, now uint64) string {
	if f.seconds <= 0 || now < before {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(now-before)/f.seconds)
}

func total(results map[string]uint64) (sum uint64) {
	for _, n := range results {
		sum += n
	}
	return sum
}

// difference is what was added; all of it if it was counted anew.
func difference(before, now []control.Latency) []control.Latency {
	was := map[float64]uint64{}
	for _, l := range before {
		was[l.Below] = l.Count
	}
	var added []control.Latency
	for _, l := range now {
		if l.Count < was[l.Below] {
			return now
		}
		l.Count -= was[l.Below]
		added = append(added, l)
	}
	return added
}

// below is the time that a share of answers stayed below.
func below(times []control.Latency, share float64) string {
	var all, so uint64
	for _, l := range times {
		all += l.Count
	}
	for _, l := range times {
		if so += l.Count; all > 0 && float64(so) >= share*float64(all) {
			return brief(time.Duration(l.Below * float64(time.Second)))
		}
	}
	return "-"
}

// brief is a duration of two digits or so.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// successes are the results that refuse nothing.
var successes = []string{"DIAMETER_SUCCESS", "registered", "refreshed", "moved", "deregistered", "expired", "removed"}

// A refusal is a result that is none of the successes.
type refusal struct {
	what, result string
	before, now  uint64
}

// refusals shows those that are most frequent now, and then those that were.
func (f *drawing) refusals() {
	all := slices.Concat(
		refused("HMR", f.before.Activity.HMR.Results, f.now.Activity.HMR.Results),
		refused("Binding Update", f.before.Activity.BindingUpdates.Results, f.now.Activity.BindingUpdates.Results))
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b refusal) int {
		return cmp.Or(cmp.Compare(b.now-min(b.before, b.now), a.now-min(a.before, a.now)), cmp.Compare(b.now, a.now), cmp.Compare(a.result, b.result))
	})
	rows := [][]string{{"REFUSED", "WITH", "PER SECOND", "SINCE START"}}
	for _, r := range all[:min(len(all), busiest)] {
		rows = append(rows, []string{r.what, r.result, f.rate(r.before, r.now), fmt.Sprint(r.now)})
	}
	f.table(rows...)
}

func refused(what string, before, now map[string]uint64) (all []refusal) {
	for _, result := range slices.Sorted(maps.Keys(now)) {
		if !slices.Contains(successes, result) {
			all = append(all, refusal{what, printable(result), before[result], now[result]})
		}
	}
	return all
}
