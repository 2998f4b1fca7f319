package registrar

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/bindingcache"
)

// Effects are the steps of a work. Each can be repeated without harm.
type Effects interface {
	// Probe finds out whether the home address is unique on the home link; the
	// error wraps ErrDuplicate if it is not.
	Probe(ctx context.Context, b bindingcache.Binding) error
	// Save makes records durable together: all of them, or none.
	Save(ctx context.Context, records []Record) error
	// Program makes the kernel forward the binding and nothing else for its
	// home address, whatever it forwarded before; Unprogram nothing. The error
	// wraps ErrNetwork if it is a mobile network that cannot be forwarded.
	Program(ctx context.Context, b bindingcache.Binding) error
	Unprogram(ctx context.Context, home netip.Addr) error
	// Defend answers for the home address on the home link, Relinquish stops.
	Defend(ctx context.Context, b bindingcache.Binding) error
	Relinquish(ctx context.Context, b bindingcache.Binding) error
	// MoveIKE tells the IKE daemon that its peer moved; DropIKE has it end what it
	// holds for a home address, and does not wait for that.
	MoveIKE(ctx context.Context, from, to netip.Addr, b bindingcache.Binding) error
	DropIKE(home, peer netip.Addr)
}

// A Record is what shall be durable of a home address: a binding, or with the zero
// Binding that there is none.
type Record struct {
	HomeAddress netip.Addr
	Binding     bindingcache.Binding
}

// A Sender sends a message as the reply says.
type Sender interface {
	Send(reply *bindingcache.Reply) error
}

// expireAtOnce bounds the outcomes taken under one hold of the lock.
const expireAtOnce = 256

// A Registrar registers mobile nodes.
type Registrar struct {
	effects Effects
	sender  Sender
	log     *slog.Logger
	observe func(*bindingcache.Outcome, time.Time) // nil for nobody
	timeout time.Duration                          // of one work's steps
	works   sync.WaitGroup
	clerk   clerk
	kick    chan struct{}
	ready   chan struct{}

	mu      sync.Mutex
	cache   *bindingcache.Cache
	alarm   time.Time // when Run looks at the timers next; zero for never
	stopped bool      // Run waits for works: none may begin any more
}

// New makes a Registrar around a cache, which is its own from then on. A step that
// waits for the disk, the kernel or the home link longer than timeout has failed.
func New(cache *bindingcache.Cache, effects Effects, sender Sender, timeout time.Duration, log *slog.Logger) *Registrar {
	return &Registrar{
		cache: cache, effects: effects, sender: sender, timeout: timeout, log: log,
		kick: make(chan struct{}, 1), ready: make(chan struct{}),
	}
}

// Ready is closed when Run watches the expiry of bindings.
func (r *Registrar) Ready() <-chan struct{} { return r.ready }

// String names the task.
func (r *Registrar) String() string { return "registrar" }

// Run ends bindings whose lifetime is over, until ctx ends and the works under
// way are done. Bindings stay as they are: they survive a restart.
func (r *Registrar) Run(ctx context.Context) error {
	close(r.ready)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.stop()
			return nil
		case <-r.kick:
		case <-timer.C:
		}
		now := time.Now()
		outcomes, pause, wait := r.due(now)
		for i := range outcomes {
			r.act(&outcomes[i], now)
		}
		if wait {
			timer.Reset(pause)
		}
	}
}

// stop lets the works under way end and begins no more.
func (r *Registrar) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.works.Wait()
}

// enter counts a work that is about to begin, unless it must not. It is over when
// settle has handed it back to the cache.
func (r *Registrar) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	r.works.Add(1)
	return true
}

// due takes what has run out, and tells how long to wait for the next.
func (r *Registrar) due(now time.Time) (outcomes []bindingcache.Outcome, pause time.Duration, wait bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	outcomes = r.cache.Expire(now, expireAtOnce)
	r.alarm, wait = r.cache.Next()
	return outcomes, max(0, r.alarm.Sub(now)), wait
}

// wake makes Run look at the timers again if one is due before it would do so by
// itself. The caller holds the lock.
func (r *Registrar) wake() {
	next, wait := r.cache.Next()
	if !wait || !r.alarm.IsZero() && !next.Before(r.alarm) {
		return
	}
	r.alarm = next
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Reconfigure replaces what registrations are judged by: see
// [bindingcache.Cache.Reconfigure].
func (r *Registrar) Reconfigure(cfg bindingcache.Config) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wake()
	return r.cache.Reconfigure(cfg)
}

// Handle judges one Binding Update and begins what follows from it. It does
// not wait for that.
func (r *Registrar) Handle(u bindingcache.Update) {
	if u.Arrived.IsZero() {
		u.Arrived = time.Now()
	}
	r.mu.Lock()
	outcome := r.cache.Apply(u, u.Arrived)
	r.wake()
	r.mu.Unlock()
	r.act(&outcome, u.Arrived)
}

// Remove ends the binding of a home address whose session is over.
func (r *Registrar) Remove(home netip.Addr) {
	r.mu.Lock()
	outcome := r.cache.Remove(home)
	r.wake()
	r.mu.Unlock()
	r.act(&outcome, time.Now())
}

// Restore puts back a binding of the store, before Run. The kernel and the home
// link are the caller's to restore.
func (r *Registrar) Restore(b bindingcache.Binding) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.cache.Restore(b); err != nil {
		return fmt.Errorf("restoring the binding of %s: %w", b.HomeAddress, err)
	}
	return nil
}

// act does what an outcome and those behind it ask for.
func (r *Registrar) act(first *bindingcache.Outcome, now time.Time) {
	for o := first; o != nil; o = o.Next {
		r.report(o, now)
		if o.Reply != nil {
			r.send(o)
		}
		if o.DropIKE.IsValid() {
			r.effects.DropIKE(o.HomeAddress, o.DropIKE)
		}
		if o.Work != nil {
			r.begin(o.Work, now)
		}
	}
}

func (r *Registrar) send(o *bindingcache.Outcome) {
	if err := r.sender.Send(o.Reply); err != nil {
		r.log.Warn("a reply could not be sent, the mobile node will ask again", "home_address", o.HomeAddress,
			"destination", o.Reply.Destination, "error", err)
	}
}

// Observe has every outcome told to f, with the time; f must not wait. It is called
// before Run, once.
func (r *Registrar) Observe(f func(*bindingcache.Outcome, time.Time)) { r.observe = f }

func (r *Registrar) report(o *bindingcache.Outcome, now time.Time) {
	if r.observe != nil {
		r.observe(o, now)
	}
	r.log.Debug("binding update", "home_address", o.HomeAddress, "reason", o.Reason)
}
