package bootstrapping

import (
	"fmt"
	"slices"
	"time"

	"homeagent/diameter/lab/bench"
)

// Every figure shown is the median of its rounds, and so is every ratio: that of
// figures taken one right after the other. What disturbs some rounds on a busy
// machine does not show.

// over is the median over the rounds of a load.
func (r *results) over(l load, value func(*round) float64) float64 {
	values := make([]float64, len(r.rounds[l]))
	for i, one := range r.rounds[l] {
		values[i] = value(one)
	}
	return bench.Median(values)
}

// table shows all figures.
func (r *results) table(loads []load) *bench.Table {
	t := bench.NewTable(fmt.Sprintf("%d live sessions", r.live), "outstanding", "per second", "p50 ms", "p99 ms", "ms of CPU: ours", "strongSwan's")
	for _, l := range loads {
		for p := range parts {
			millis := func(value func(*figure) time.Duration) string {
				return bench.Millis(time.Duration(r.over(l, func(one *round) float64 { return float64(value(&one[p])) })))
			}
			charon := ""
			if p == whole || p == keys {
				charon = millis(func(f *figure) time.Duration { return f.each(f.charon) })
			}
			t.Row(p.String(), fmt.Sprint(l.outstanding),
				bench.PerSecond(r.over(l, func(one *round) float64 { return one[p].Rate() })),
				millis(func(f *figure) time.Duration { return f.Quantile(0.5) }),
				millis(func(f *figure) time.Duration { return f.Quantile(0.99) }),
				millis(func(f *figure) time.Duration { return f.each(f.own) }), charon)
		}
	}
	return t
}

// slowest is the bare part with the lowest rate.
func (r *results) slowest(l load) part {
	return slices.MinFunc(bare, func(a, b part) int {
		return int(r.over(l, func(one *round) float64 { return one[a].Rate() - one[b].Rate() }))
	})
}

// throughput is the rate of the whole beside that of a bare part.
func (r *results) throughput(l load, beside part) float64 {
	return r.over(l, func(one *round) float64 { return one[whole].Rate() / one[beside].Rate() })
}

// delay is a quantile of the whole beside the sum of those of the bare parts.
func (r *results) delay(l load, q float64) float64 {
	return r.over(l, func(one *round) float64 {
		var sum time.Duration
		for _, p := range bare {
			sum += one[p].Quantile(q)
		}
		return float64(one[whole].Quantile(q)) / float64(sum)
	})
}

// judge writes the ratios.
func (r *results) judge(report *bench.Report, loads []load) {
	for _, l := range loads {
		slowest := r.slowest(l)
		if l.outstanding == 1 {
			report.Judge(bench.Aim{What: "p99 of HMR to HMA / sum of the bare p99s, 1 outstanding", Value: r.delay(l, 0.99), Limit: 1.5})
			continue
		}
		what := fmt.Sprintf("rate of HMRs / %s, the slowest, %d outstanding", slowest, l.outstanding)
		report.Judge(bench.Aim{What: what, Value: r.throughput(l, slowest), Limit: 0.8, Least: true})
	}
}

// judgeGrowth compares what an HMR costs beyond strongSwan's calls with few and
// with many sessions live.
func judgeGrowth(report *bench.Report, few, many *results) {
	l := load1(few)
	m := load1(many)
	middle := func(r *results, l load, p part) float64 {
		return r.over(l, func(one *round) float64 { return float64(one[p].Quantile(0.5)) })
	}
	growth := middle(many, m, whole) / middle(few, l, whole)
	calls := middle(many, m, keys) / middle(few, l, keys)
	report.Judge(bench.Aim{
		What:  fmt.Sprintf("growth of an HMR's p50 from %d to %d live / that of bare calls", few.live, many.live),
		Value: growth / calls, Limit: 1.1,
	})
	report.Linef("        (HMR x %.2f, bare calls x %.2f: with %d live each newcomer evicts another)", growth, calls, many.live)
}

// load1 is the load with one outstanding.
func load1(r *results) load {
	for l := range r.rounds {
		if l.outstanding == 1 {
			return l
		}
	}
	return load{}
}
