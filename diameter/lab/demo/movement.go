package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/testbed"
)

// interval is the time between two packets of the correspondent.
const interval = 10 * time.Millisecond

func (s *scene) register(ctx context.Context) ([]string, error) {
	registration, err := s.node.Register(ctx, testbed.CareOfAddressA)
	return []string{
		acknowledged(registration),
		"the home agent took a second to make sure that nobody on the home link has the address",
	}, err
}

func acknowledged(r mobilenode.Registration) string {
	return fmt.Sprintf("Binding Acknowledgement: %s", r)
}

func (s *scene) reach(ctx context.Context) ([]string, error) {
	rtt, err := s.lab.Correspondent.Ping(ctx, s.home)
	if err != nil {
		return nil, err
	}
	output, err := s.control(ctx, "bindings")
	seen := []string{fmt.Sprintf("%s pings %s: %v", testbed.CorrespondentAddress, s.home, rtt.Round(10*time.Microsecond))}
	seen = append(seen, prompt("homeagentctl bindings", output)...)
	if err == nil && !strings.Contains(output, testbed.CareOfAddressA.String()) {
		err = fmt.Errorf("homeagentctl bindings does not show %s", testbed.CareOfAddressA)
	}
	return seen, err
}

func (s *scene) move(ctx context.Context) ([]string, error) {
	return s.underTraffic(ctx, s.lab.AtForeignB(), func(ctx context.Context) (mobilenode.Registration, error) {
		return s.node.Register(ctx, testbed.CareOfAddressB)
	})
}

// protect has a second CHILD_SA set up, which the home agent takes for the wish that
// it forwards under ESP only.
func (s *scene) protect(ctx context.Context) ([]string, error) {
	association, err := s.node.Protect(ctx, mobilenode.Protect{Payload: true})
	if err != nil {
		return nil, err
	}
	rtt, err := s.lab.Correspondent.Ping(ctx, s.home)
	if err != nil {
		return nil, err
	}
	output, err := s.control(ctx, "binding", s.home.String())
	seen := []string{
		fmt.Sprintf("the IKE_SA has %d CHILD_SAs now", len(association.IKE.Children)),
		fmt.Sprintf("%s pings %s: %v", testbed.CorrespondentAddress, s.home, rtt.Round(10*time.Microsecond)),
	}
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "under ESP") {
			return append(seen, prompt("homeagentctl binding "+s.home.String()+" | grep ESP", line)...), nil
		}
	}
	return seen, errors.Join(err, fmt.Errorf("homeagentctl binding does not say what is under ESP"))
}

func (s *scene) moveBack(ctx context.Context) ([]string, error) {
	return s.underTraffic(ctx, s.lab.AtForeignA(), func(ctx context.Context) (mobilenode.Registration, error) {
		return s.node.Register(ctx, testbed.CareOfAddressA)
	})
}

func (s *scene) returnHome(ctx context.Context) ([]string, error) {
	return s.underTraffic(ctx, s.lab.AtHome(s.home), s.node.ReturnHome)
}

// underTraffic moves the node and registers while the correspondent sends, and
// tells what was lost.
func (s *scene) underTraffic(ctx context.Context, to testbed.Place, register func(context.Context) (mobilenode.Registration, error)) ([]string, error) {
	traffic, err := s.lab.Correspondent.SendTraffic(s.home, interval)
	if err != nil {
		return nil, err
	}
	defer traffic.Stop()
	if err := replies(ctx, traffic, 20); err != nil {
		return nil, err
	}
	if err := s.lab.MoveTo(to); err != nil {
		return nil, err
	}
	registration, err := register(ctx)
	if err != nil {
		return nil, err
	}
	err = replies(ctx, traffic, 20)
	return []string{
		fmt.Sprintf("plugged in to link %s with address %s", to.Link, to.Address.Addr()),
		acknowledged(registration),
		fmt.Sprintf("the correspondent's packets, one each %v: %s", interval, traffic.Stop()),
	}, err
}

// replies waits until so many more packets were answered.
func replies(ctx context.Context, traffic *testbed.Traffic, count int) error {
	before := traffic.Report().Received
	for traffic.Report().Received < before+count {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for replies: %w (%s)", ctx.Err(), traffic.Report())
		case <-time.After(interval):
		}
	}
	return nil
}

func (s *scene) lookAtBindings(ctx context.Context) ([]string, error) {
	output, err := s.control(ctx, "bindings")
	if err == nil && strings.Contains(output, testbed.CareOfAddressA.String()) {
		err = fmt.Errorf("homeagentctl bindings still shows %s", testbed.CareOfAddressA)
	}
	return prompt("homeagentctl bindings", output), err
}
