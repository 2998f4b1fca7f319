package testbed

import (
	"fmt"
	"time"
)

// A Report tells how a stream of traffic fared.
type Report struct {
	Sent     int
	Received int
	// Gap is the longest time between two replies that came one after the other.
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
	figures  Report
	latest   time.Time // when the latest reply came
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
	} else {
		t.figures.Gap = max(t.figures.Gap, now.Sub(t.latest))
	}
	t.latest = now
	t.figures.Received++
}

// number returns the latest request with this sequence number, or -1.
func (t *tally) number(sequence uint16) int {
	latest := len(t.requests) - 1
	number := latest - int(uint16(latest)-sequence)
	return max(number, -1)
}

func (t *tally) report() Report { return t.figures }
