package registration

import (
	"fmt"
	"time"

	"homeagent/diameter/lab/bench"
)

// What UMIP's home agent does in the same kernel, in registrations per second and
// octets of kernel memory per binding. Of refreshes it is the middle of what was
// seen.
var umip = struct {
	rates  map[part]float64
	kernel float64
}{map[part]float64{register: 30, refresh: 100, move: 74}, 52 << 10}

// tenfold is how much better than UMIP's each figure should be.
const tenfold = 10

// Every figure shown is the median of its rounds, and so is every ratio: that of
// figures taken one right after the other.

// over is the median over the rounds of a load.
func (r *results) over(l load, value func(*round) float64) float64 {
	values := make([]float64, len(r.rounds[l]))
	for i := range r.rounds[l] {
		values[i] = value(&r.rounds[l][i])
	}
	return bench.Median(values)
}

func (r *results) rate(l load, p part) float64 {
	return r.over(l, func(one *round) float64 { return one[p].Rate() })
}

// beside is the rate of a part beside that of the bare responder.
func (r *results) beside(l load, p part) float64 {
	return r.over(l, func(one *round) float64 { return one[p].Rate() / one[bare].Rate() })
}

// table shows all figures.
func (r *results) table() *bench.Table {
	t := bench.NewTable(fmt.Sprintf("%d bindings", r.filled.Count()), "outstanding", "per second", "p50 ms", "p99 ms", "of bare", "ms of CPU: daemon", "UMIP per second")
	for _, l := range loads {
		for p := range partEnd {
			millis := func(value func(*figure) time.Duration) string {
				return bench.Millis(time.Duration(r.over(l, func(one *round) float64 { return float64(value(&one[p])) })))
			}
			ratio, cpu, other := "", "", ""
			if p != bare {
				ratio, cpu = bench.Ratio(r.beside(l, p)), millis(func(f *figure) time.Duration { return f.each() })
			}
			if rate, known := umip.rates[p]; known && l.outstanding > 1 {
				other = bench.PerSecond(rate)
			}
			t.Row(p.String(), fmt.Sprint(l.outstanding), bench.PerSecond(r.rate(l, p)),
				millis(func(f *figure) time.Duration { return f.Quantile(0.5) }),
				millis(func(f *figure) time.Duration { return f.Quantile(0.99) }), ratio, cpu, other)
		}
	}
	return t
}

// judge writes the verdicts.
func (r *results) judge(report *bench.Report) {
	many := loads[len(loads)-1]
	for _, p := range []part{register, refresh, move} {
		report.Judge(bench.Aim{
			What:  fmt.Sprintf("%s, %d outstanding, per second (UMIP: %.0f)", p, many.outstanding, umip.rates[p]),
			Value: r.rate(many, p), Limit: tenfold * umip.rates[p], Least: true,
		})
	}
	report.Judge(bench.Aim{
		What:  fmt.Sprintf("rate of refreshes / bare responder, %d outstanding", many.outstanding),
		Value: r.beside(many, refresh), Limit: 0.8, Least: true,
	})
	report.Judge(bench.Aim{
		What: "kernel memory per binding (UMIP: 52 KiB)", Value: r.kernel / 1024, Limit: umip.kernel / 1024 / tenfold, Unit: " KiB",
	})
	report.Linef("        (the first %d registrations took %.1f s; the daemon grew by %.1f KiB for each)",
		r.filled.Count(), r.filled.Elapsed.Seconds(), r.process/1024)
	report.Linef("        (%d bindings that ended at once were gone after %.1f s; refreshes meanwhile: p50 %s ms, p99 %s ms)",
		r.expiry.bindings, r.expiry.took.Seconds(), bench.Millis(r.expiry.meanwhile.Quantile(0.5)), bench.Millis(r.expiry.meanwhile.Quantile(0.99)))
}
