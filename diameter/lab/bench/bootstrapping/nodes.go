package bootstrapping

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/diameter/lab/testbed"
	"homeagent/ike"
	"homeagent/ike/vici"
)

// Nodes are mobile nodes, all played by one strongSwan, that authenticate with a
// home agent. Their IKE_SAs are without CHILD_SA (RFC 6023): ESP is more than the
// kernel of this machine need be able to do, and happens after what is measured.
type nodes struct {
	*link
}

func newNodes(ctx context.Context, charon *testbed.Charon) (*nodes, error) {
	l, err := connect(ctx, charon.Socket())
	if err != nil {
		return nil, err
	}
	return &nodes{l}, nil
}

// configure gives a mobile node its side of what the home agent was told.
func (n *nodes) configure(ctx context.Context, creds ...ike.Credential) error {
	conns := make([]vici.Conn, len(creds))
	for i, c := range creds {
		name := ike.ConnectionName(c.HomeAddress)
		if err := n.LoadShared(ctx, vici.Shared{ID: name, Owners: []string{"email:" + c.UserName}, Key: c.PSK}); err != nil {
			return err
		}
		conns[i] = vici.Conn{
			Name: name, Local: careOf(i), Remote: c.HomeAgent, LocalID: "email:" + c.UserName, RemoteID: "fqdn:" + agentIdentity,
			Proposals: ikeProposals, Childless: vici.ChildlessForce,
		}
	}
	return n.LoadConns(ctx, conns...)
}

// authenticate sets up a mobile node's IKE_SA and tells how long that took.
func (n *nodes) authenticate(ctx context.Context, c ike.Credential) (time.Duration, error) {
	start := time.Now()
	if err := n.Initiate(ctx, ike.ConnectionName(c.HomeAddress), ""); err != nil {
		return 0, fmt.Errorf("authenticating as %s: %w", c.UserName, err)
	}
	return time.Since(start), nil
}

// dismiss forgets keys and connections; the IKE_SAs live on.
func (n *nodes) dismiss(ctx context.Context, creds ...ike.Credential) error {
	var parts errgroup.Group
	parts.Go(func() error {
		for _, c := range creds {
			if err := n.UnloadShared(ctx, ike.ConnectionName(c.HomeAddress)); err != nil {
				return err
			}
		}
		return nil
	})
	parts.Go(func() error {
		for _, c := range creds {
			if err := n.UnloadConn(ctx, ike.ConnectionName(c.HomeAddress)); err != nil {
				return err
			}
		}
		return nil
	})
	return parts.Wait()
}
