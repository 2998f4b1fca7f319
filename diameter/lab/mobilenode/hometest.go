package mobilenode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"homeagent/agent/mobility"
)

// homeTestTimeout is the time between two Home Test Inits that are not answered
// (INITIAL_BINDACK_TIMEOUT, RFC 6275 sections 11.8 and 12).
const homeTestTimeout = time.Second

// TestHome does the half of a return routability test that goes by way of the home
// agent (RFC 6275 section 5.2.5): a Home Test Init to a correspondent, and its Home
// Test back. It repeats itself until ctx ends and returns how long the answered one
// took.
func (n *Node) TestHome(ctx context.Context, correspondent netip.Addr) (time.Duration, error) {
	for {
		took, err := n.testHome(ctx, correspondent)
		if err == nil {
			return took, nil
		}
		if !errors.Is(err, errTimeout) {
			return 0, fmt.Errorf("testing the home address with %s: %w", correspondent, err)
		}
	}
}

func (n *Node) testHome(ctx context.Context, correspondent netip.Addr) (time.Duration, error) {
	init := new(mobility.HomeTestInit)
	if _, err := rand.Read(init.Cookie[:]); err != nil {
		return 0, err
	}
	message, err := mobility.Append(nil, init)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := n.signals.sendTo(message, correspondent); err != nil {
		return 0, err
	}
	for {
		packet, err := n.signals.receiveFrom(ctx, correspondent, start.Add(homeTestTimeout))
		if err != nil {
			return 0, err
		}
		answer, err := mobility.Parse(packet)
		if test, ok := answer.(*mobility.HomeTest); err == nil && ok && test.Cookie == init.Cookie {
			return time.Since(start), nil
		}
	}
}
