package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"

	"homeagent/diameter/lab/bench"
)

// Config says how much is measured, and where.
type Config struct {
	// Folder takes stores, sockets and logs. It must be on a disk.
	Folder string
	// Few and Many are the numbers of live sessions that are compared.
	Few, Many int
	// Stages is how often a home agent is started to be measured, and Rounds how
	// often all parts are measured on each.
	Stages, Rounds int
	// Newcomers is how many mobile nodes run IKE at the end.
	Newcomers int
	// Profile is where the processor profile of the rounds goes; none if empty.
	Profile string
}

// loads are what a round does. With few sessions live, so many newcomers come that
// none has to be evicted.
var (
	manyLoads = []load{{1, 150}, {8, 300}, {64, 600}}
	fewLoads  = []load{{1, 100}}
)

// Run measures and reports. An aim that is missed is no error.
func Run(ctx context.Context, cfg Config, report *bench.Report) error {
	r, err := newRig(cfg.Folder)
	if err != nil {
		return err
	}
	s := &section{cfg: cfg, rig: r, report: report}
	return errors.Join(s.run(ctx), r.close())
}

// A section is one run of all of it.
type section struct {
	cfg        Config
	rig        *rig
	report     *bench.Report
	population population
}

func (s *section) run(ctx context.Context) error {
	s.report.Heading("Bootstrapping: HMR to HMA, beside the bare limits of its parts")
	for _, line := range preface {
		s.report.Linef("%s", line)
	}
	few, err := s.compare(ctx, s.cfg.Few, fewLoads)
	if err != nil {
		return err
	}
	many, err := s.profiled(func() (*results, error) { return s.compare(ctx, s.cfg.Many, manyLoads) })
	if err != nil {
		return err
	}
	s.report.Linef("")
	s.report.Table(*few.table(fewLoads))
	s.report.Linef("")
	s.report.Table(*many.table(manyLoads))
	s.report.Linef("")
	many.judge(s.report, manyLoads)
	judgeGrowth(s.report, few, many)
	return s.scale(ctx)
}

// preface says what the reader must know of the measurement.
var preface = []string{
	"Real: the whole home agent, Diameter over TCP, strongSwan (in a network of its own, with an",
	"IKE_SA for each live session), durable commits on this machine's disk. Played: the home agent's",
	"kernel, as bootstrapping touches none of its state.",
}

// compare measures with n live sessions.
func (s *section) compare(ctx context.Context, n int, loads []load) (*results, error) {
	s.report.Stepf("making %d live sessions, each with an IKE_SA", n)
	if err := s.population.grow(ctx, s.rig, n); err != nil {
		return nil, fmt.Errorf("making %d live sessions: %w", n, err)
	}
	s.report.Stepf("measuring with %d live sessions, %d rounds", n, s.cfg.Stages*s.cfg.Rounds)
	return measureRounds(ctx, s.rig, &s.population, plan{s.cfg.Stages, s.cfg.Rounds, loads})
}

// profiled measures under the profiler, if that is wanted.
func (s *section) profiled(measure func() (*results, error)) (*results, error) {
	if s.cfg.Profile == "" {
		return measure()
	}
	f, err := os.Create(s.cfg.Profile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	defer pprof.StopCPUProfile()
	return measure()
}
