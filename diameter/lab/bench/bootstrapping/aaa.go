package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/peer"
)

// answerTime bounds the wait for one answer.
const answerTime = 30 * time.Second

// An aaa is the AAA server: one TCP connection to each Diameter node it asks.
type aaa struct {
	table   *peer.Table
	clients map[string]*aaahome.Client // by identity of the node asked
	plan    aaahome.Plan
	done    chan error
	cancel  context.CancelFunc
}

// A node is a Diameter node to be asked.
type node struct{ identity, address string }

// startAAA connects to all nodes.
func startAAA(ctx context.Context, nodes ...node) (*aaa, error) {
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	cfg := peer.Config{
		Host: aaaIdentity, Realm: realm, VendorID: d.Codes().Vendor,
		Applications: []peer.Application{{Vendor: d.Codes().Vendor, AuthID: d.Codes().Application}},
		Commands:     d.Known, Log: log,
		Timers:  peer.Timers{Disconnect: 100 * time.Millisecond}, // go-diameter never answers DPR
		Handler: aaahome.Handler{Identity: diameter.Identity{Host: aaaIdentity, Realm: realm}, Log: log},
	}
	a := &aaa{clients: map[string]*aaahome.Client{}, done: make(chan error, 1)}
	for _, n := range nodes {
		cfg.Peers = append(cfg.Peers, peer.PeerConfig{Host: n.identity, Connect: n.address, Secured: peer.SecuredLoopback})
	}
	if a.table, err = peer.New(cfg); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		a.clients[n.identity] = &aaahome.Client{Sender: a.table, Dictionary: d, Codec: bootstrap.NewCodec(d), Peer: n.identity, Timeout: answerTime}
	}
	a.plan = aaahome.Plan{
		Users: userPattern, Count: 1 << 30, OriginHost: aaaIdentity, OriginRealm: realm,
		DestinationHost: agentIdentity, DestinationRealm: realm, AuthorizationLifetime: 3600 * 24,
		Vector: bootstrap.Requested, Keys: aaahome.RandomKeys(64), KeyID: 1, Run: uint32(time.Now().Unix()),
	}
	running, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go func() { a.done <- a.table.Run(running) }()
	if err := ready(ctx, "Diameter connections", a.isOpen); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

func (a *aaa) isOpen(context.Context) (bool, error) {
	for _, s := range a.table.Peers() {
		if !s.Open {
			return false, fmt.Errorf("%s is not connected: %s", s.Host, s.LastError)
		}
	}
	return true, nil
}

func (a *aaa) stop() error {
	a.cancel()
	return <-a.done
}

// bootstrap sends the HMR of user i to a node and expects success. It returns
// what was asked and answered.
func (a *aaa) bootstrap(ctx context.Context, to string, i int) (aaahome.Outcome, error) {
	hmr, err := a.plan.HMR(i)
	if err != nil {
		return aaahome.Outcome{}, err
	}
	o := a.clients[to].Send(ctx, hmr)
	switch {
	case o.Err != nil:
		return o, o.Err
	case !o.Is(diameter.Success):
		return o, fmt.Errorf("%s answered the HMR for %s with %s: %s", to, hmr.UserName, o.Result(), o.Answer.ErrorMessage)
	}
	return o, nil
}
