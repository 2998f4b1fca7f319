package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"sync"

	"homeagent/diameter/peer/base"
)

// ErrNotRunning is the error of SetPeers and Reconfigure when Run does not run.
var ErrNotRunning = errors.New("the Diameter peers are not running")

// SetPeers replaces the peers. Those no longer listed are disconnected with the
// cause DO_NOT_WANT_TO_TALK_TO_YOU; those configured otherwise with REBOOTING,
// and connected anew. The others keep their connections. SetPeers waits until
// all who had to leave have left, which the timers Drain and Disconnect bound,
// or until ctx ends. Unless the error is ctx's, nothing has changed.
func (t *Table) SetPeers(ctx context.Context, configs []PeerConfig) error {
	return t.Reconfigure(ctx, t.tls.Load().own, configs)
}

// Reconfigure replaces the peers as SetPeers does, and our certificate and the
// authorities that we believe. Connections from then on begin with them; those
// that are open stay, as the other end has proven whom it is.
func (t *Table) Reconfigure(ctx context.Context, secure *tls.Config, configs []PeerConfig) error {
	if err := t.Check(secure, configs); err != nil {
		return err
	}
	t.mu.Lock()
	if t.start == nil {
		t.mu.Unlock()
		return ErrNotRunning
	}
	t.tls.Store(newCredentials(secure))
	before := t.peers
	t.peers = t.successors(before, configs)
	var leaving sync.WaitGroup
	for _, p := range t.peers {
		if !has(before, p.config.Host) {
			t.start(p)
		}
	}
	for _, p := range before {
		if !slices.Contains(t.peers, p) {
			leaving.Add(1)
			t.succeed(p, leaving.Done)
		}
	}
	t.mu.Unlock()
	return wait(ctx, &leaving)
}

// Check tells why Reconfigure would refuse a certificate, authorities and peers, and
// changes nothing.
func (t *Table) Check(secure *tls.Config, configs []PeerConfig) error {
	config := t.config
	config.Peers, config.TLS = configs, secure
	return config.validate()
}

// successors are the peers as configured now; those unchanged are the same.
func (t *Table) successors(before []*peer, configs []PeerConfig) []*peer {
	var next []*peer
	for _, config := range configs {
		i := slices.IndexFunc(before, func(p *peer) bool { return p.config == config })
		if i >= 0 {
			next = append(next, before[i])
		} else {
			next = append(next, newPeer(t, config))
		}
	}
	return next
}

func has(peers []*peer, host string) bool {
	return slices.ContainsFunc(peers, func(p *peer) bool { return strings.EqualFold(p.config.Host, host) })
}

// succeed dismisses a peer and then starts the one configured in its place, if
// there is one.
func (t *Table) succeed(p *peer, done func()) {
	start, why := t.start, base.DoNotWantToTalkToYou
	i := slices.IndexFunc(t.peers, func(q *peer) bool { return strings.EqualFold(q.config.Host, p.config.Host) })
	var successor *peer
	if i >= 0 {
		successor, why = t.peers[i], base.Rebooting
	}
	t.running.Go(func() {
		defer done()
		dismiss([]*peer{p}, why)
		if successor != nil {
			start(successor)
		}
	})
}

func wait(ctx context.Context, group *sync.WaitGroup) error {
	all := make(chan struct{})
	go func() {
		group.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
