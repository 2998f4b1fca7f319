package registration

import (
	"context"
	"fmt"
	"time"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/bench"
	"homeagent/diameter/lab/bench/crowd"
)

// A part is one of the things measured in turns.
type part int

const (
	bare part = iota
	refresh
	move
	leave
	register
	partEnd
)

var partNames = [partEnd]string{
	bare: "bare responder", refresh: "refresh", move: "move", leave: "deregistration", register: "new registration",
}

// String is the part's name in tables.
func (p part) String() string { return partNames[p] }

// A load is how many operations are under way at once, and how many there are in
// a round.
type load struct{ outstanding, count int }

// loads are what a round does.
var loads = []load{{1, 200}, {outstanding, 1000}}

func sum(all []load) (count int) {
	for _, l := range all {
		count += l.count
	}
	return count
}

// A figure is a sample with the daemon's processor time.
type figure struct {
	bench.Sample
	used time.Duration
}

// each is the processor time of one operation.
func (f figure) each() time.Duration {
	if f.Count() == 0 {
		return 0
	}
	return f.used / time.Duration(f.Count())
}

// A round is one figure of each part, taken one right after the other.
type round [partEnd]figure

// results are all that was measured.
type results struct {
	rounds map[load][]round
	filled bench.Sample
	// kernel and process are octets per binding.
	kernel, process float64
	expiry          expiry
	calls           [partEnd]calls // nil where none were counted
}

// measure makes the rounds.
func (s *section) measure(ctx context.Context) error {
	s.report.Stepf("measuring with %d bindings, %d rounds", s.cfg.Nodes, s.cfg.Rounds)
	s.results.rounds = map[load][]round{}
	for range s.cfg.Rounds {
		for _, l := range loads {
			one, err := s.round(ctx, l)
			if err != nil {
				return err
			}
			s.results.rounds[l] = append(s.results.rounds[l], one)
		}
	}
	return s.check(s.cfg.Nodes)
}

func (s *section) round(ctx context.Context, l load) (one round, err error) {
	first := s.next
	for _, p := range []part{bare, refresh, move, leave, register} {
		if one[p], err = s.figure(ctx, p, l, first); err != nil {
			return one, fmt.Errorf("measuring: %v, %d outstanding: %w", p, l.outstanding, err)
		}
	}
	s.next = first + l.count
	return one, nil
}

// figure measures one part with the nodes that come after the first ones.
func (s *section) figure(ctx context.Context, p part, l load, first int) (f figure, err error) {
	clock := bench.NewClock(s.rig.daemon.ID())
	f.used, err = clock.Used(func() error {
		f.Sample, err = bench.Run(ctx, l.outstanding, l.count, func(ctx context.Context, i int) error {
			return s.operation(ctx, p, first+i)
		})
		return err
	})
	return f, err
}

// stride leads from node to node, so that those who come one after the other are
// no neighbours in the store.
const stride = 7919

func (s *section) operation(ctx context.Context, p part, turn int) error {
	i := turn * stride % s.cfg.Nodes
	switch p {
	case bare:
		return s.ask(ctx, turn%bareRealm.nodes)
	case move:
		s.at[i]++
	case leave:
		return s.update(ctx, i, 0)
	}
	return s.update(ctx, i, lifetime)
}

// ask has the bare responder answer.
func (s *section) ask(ctx context.Context, i int) error {
	_, err := s.rig.nodes.Update(ctx, s.cfg.Nodes+i, crowd.Update{CareOf: careOf(0, i), Lifetime: lifetime})
	return err
}

// update has the home agent register node i where it is.
func (s *section) update(ctx context.Context, i int, life time.Duration) error {
	a, err := s.rig.nodes.Update(ctx, i, crowd.Update{CareOf: careOf(s.at[i], i), Lifetime: life})
	switch {
	case err != nil:
		return err
	case a.Status != mobility.StatusAccepted:
		return fmt.Errorf("registering node %d for %v: it was refused: %v", i, life, a.Status)
	case a.Lifetime != life:
		return fmt.Errorf("registering node %d for %v: it was granted %v", i, life, a.Lifetime)
	}
	return nil
}
