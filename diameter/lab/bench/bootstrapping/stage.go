package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"homeagent/agent/store/boltstore"
	"homeagent/diameter/lab/bench"
)

// A stage is one round's set of things to be measured side by side, with a number
// of live sessions: the whole home agent, and the bare parts of what it does. It
// is new in each round, so that each begins with the same sessions.
type stage struct {
	rig     *rig
	live    int
	home    *home
	aaa     *aaa
	nodes   *nodes
	keys    *bareKeys
	records *boltstore.Store

	newcomers atomic.Int64
	closers   []func() error // in reverse order
}

// newStage sets everything up with a population of live sessions; the store at
// path holds it.
func newStage(ctx context.Context, r *rig, p *population, path string) (*stage, error) {
	s := &stage{rig: r, live: len(p.sessions)}
	for _, build := range []func(context.Context, string) error{s.startHome, s.startDiameter, s.openRecords, s.loadKeys} {
		if err := build(ctx, path); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// startHome starts the home agent on a copy of the population's store and waits
// until its strongSwan holds as many sessions as it should.
func (s *stage) startHome(ctx context.Context, path string) (err error) {
	own := s.rig.file("state.db")
	if err := copyFile(own, path); err != nil {
		return err
	}
	if s.home, err = startHome(ctx, s.rig.folder, s.rig.agent.Socket(), own); err != nil {
		return err
	}
	s.closers = append(s.closers, s.home.stop)
	if err := s.home.loaded(ctx, min(s.live, s.home.window)); err != nil {
		return err
	}
	return s.calm(ctx)
}

// calm waits until strongSwan has done what the start of a home agent asks of it:
// it lists all IKE_SAs once.
func (s *stage) calm(ctx context.Context) error {
	clock := bench.NewClock(s.rig.agent.Pid())
	return ready(ctx, "strongSwan to have nothing to do", func(context.Context) (bool, error) {
		used, err := clock.Used(func() error {
			time.Sleep(calmTime)
			return nil
		})
		return err == nil && used < calmTime/50, err
	})
}

// calmTime is how long it must have had next to nothing to do.
const calmTime = 250 * time.Millisecond

// startDiameter connects the AAA server with the home agent and with the bare
// server.
func (s *stage) startDiameter(ctx context.Context, _ string) (err error) {
	if s.aaa, err = startAAA(ctx, node{agentIdentity, s.home.address}, node{bareIdentity, s.rig.server.address()}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.aaa.stop)
	return nil
}

// openRecords opens another copy of the store, for the bare commits.
func (s *stage) openRecords(_ context.Context, path string) (err error) {
	bare := s.rig.file("bare.db")
	if err := copyFile(bare, path); err != nil {
		return err
	}
	if s.records, err = boltstore.Open(bare, boltstore.Options{}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.records.Close)
	return nil
}

// loadKeys fills the other strongSwan, which has as many IKE_SAs as the home
// agent's, with as many keys and connections, for the bare calls.
func (s *stage) loadKeys(ctx context.Context, _ string) (err error) {
	if s.nodes, err = newNodes(ctx, s.rig.nodes); err != nil {
		return err
	}
	s.keys = newBareKeys(s.nodes.Link, s.home.window)
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.keys.run(running) }()
	s.closers = append(s.closers, func() error {
		err := s.keys.empty(context.WithoutCancel(ctx))
		cancel()
		s.nodes.close()
		if runErr := <-done; !errors.Is(runErr, context.Canceled) {
			err = errors.Join(err, runErr)
		}
		return err
	})
	_, err = bench.Run(ctx, batch, min(s.live, s.home.window), s.arm)
	return err
}

func (s *stage) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// next numbers newcomers, each once in a stage.
func (s *stage) next() int { return int(s.newcomers.Add(1)) }

// bootstrap is the whole: an HMR for a newcomer, until its HMA.
func (s *stage) bootstrap(ctx context.Context, _ int) error {
	_, err := s.aaa.bootstrap(ctx, agentIdentity, s.next())
	return err
}

// ask is bare Diameter.
func (s *stage) ask(ctx context.Context, _ int) error {
	_, err := s.aaa.bootstrap(ctx, bareIdentity, s.next())
	return err
}

// arm is bare strongSwan.
func (s *stage) arm(ctx context.Context, _ int) error {
	c, err := stranger(s.next())
	if err != nil {
		return err
	}
	return s.keys.arm(ctx, c)
}

// commit is a bare durable commit of a newcomer's records.
func (s *stage) commit(ctx context.Context, _ int) error {
	record, err := newSession(strangers + s.next())
	if err != nil {
		return err
	}
	return s.records.Apply(ctx, recordsOf(record)...)
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copying %s to %s: %w", from, to, err)
	}
	return nil
}
