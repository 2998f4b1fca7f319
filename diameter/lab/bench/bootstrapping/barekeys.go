package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"homeagent/ike"
	"homeagent/ike/vici"
)

const (
	// batch is how many connections the home agent loads with one call at most.
	batch = 16
	// slack is how many evictions it puts off while newcomers wait.
	slack = 32
)

// BareKeys makes the calls on strongSwan that newcomers take, in the order in which
// the home agent makes them, and does nothing else: of each newcomer the key and the
// connection are loaded, connections several at a time when many wait, and when a
// window is full those of the oldest are unloaded, after those who wait.
type bareKeys struct {
	window int
	wake   chan struct{}

	mu          sync.Mutex
	held        []string // names, oldest first
	keys, conns bareLane
	busy        bool
}

// An arrival is a newcomer on one lane.
type arrival struct {
	cred ike.Credential
	done chan error
}

// A bareLane is what there is to do with keys, or with connections.
type bareLane struct {
	batch  int
	load   func(context.Context, []arrival) error
	unload func(context.Context, string) error

	waiting []arrival
	evicted []string
	loaded  bool // the last call was for newcomers
}

func newBareKeys(l *vici.Link, window int) *bareKeys {
	return &bareKeys{
		window: window, wake: make(chan struct{}, 1),
		keys: bareLane{batch: 1, unload: l.UnloadShared, load: func(ctx context.Context, some []arrival) error {
			return l.LoadShared(ctx, shared(some[0].cred))
		}},
		conns: bareLane{batch: batch, unload: l.UnloadConn, load: func(ctx context.Context, some []arrival) error {
			all := make([]vici.Conn, len(some))
			for i, a := range some {
				all[i] = connection(a.cred)
			}
			return l.LoadConns(ctx, all...)
		}},
	}
}

// run works until the context ends or a call fails.
func (b *bareKeys) run(ctx context.Context) error {
	for {
		call := b.next()
		if call == nil {
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := call(ctx); err != nil {
			return err
		}
	}
}

// arm has a newcomer loaded and waits until it is.
func (b *bareKeys) arm(ctx context.Context, c ike.Credential) error {
	done := make(chan error, 2)
	b.admit(arrival{c, done})
	for range cap(done) {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// admit gives a newcomer a place, and has the oldest go for it if there is none.
func (b *bareKeys) admit(a arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, ike.ConnectionName(a.cred.HomeAddress))
	for _, l := range []*bareLane{&b.keys, &b.conns} {
		l.waiting = append(l.waiting, a)
		if len(b.held) > b.window {
			l.evicted = append(l.evicted, b.held[0])
		}
	}
	if len(b.held) > b.window {
		b.held = b.held[1:]
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// next is the call to make now, nil if there is nothing to do.
func (b *bareKeys) next() func(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	first, second := &b.conns, &b.keys
	gathered := map[int]int{2: len(b.conns.waiting), 1: len(b.conns.evicted)}
	if keys, conns := b.keys.urgency(), b.conns.urgency(); keys > conns || keys == conns && gathered[conns] < batch {
		first, second = second, first
	}
	call := first.next()
	if call == nil {
		call = second.next()
	}
	b.busy = call != nil
	return call
}

// urgency is 2 while newcomers wait who are next, 1 while somebody has to go, and 0
// when there is nothing to do.
func (l *bareLane) urgency() int {
	switch {
	case l.loaded && len(l.evicted) > slack:
		return 1
	case len(l.waiting) > 0:
		return 2
	case len(l.evicted) > 0:
		return 1
	}
	return 0
}

// next takes the next call of a lane.
func (l *bareLane) next() func(context.Context) error {
	switch l.urgency() {
	case 2:
		n := min(l.batch, len(l.waiting))
		some := l.waiting[:n:n]
		l.waiting, l.loaded = l.waiting[n:], true
		return func(ctx context.Context) error {
			err := l.load(ctx, some)
			for _, a := range some {
				a.done <- err
			}
			return err
		}
	case 1:
		name := l.evicted[0]
		l.evicted, l.loaded = l.evicted[1:], false
		return func(ctx context.Context) error { return l.unload(ctx, name) }
	}
	return nil
}

// empty unloads all that is held.
func (b *bareKeys) empty(ctx context.Context) error {
	b.mu.Lock()
	held := b.held
	b.held = nil
	b.mu.Unlock()
	for _, name := range held {
		if err := errors.Join(b.keys.unload(ctx, name), b.conns.unload(ctx, name)); err != nil {
			return err
		}
	}
	return nil
}

// drained waits until all evictions are done.
func (b *bareKeys) drained(ctx context.Context) error {
	return ready(ctx, "the last evictions", func(context.Context) (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return !b.busy && b.keys.urgency()+b.conns.urgency() == 0, nil
	})
}

// shared is the key of a newcomer as the home agent loads it.
func shared(c ike.Credential) vici.Shared {
	return vici.Shared{
		ID: ike.ConnectionName(c.HomeAddress), Owners: []string{"email:" + c.UserName, c.HomeAddress.String()}, Key: c.PSK,
	}
}

// connection is the connection of a newcomer as the home agent loads it.
func connection(c ike.Credential) vici.Conn {
	payload := child("payload", "tunnel", ike.PayloadReqID(1001), "::/0", c.HomeAddress.String()+"/128")
	payload.MarkIn = payload.ReqID
	return vici.Conn{
		Name: ike.ConnectionName(c.HomeAddress), Local: c.HomeAgent, LocalID: "fqdn:" + agentIdentity, RemoteID: "email:" + c.UserName,
		Proposals: ikeProposals, Rekey: 4 * time.Hour, DPD: 2 * time.Minute, Unique: "replace",
		Children: []vici.Child{
			child("mh", "transport_proxy", 1001, c.HomeAgent.String()+"/128[135]", c.HomeAddress.String()+"/128[135]"),
			child("rr", "tunnel", ike.RoutabilityReqID(1001), "::/0[135]", c.HomeAddress.String()+"/128[135]"),
			child("ht", "tunnel", ike.RoutabilityReqID(1001), "::/0[135/768]", c.HomeAddress.String()+"/128[135/256]"),
			child("mpd", "transport_proxy", ike.PrefixReqID(1001), c.HomeAgent.String()+"/128[58]", c.HomeAddress.String()+"/128[58]"),
			payload,
		},
	}
}

func child(name, mode string, reqID uint32, local, remote string) vici.Child {
	return vici.Child{
		Name: name, Mode: mode, ReqID: reqID, LocalTS: []string{local}, RemoteTS: []string{remote},
		Proposals: espProposals, Rekey: time.Hour,
	}
}

// stranger is a mobile node that was never bootstrapped.
func stranger(i int) (ike.Credential, error) {
	s, err := newSession(strangers + i)
	c := credential(&s)
	c.UserName = fmt.Sprintf("stranger%d@bench.example", i)
	c.EstablishedAt = time.Time{}
	return c, err
}

// strangers is above the number of every resident.
const strangers = 1 << 20
