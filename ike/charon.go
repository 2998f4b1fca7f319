package ike

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"homeagent/ike/vici"
	"homeagent/ike/window"
)

// ErrUnavailable is wrapped by errors of Arm and Forget when charon could not
// be reached in time. Trying again later can help.
var ErrUnavailable = errors.New("charon is not reachable")

// errSuperseded is told to those who wait for a session that another call
// changed meanwhile.
var errSuperseded = errors.New("another call changed the same session meanwhile")

// A Charon keeps one charon supplied with credentials. Its methods may be
// called from several goroutines.
//
// What should be in charon and what is there are both held per session; the
// work of turning one into the other queues up in two lanes, one for keys and
// one for connections, and is done over whichever connection to charon there
// is. Callers change what should be, and wait.
type Charon struct {
	cfg     Config
	agent   identity
	client  *vici.Client
	ready   chan struct{}
	reports *reports

	mu        sync.Mutex
	clock     uint64 // counts changes of parts and IKE_SAs
	connected bool
	stopped   bool
	sessions  map[string]*session                     // by name in charon
	users     map[string]*session                     // by folded identity; wanted ones
	present   [partKinds]map[string]*session          // charon holds, or may hold, the part
	gone      [partKinds]map[string]bool              // names of parts unloaded since the listing began
	windows   map[netip.Addr]*window.Window[*session] // by home agent address
	lanes     [partKinds]*lane
	wake      chan struct{} // there is something in a lane
	endings   *endings
	pools     *pools
	doubts    *doubts

	since       time.Time
	refused     []Refusal
	lastError   error
	lastErrorAt time.Time
	counts      struct{ reconciled, repaired, removed, reconnects uint64 }
}

// New checks the configuration. It does not connect; Run does.
func New(cfg Config) (*Charon, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configuring charon: %w", err)
	}
	agent, err := agentIdentity(cfg.Identity)
	if err != nil {
		return nil, fmt.Errorf("configuring charon: the home agent's identity: %w", err)
	}
	client, err := vici.New(vici.Config{Socket: cfg.Socket, CallTimeout: cfg.CallTimeout, Dial: cfg.Dial, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("configuring charon: %w", err)
	}
	c := &Charon{
		cfg: cfg, agent: agent, client: client,
		ready:    make(chan struct{}),
		reports:  newReports(),
		sessions: make(map[string]*session),
		users:    make(map[string]*session),
		windows:  make(map[netip.Addr]*window.Window[*session]),
		wake:     make(chan struct{}, 1),
		endings:  newEndings(),
		doubts:   newDoubts(),
	}
	c.pools = newPools(c.wake)
	for k := range partKinds {
		c.lanes[k] = &lane{kind: k, wake: c.wake}
		c.present[k] = make(map[string]*session)
		c.gone[k] = make(map[string]bool)
	}
	return c, nil
}

// Ready is closed once charon has been reached and compared for the first
// time: from then on Arm works.
func (c *Charon) Ready() <-chan struct{} { return c.ready }

// String names the task.
func (c *Charon) String() string { return "charon" }

// Run connects to charon and keeps it supplied until ctx ends; it returns nil
// then. What charon holds is left in place, so that mobile nodes are served
// while the daemon restarts. It is called once.
func (c *Charon) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	tasks.Go(func() { c.reports.run(ctx) })
	tasks.Go(func() { c.turn(ctx) })
	err := c.client.Run(ctx, c.serve)
	tasks.Wait()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, s := range c.sessions {
		s.answer(ErrUnavailable)
	}
	return err
}

// serve keeps charon supplied over one connection, until ctx ends with it.
func (c *Charon) serve(ctx context.Context, link *vici.Link) error {
	if err := c.compare(ctx, link); err != nil {
		return err
	}
	c.vet(ctx, link)
	c.greet(link)
	defer func() { c.part(context.Cause(ctx)) }()

	var tasks sync.WaitGroup
	tasks.Go(func() { c.work(ctx, link) })
	tasks.Go(func() { c.follow(ctx, link) })
	tasks.Go(func() { c.end(ctx, link) })
	tasks.Go(func() { c.poll(ctx, link) })
	tasks.Go(func() { c.resolve(ctx, link) })
	tasks.Wait()
	return context.Cause(ctx)
}

// greet records that a connection works.
func (c *Charon) greet(link *vici.Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.since = true, link.Since
	c.linked(nil)
	if c.counts.reconnects++; c.counts.reconnects == 1 {
		close(c.ready)
	}
}

// part records that it works no more. At the daemon's end there is nobody to be
// told.
func (c *Charon) part(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected = false
	if !errors.Is(why, context.Canceled) {
		c.linked(why)
	}
}

func (c *Charon) linked(err error) {
	if c.cfg.OnLink != nil {
		c.reports.add(func() { c.cfg.OnLink(err) })
	}
}

// turn lets places in the windows go round.
func (c *Charon) turn(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			c.mu.Lock()
			for _, w := range c.windows {
				c.apply(w.Tick(now), backlog)
			}
			c.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// apply carries out what a window decided.
func (c *Charon) apply(change window.Change[*session], p priority) {
	for _, s := range change.Load {
		s.placed = true
		c.push(s, p)
	}
	for _, s := range change.Evict {
		s.placed = false
		c.push(s, evict)
	}
}

func (c *Charon) push(s *session, p priority) {
	for _, l := range c.lanes {
		l.push(s, p)
	}
}

// window returns the window of a session's home agent address.
func (c *Charon) window(s *session) *window.Window[*session] {
	w := c.windows[s.cred.HomeAgent]
	if w == nil {
		w, _ = newWindow(&c.cfg) // New checked the configuration
		c.windows[s.cred.HomeAgent] = w
	}
	return w
}

// settle looks at a session after something of it has changed: tells those who
// wait when it is as it should be, and sees to what remains to be done.
func (c *Charon) settle(s *session) {
	switch {
	case s.target() != absent && s.held(s.version):
		base := s.cred
		s.base = &base
		if former := s.former; former != nil {
			s.former = nil
			c.forget(former)
		}
		s.answer(nil)
	case !s.wanted && s.held(absent) && s.ending:
		c.endings.add(ending{name: s.name})
	case !s.wanted && s.held(absent):
		s.answer(nil)
		delete(c.sessions, s.name)
	}
	switch {
	case len(s.waiters) > 0:
		c.push(s, urgent)
	case s.target() == absent:
		c.push(s, evict)
	default:
		c.push(s, backlog)
	}
}
