package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"homeagent/diameter/lab/bench"
)

// A part is one of the things measured side by side.
type part int

const (
	whole   part = iota // HMR to HMA
	asking              // a go-diameter server that does no work
	keys                // the calls on strongSwan alone
	records             // the durable commit alone
	parts
)

// bare are the parts that the whole is made of.
var bare = []part{asking, keys, records}

// String is the part's name in tables.
func (p part) String() string {
	return [...]string{"HMR to HMA", "bare Diameter", "bare strongSwan calls", "bare commit"}[p]
}

// A figure is what was measured of one part at one load in one round.
type figure struct {
	bench.Sample
	own, charon time.Duration // processor time, of this process and of strongSwan
}

// each divides a time by the operations.
func (f *figure) each(d time.Duration) time.Duration { return d / time.Duration(max(1, f.Count())) }

// A load is how a round loads each part: so many operations, at most so many of
// them at once.
type load struct{ outstanding, count int }

// A round are the figures of all parts at one load, taken one after the other.
type round [parts]figure

// Results are all rounds with one number of live sessions.
type results struct {
	live   int
	rounds map[load][]*round
}

// measure loads every part in turn.
func (s *stage) measure(ctx context.Context, l load) (*round, error) {
	r := &round{}
	for p := range parts {
		f, err := s.measurePart(ctx, p, l)
		if err != nil {
			return nil, fmt.Errorf("measuring %s with %d outstanding: %w", p, l.outstanding, err)
		}
		r[p] = f
	}
	return r, nil
}

func (s *stage) measurePart(ctx context.Context, p part, l load) (f figure, err error) {
	op := [parts]func(context.Context, int) error{s.bootstrap, s.ask, s.arm, s.commit}[p]
	charon := s.rig.agent
	if p == keys {
		charon = s.rig.nodes
	}
	own, other := bench.NewClock(os.Getpid()), bench.NewClock(charon.Pid())
	f.own, err = own.Used(func() (err error) {
		f.charon, err = other.Used(func() (err error) {
			if f.Sample, err = bench.Run(ctx, l.outstanding, l.count, op); err != nil || p != keys {
				return err
			}
			start := time.Now()
			err = s.keys.drained(ctx)
			f.Elapsed += time.Since(start)
			return err
		})
		return err
	})
	return f, err
}

// A plan says how often what is measured.
type plan struct {
	stages, rounds int // rounds on each stage
	loads          []load
}

// measureRounds measures with a population of live sessions.
func measureRounds(ctx context.Context, r *rig, p *population, todo plan) (*results, error) {
	path := r.file(fmt.Sprintf("population-%d.db", len(p.sessions)))
	if err := p.write(ctx, path); err != nil {
		return nil, err
	}
	all := &results{live: len(p.sessions), rounds: map[load][]*round{}}
	for range todo.stages {
		s, err := newStage(ctx, r, p, path)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(all.take(ctx, s, todo), s.close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// take makes the rounds of one stage.
func (r *results) take(ctx context.Context, s *stage, todo plan) error {
	for range todo.rounds {
		for _, l := range todo.loads {
			round, err := s.measure(ctx, l)
			if err != nil {
				return err
			}
			r.rounds[l] = append(r.rounds[l], round)
		}
	}
	return nil
}
