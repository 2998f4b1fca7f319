package registration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"homeagent/diameter/lab/bench"
)

// Config says how much is measured, and where.
type Config struct {
	// Folder takes store, sockets and logs. It must be on a disk.
	Folder string
	// Binaries is the folder with homeagentd and homeagent-lab.
	Binaries string
	// Nodes is how many mobile nodes register.
	Nodes int
	// Rounds is how often everything is measured.
	Rounds int
}

// Run measures and reports. An aim that is missed is no error.
func Run(ctx context.Context, cfg Config, report *bench.Report) error {
	if least := witnesses + sum(loads) + counted.count; cfg.Nodes < least {
		return fmt.Errorf("measuring with %d mobile nodes (must be at least %d)", cfg.Nodes, least)
	}
	report.Heading("Registration: Binding Update to Acknowledgement, beside a bare responder")
	for _, line := range preface {
		report.Linef("%s", line)
	}
	for _, name := range []string{"homeagentd", "homeagent-lab"} {
		if _, err := os.Stat(filepath.Join(cfg.Binaries, name)); err != nil {
			return fmt.Errorf("looking for the programs to measure: %w", err)
		}
	}
	report.Stepf("making %d mobile nodes with security associations", cfg.Nodes)
	r, err := newRig(cfg)
	if err != nil {
		return err
	}
	s := &section{cfg: cfg, rig: r, report: report, at: make([]int, cfg.Nodes)}
	return errors.Join(s.run(ctx), r.close())
}

// preface says what the reader must know of the measurement.
var preface = []string{
	"Real: homeagentd with a durable commit on disk for each change, the kernel (User-Mode Linux, one",
	"processor for all parts), Mobility Header socket, ESP (AES-CBC, HMAC-SHA-256) and policies; a",
	"virtual home link. Played: the mobile nodes; their security associations are made by hand, and no",
	"strongSwan runs. The bare responder has the same socket, policies and ESP, and only answers.",
	"UMIP's figures are from the same kernel, without IPsec and durability, with 64 outstanding.",
}

// A section is one run of all of it.
type section struct {
	cfg    Config
	rig    *rig
	report *bench.Report
	// at is the place of each of the home agent's nodes.
	at []int
	// next is who is measured next.
	next    int
	results results
}

func (s *section) run(ctx context.Context) error {
	s.report.Stepf("starting homeagentd with %d sessions", s.cfg.Nodes)
	if err := s.rig.start(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{s.fill, s.measure, s.count, s.expire} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("%w\nthe daemon's last words:\n%s", err, tail(s.rig.daemon.Output(), 2000))
		}
	}
	s.report.Linef("")
	s.report.Table(*s.results.table())
	s.report.Linef("")
	s.results.showCalls(s.report)
	s.report.Linef("")
	s.results.judge(s.report)
	if n, err := s.rig.nodes.Strange(); n > 0 {
		s.report.Linef("        (%d packets were no acknowledgement that a node waited for; the last one: %v)", n, err)
	}
	return nil
}

// tail is the end of a text.
func tail(text string, most int) string { return text[max(0, len(text)-most):] }

// fill registers everybody for the first time, and finds what that costs the
// kernel in memory.
func (s *section) fill(ctx context.Context) error {
	s.report.Stepf("registering %d mobile nodes", s.cfg.Nodes)
	kernel, err := kernelMemory()
	if err != nil {
		return err
	}
	process, err := residentMemory(s.rig.daemon.ID())
	if err != nil {
		return err
	}
	s.results.filled, err = bench.Run(ctx, outstanding, s.cfg.Nodes, func(ctx context.Context, i int) error {
		return s.update(ctx, i, lifetime)
	})
	if err != nil {
		return err
	}
	if err := s.check(s.cfg.Nodes); err != nil {
		return err
	}
	kernelAfter, err := kernelMemory()
	if err != nil {
		return err
	}
	processAfter, err := residentMemory(s.rig.daemon.ID())
	s.results.kernel = float64(kernelAfter-kernel) / float64(s.cfg.Nodes)
	s.results.process = float64(processAfter-process) / float64(s.cfg.Nodes)
	return err
}

// check makes sure that the kernel holds what n bindings need and no more.
func (s *section) check(n int) error {
	routes, filters, err := s.rig.daemon.held()
	if err == nil && (routes != n || filters != n) {
		err = fmt.Errorf("looking at the kernel with %d bindings: it has %d routes and %d filters for them (must be one each)", n, routes, filters)
	}
	return err
}

const (
	// lifetime is what nodes ask for where it does not matter.
	lifetime = time.Hour
	// outstanding is how many updates are under way when many are.
	outstanding = 64
)
