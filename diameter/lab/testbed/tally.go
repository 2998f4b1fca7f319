package testbed

import (
	"fmt"
	"time"
)

// A Report tells how a stream of traffic fared.
type Report struct {
	Sent     int
	Received int
	// Gap is the longest interruption: from a request that was answered to the
	// next one that was, with only lost ones in between.
	Gap time.Duration
	// First is how long the first reply took from its request.
	First time.Duration
}

// Lost counts the requests without a reply.
func (r Report) Lost() int { return r.Sent - r.Received }

// String gives the figures a reader of the demo wants.
func (r Report) String() string {
	return fmt.Sprintf("%d sent, %d lost, longest gap %v", r.Sent, r.Lost(), r.Gap.Round(time.Millisecond))
}

// tally keeps account of requests and replies. Requests are numbered from 0, and
// sequence numbers on the wire are their numbers modulo 2^16.
type tally struct {
	requests []time.Time // when each was sent
	answered []bool
	figures  Report // but for Gap
}

func (t *tally) sent(now time.Time) uint16 {
	t.requests = append(t.requests, now)
	t.answered = append(t.answered, false)
	t.figures.Sent++
	return uint16(len(t.requests) - 1)
}

func (t *tally) received(sequence uint16, now time.Time) {
	number := t.number(sequence)
	if number < 0 || t.answered[number] {
		return
	}
	t.answered[number] = true
	if t.figures.Received == 0 {
		t.figures.First = now.Sub(t.requests[number])
	}
	t.figures.Received++
}

// number returns the latest request with this sequence number, or -1.
func (t *tally) number(sequence uint16) int {
	latest := len(t.requests) - 1
	number := latest - int(uint16(latest)-sequence)
	return max(number, -1)
}

func (t *tally) report() Report {
	r := t.figures
	r.Gap = t.gap()
	return r
}

// gap looks at pauses between answered requests, not between replies, so that a
// pause of the sender is not taken for an interruption.
func (t *tally) gap() (longest time.Duration) {
	last := -1
	for i, answered := range t.answered {
		if !answered {
			continue
		}
		if last >= 0 && i > last+1 {
			longest = max(longest, t.requests[i].Sub(t.requests[last]))
		}
		last = i
	}
	return longest
}
