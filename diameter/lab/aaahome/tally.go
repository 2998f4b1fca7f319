package aaahome

import (
	"math"
	"slices"
	"time"

	"homeagent/diameter"
)

// A Tally counts outcomes.
type Tally struct {
	expect  diameter.ResultCode
	began   time.Time
	last    time.Time
	results map[string]int
	fitting int
	times   []time.Duration // of those that got an answer
	total   int
}

// NewTally begins to count now. Outcomes fit if their Result-Code is expect.
func NewTally(expect diameter.ResultCode) *Tally {
	now := time.Now()
	return &Tally{expect: expect, began: now, last: now, results: map[string]int{}}
}

// Add counts one outcome.
func (t *Tally) Add(o Outcome) {
	t.total++
	t.last = time.Now()
	t.results[o.Result()]++
	if o.Is(t.expect) {
		t.fitting++
	}
	if o.Answer != nil {
		t.times = append(t.times, o.Took)
	}
}

// A Summary is what a Tally has counted. Times are in seconds, of requests that
// got an answer; without one they are 0.
type Summary struct {
	Requests int            `json:"requests"`    // outcomes, answered or not
	Expected int            `json:"as_expected"` // of those, with the Result-Code hoped for
	Results  map[string]int `json:"results"`     // by Result-Code, or "no answer"
	Seconds  float64        `json:"seconds"`     // from the start to the last outcome
	Rate     float64        `json:"per_second"`  // answers
	P50      float64        `json:"p50_seconds"`
	P90      float64        `json:"p90_seconds"`
	P99      float64        `json:"p99_seconds"`
	Max      float64        `json:"max_seconds"`
}

// Summary evaluates what was counted so far.
func (t *Tally) Summary() Summary {
	sorted := slices.Sorted(slices.Values(t.times))
	s := Summary{
		Requests: t.total, Expected: t.fitting, Results: t.results, Seconds: t.last.Sub(t.began).Seconds(),
		P50: percentile(sorted, 0.50), P90: percentile(sorted, 0.90), P99: percentile(sorted, 0.99), Max: percentile(sorted, 1),
	}
	if s.Seconds > 0 {
		s.Rate = float64(len(sorted)) / s.Seconds
	}
	return s
}

// OK reports whether as many requests as planned had the outcome hoped for.
func (s Summary) OK(planned int) bool { return s.Expected == planned }

// percentile is the smallest time that the share q of all does not exceed.
func percentile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[max(i, 0)].Seconds()
}
