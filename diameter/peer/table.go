package peer

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeagent/diameter/peer/base"
	"homeagent/diameter/peer/replay"
)

// A Table connects to its peers for as long as Run runs.
type Table struct {
	config    Config
	tls       atomic.Pointer[credentials]
	doorway   *doorway
	strangers throttle // of what concerns no listed peer
	refusals  refusals
	memory    *replay.Memory[waiter]
	ends      endToEnd
	ready     chan struct{}
	running   sync.WaitGroup // connections and attempts to connect
	listeners []net.Listener

	// The network, other in tests.
	listener func(ctx context.Context, address string) (net.Listener, error)
	dialer   func(ctx context.Context, address string) (net.Conn, error)

	mu    sync.Mutex
	peers []*peer     // replaced, never modified
	start func(*peer) // nil while Run does not run
}

// New checks the configuration. Nothing is opened before Run.
func New(config Config) (*Table, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	limits := config.Limits
	t := &Table{
		config:    config,
		doorway:   newDoorway(limits.Strangers, limits.StrangersPerSource),
		strangers: throttle{log: config.Log},
		memory: replay.New[waiter](replay.Limits{
			Entries: limits.Duplicates, Bytes: limits.DuplicateBytes, Age: limits.DuplicateAge}),
		ready:    make(chan struct{}),
		listener: listenTCP,
		dialer:   dialTCP,
	}
	t.ends.init(time.Now())
	t.tls.Store(newCredentials(config.TLS))
	for _, p := range config.Peers {
		t.peers = append(t.peers, newPeer(t, p))
	}
	return t, nil
}

// Run listens, dials and serves until ctx ends; it may be called once. At the
// end requests in progress may finish, every peer gets a DPR with the cause
// REBOOTING, and Run returns nil when all connections are closed. An error means
// that it could not listen.
func (t *Table) Run(ctx context.Context) error {
	if err := t.listen(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	t.start = func(p *peer) { t.running.Go(func() { p.run(ctx) }) }
	for _, p := range t.peers {
		t.start(p)
	}
	t.mu.Unlock()
	for i, l := range t.listeners {
		t.running.Go(func() { t.accept(ctx, l, t.config.Listeners[i].TLS) })
	}
	close(t.ready)
	<-ctx.Done()
	t.stopListening()
	t.doorway.close()
	t.mu.Lock()
	t.start = nil
	peers := t.peers
	t.mu.Unlock()
	dismiss(peers, base.Rebooting)
	t.running.Wait()
	return nil
}

// dismiss tells peers to leave and waits until they have.
func dismiss(peers []*peer, why base.Cause) {
	var leaving sync.WaitGroup
	for _, p := range peers {
		leaving.Go(func() {
			p.notify(notice{kind: leave, why: why})
			<-p.ended
		})
	}
	leaving.Wait()
}

// Ready is closed when all listeners listen.
func (t *Table) Ready() <-chan struct{} { return t.ready }

// String names the Table among the tasks of a daemon.
func (t *Table) String() string { return "Diameter peers" }

// Addrs returns the addresses listened at, in the order of the configuration,
// once Ready is closed; nil before.
func (t *Table) Addrs() []net.Addr {
	select {
	case <-t.ready:
	default:
		return nil
	}
	var addrs []net.Addr
	for _, l := range t.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// Peers returns what is known of every peer, in the order of the configuration.
func (t *Table) Peers() []Status {
	var all []Status
	for _, p := range t.all() {
		all = append(all, p.status())
	}
	return all
}

// Traffic returns what concerns no listed peer, or all of them.
func (t *Table) Traffic() Traffic {
	t.doorway.mu.Lock()
	defer t.doorway.mu.Unlock()
	traffic := Traffic{
		Strangers: t.doorway.queue.Len(), StrangersTurnedAway: t.doorway.turned,
		Remembered: t.memory.Len(), ForgottenEarly: t.memory.Evicted(),
	}
	for reason := range traffic.Refused {
		traffic.Refused[reason] = t.refusals.counts[reason].Load()
	}
	return traffic
}

func (t *Table) all() []*peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.peers
}

// find returns the peer of that identity.
func (t *Table) find(host string) (*peer, bool) {
	all := t.all()
	i := slices.IndexFunc(all, func(p *peer) bool { return strings.EqualFold(p.config.Host, host) })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// lists reports whether a peer of that identity is listed.
func (t *Table) lists(host string) bool {
	_, ok := t.find(host)
	return ok
}
