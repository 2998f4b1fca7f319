package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/lab/bench"
	"homeagent/ike"
	"homeagent/ike/psk"
)

// newcomer bootstraps mobile node i and returns what it then knows.
func (s *stage) newcomer(ctx context.Context, i int) (ike.Credential, error) {
	o, err := s.aaa.bootstrap(ctx, agentIdentity, i)
	if err != nil {
		return ike.Credential{}, err
	}
	return known(o)
}

// known is what a mobile node derives from its key and what it was told.
func known(o aaahome.Outcome) (ike.Credential, error) {
	c := ike.Credential{UserName: o.Request.UserName, HomeAddress: o.Answer.HomeAddress, HomeAgent: homeAgent}
	var err error
	c.PSK, err = psk.Derive(o.Request.Key, o.Request.KeyID, c.HomeAddress, c.HomeAgent)
	return c, err
}

// setups measures the IKE set-up of n newcomers, one after the other: the home
// agent's strongSwan's processor time for each, and how long each took.
func (s *stage) setups(ctx context.Context, n int) (cpu time.Duration, took bench.Sample, err error) {
	creds := make([]ike.Credential, n)
	for i := range creds {
		if creds[i], err = s.newcomer(ctx, s.next()); err != nil {
			return 0, took, err
		}
	}
	if err := s.nodes.configure(ctx, creds...); err != nil {
		return 0, took, err
	}
	cpu, err = bench.NewClock(s.rig.agent.Pid()).Used(func() (err error) {
		took, err = bench.Run(ctx, 1, n, func(ctx context.Context, i int) error {
			_, err := s.nodes.authenticate(ctx, creds[i])
			return err
		})
		return err
	})
	return cpu / time.Duration(n), took, errors.Join(err, s.nodes.dismiss(ctx, creds...))
}

// A restart tells how long what took after strongSwan was killed and started, all
// counted from its start.
type restart struct {
	charon   time.Duration // until it answered calls
	answered time.Duration // until a newcomer's HMA
	works    time.Duration // until its key worked
}

// restart kills the home agent's strongSwan, starts it again at once and sends in a
// newcomer.
func (s *stage) restart(ctx context.Context) (r restart, err error) {
	if err := s.rig.agent.Kill(); err != nil {
		return r, err
	}
	start := time.Now()
	var both errgroup.Group
	both.Go(func() error {
		err := s.rig.agent.Start()
		r.charon = time.Since(start)
		return err
	})
	both.Go(func() error {
		c, err := s.newcomer(ctx, s.next())
		if err != nil {
			return err
		}
		r.answered = time.Since(start)
		if err := s.nodes.configure(ctx, c); err != nil {
			return err
		}
		if _, err := s.nodes.authenticate(ctx, c); err != nil {
			return err
		}
		r.works = time.Since(start)
		return s.nodes.dismiss(ctx, c)
	})
	return r, both.Wait()
}

// scale measures what many live sessions do to a newcomer's IKE set-up, and to a
// restart of strongSwan.
func (s *section) scale(ctx context.Context) error {
	path := s.rig.file(fmt.Sprintf("population-%d.db", len(s.population.sessions)))
	st, err := newStage(ctx, s.rig, &s.population, path)
	if err != nil {
		return err
	}
	return errors.Join(s.scaleOn(ctx, st), st.close())
}

func (s *section) scaleOn(ctx context.Context, st *stage) error {
	s.report.Stepf("%d newcomers run IKE", s.cfg.Newcomers)
	cpu, took, err := st.setups(ctx, s.cfg.Newcomers)
	if err != nil {
		return err
	}
	s.report.Stepf("strongSwan is killed and started again")
	again, err := st.restart(ctx)
	if err != nil {
		return err
	}
	s.report.Linef("")
	s.report.Judge(bench.Aim{
		What:  fmt.Sprintf("strongSwan's CPU for a newcomer's IKE set-up, %d live", st.live),
		Value: float64(cpu) / float64(time.Millisecond), Limit: 5, Unit: " ms",
	})
	s.report.Linef("        (took p50 %s ms, p99 %s ms; 480 ms of CPU when all were loaded)", bench.Millis(took.Quantile(0.5)), bench.Millis(took.Quantile(0.99)))
	s.report.Judge(bench.Aim{
		What:  fmt.Sprintf("strongSwan restarted with %d live, until a newcomer's key works", st.live),
		Value: again.works.Seconds(), Limit: 2, Unit: " s",
	})
	s.report.Linef("        (strongSwan itself answered after %s ms, the HMR after %s ms)", bench.Millis(again.charon), bench.Millis(again.answered))
	return nil
}
