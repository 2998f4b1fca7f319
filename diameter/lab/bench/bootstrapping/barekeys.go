package bootstrapping

import (
	"context"
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

// BareKeys makes the calls on strongSwan that newcomers take, in the way the home
// agent makes them, and does nothing else: of each newcomer the key and the
// connection are loaded, side by side, and when a window is full those of the
// oldest are unloaded, after those who wait.
type bareKeys struct {
	window int
	lanes  []*bareLane

	mu   sync.Mutex
	held []string // names, oldest first
}

// An arrival is a newcomer on one lane.
type arrival struct {
	cred ike.Credential
	done chan error
}

// A bareLane makes one kind of calls, one after the other.
type bareLane struct {
	batch  int
	load   func(context.Context, []arrival) error
	unload func(context.Context, string) error
	wake   chan struct{}

	mu      sync.Mutex
	waiting []arrival
	evicted []string
	loaded  bool // the last call was for newcomers
	busy    bool
}

func newBareKeys(l *vici.Link, window int) *bareKeys {
	keys := &bareLane{batch: 1, wake: make(chan struct{}, 1), unload: l.UnloadShared,
		load: func(ctx context.Context, some []arrival) error { return l.LoadShared(ctx, shared(some[0].cred)) }}
	conns := &bareLane{batch: batch, wake: make(chan struct{}, 1), unload: l.UnloadConn,
		load: func(ctx context.Context, some []arrival) error {
			all := make([]vici.Conn, len(some))
			for i, a := range some {
				all[i] = connection(a.cred)
			}
			return l.LoadConns(ctx, all...)
		}}
	return &bareKeys{window: window, lanes: []*bareLane{keys, conns}}
}

// run works until the context ends or a call fails.
func (b *bareKeys) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var lanes sync.WaitGroup
	for _, l := range b.lanes {
		lanes.Go(func() { cancel(l.run(ctx)) })
	}
	lanes.Wait()
	return context.Cause(ctx)
}

// arm has a newcomer loaded and waits until it is.
func (b *bareKeys) arm(ctx context.Context, c ike.Credential) error {
	evicted := b.admit(ike.ConnectionName(c.HomeAddress))
	done := make(chan error, len(b.lanes))
	for _, l := range b.lanes {
		l.push(arrival{c, done}, evicted)
	}
	for range b.lanes {
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

// admit gives a newcomer a place, and returns who has to go for it, if anybody.
func (b *bareKeys) admit(name string) (evicted string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, name)
	if len(b.held) > b.window {
		evicted, b.held = b.held[0], b.held[1:]
	}
	return evicted
}

// empty unloads all that is held.
func (b *bareKeys) empty(ctx context.Context) error {
	b.mu.Lock()
	held := b.held
	b.held = nil
	b.mu.Unlock()
	for _, l := range b.lanes {
		for _, name := range held {
			if err := l.unload(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// drained waits until all evictions are done.
func (b *bareKeys) drained(ctx context.Context) error {
	return ready(ctx, "the last evictions", func(context.Context) (bool, error) {
		idle := true
		for _, l := range b.lanes {
			l.mu.Lock()
			idle = idle && len(l.evicted) == 0 && len(l.waiting) == 0 && !l.busy
			l.mu.Unlock()
		}
		return idle, nil
	})
}

func (l *bareLane) push(a arrival, evicted string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, a)
	if evicted != "" {
		l.evicted = append(l.evicted, evicted)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *bareLane) run(ctx context.Context) error {
	for {
		some, name := l.next()
		var err error
		switch {
		case len(some) > 0:
			err = l.load(ctx, some)
			for _, a := range some {
				a.done <- err
			}
		case name != "":
			err = l.unload(ctx, name)
		default:
			select {
			case <-l.wake:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
}

// next is what to do now: load some, unload one, or wait.
func (l *bareLane) next() (some []arrival, evicted string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	turn := l.loaded && len(l.evicted) > slack
	l.busy, l.loaded = true, len(l.waiting) > 0 && !turn
	switch {
	case l.loaded:
		n := min(l.batch, len(l.waiting))
		some, l.waiting = l.waiting[:n:n], l.waiting[n:]
	case len(l.evicted) > 0:
		evicted, l.evicted = l.evicted[0], l.evicted[1:]
	default:
		l.busy = false
	}
	return some, evicted
}

// shared is the key of a newcomer as the home agent loads it.
func shared(c ike.Credential) vici.Shared {
	return vici.Shared{
		ID: ike.ConnectionName(c.HomeAddress), Owners: []string{"email:" + c.UserName, c.HomeAddress.String()}, Key: c.PSK,
	}
}

// connection is the connection of a newcomer as the home agent loads it.
func connection(c ike.Credential) vici.Conn {
	return vici.Conn{
		Name: ike.ConnectionName(c.HomeAddress), Local: c.HomeAgent, LocalID: "fqdn:" + agentIdentity, RemoteID: "email:" + c.UserName,
		Proposals: ikeProposals, Rekey: 4 * time.Hour, DPD: 2 * time.Minute, Unique: "replace",
		Children: []vici.Child{{
			Name: "mh", Mode: "transport_proxy", ReqID: 1001, Proposals: espProposals, Rekey: time.Hour,
			LocalTS: []string{c.HomeAgent.String() + "/128[135]"}, RemoteTS: []string{c.HomeAddress.String() + "/128[135]"},
		}},
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
