package homelink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/homelink/defence"
	"homeagent/agent/homelink/neighbor"
	"homeagent/agent/homelink/packetport"
)

// A Claim is what a home link is to do for one mobile node.
type Claim = defence.Claim

// Errors of [Link.Claim].
var (
	// ErrDuplicate says that another node uses the home address, or the
	// link-local address that goes with it (status 134 of RFC 6275 section
	// 6.1.8).
	ErrDuplicate = errors.New("another node on the home link uses the address")
	// ErrDown says that the home link cannot be spoken to, so that uniqueness
	// is unknown.
	ErrDown = errors.New("the home link is down")
	// ErrReleased says that the claim was released before it was decided.
	ErrReleased = errors.New("the address was released")
)

// A Port is an open interface; packetport.Port is the real one.
type Port interface {
	LinkAddress() neighbor.LinkAddress
	Source() netip.Addr // of advertisements
	Own(netip.Addr) (bool, error)
	Join(group netip.Addr) error
	Leave(group netip.Addr) error
	Groups() (joined, beyond int)
	Send(to neighbor.LinkAddress, packet []byte) error
	// Receive waits until something is received or the port is closed, which
	// is an error as is an interface that is gone.
	Receive(b []byte) (int, neighbor.LinkAddress, error)
	Close() error
}

var _ Port = (*packetport.Port)(nil)

// A Config says how a link is served.
type Config struct {
	// Interface is the name of the one on the home link.
	Interface string
	Log       *slog.Logger
	// Open opens the interface; packetport does if nil. It is called again
	// when the interface was gone.
	Open func(name string) (Port, error)
	// Timing is defence.DefaultConfig if zero.
	Timing defence.Config
}

// reopenPause lies between attempts to open an interface that is gone, or down.
const reopenPause = time.Second

// A Link holds addresses on one home link.
type Link struct {
	cfg   Config
	log   *slog.Logger
	ready chan struct{}
	kick  chan struct{} // something may be due earlier than before

	mu       sync.Mutex
	port     Port // nil while the interface is gone
	machine  *defence.Machine
	waiting  map[netip.Addr][]chan error // by home address, those whose claims are undecided
	flaws    [neighbor.Flaws]uint64
	errors   uint64
	reported time.Time // the last conflict
}

// New returns a link that serves nothing before Run.
func New(cfg Config) *Link {
	if cfg.Open == nil {
		cfg.Open = func(name string) (Port, error) { return packetport.Open(name, packetport.Config{}) }
	}
	if cfg.Timing == (defence.Config{}) {
		cfg.Timing = defence.DefaultConfig()
	}
	return &Link{
		cfg:     cfg,
		log:     cfg.Log.With("interface", cfg.Interface),
		ready:   make(chan struct{}),
		kick:    make(chan struct{}, 1),
		machine: defence.New(cfg.Timing),
		waiting: map[netip.Addr][]chan error{},
	}
}

// Claim makes sure that the addresses of a mobile node are unique on the link, and
// holds them; it returns nil when they are held. That takes a second for a new
// address and no time for one that is held. Claims for the same home address share
// one duplicate address detection. The error is ErrDuplicate, ErrDown or
// ErrReleased, or that of ctx.
func (l *Link) Claim(ctx context.Context, c Claim) error {
	decision := make(chan error, 1)
	if err := l.claim(c, decision); err != nil {
		return fmt.Errorf("claiming %s: %w", c.HomeAddress, err)
	}
	select {
	case err := <-decision:
		return err
	case <-ctx.Done():
		return l.abandon(c.HomeAddress, decision, ctx.Err())
	}
}

func (l *Link) claim(c Claim, decision chan error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port == nil {
		return ErrDown
	}
	if err := l.checkOwn(c); err != nil {
		return err
	}
	l.waiting[c.HomeAddress] = append(l.waiting[c.HomeAddress], decision)
	l.machine.Claim(c, time.Now())
	l.apply()
	return nil
}

// checkOwn: an address that is the home agent's own is nobody else's.
func (l *Link) checkOwn(c Claim) error {
	wanted := []netip.Addr{c.HomeAddress}
	if c.LinkLocal {
		wanted = append(wanted, defence.LinkLocalAddress(c.HomeAddress))
	}
	for _, a := range wanted {
		if l.machine.Holds(a) {
			continue
		}
		own, err := l.port.Own(a)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDown, err)
		}
		if own {
			return fmt.Errorf("%w: %s is the home agent's own", ErrDuplicate, a)
		}
	}
	return nil
}

// abandon ends the waiting for a decision, unless it was just made. The last one
// who waits takes the probing with him.
func (l *Link) abandon(home netip.Addr, decision chan error, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case err := <-decision:
		return err
	default:
	}
	waiting := l.waiting[home]
	for i, d := range waiting {
		if d == decision {
			waiting = append(waiting[:i], waiting[i+1:]...)
			break
		}
	}
	l.waiting[home] = waiting
	if len(waiting) == 0 {
		delete(l.waiting, home)
		l.machine.Cancel(home)
		l.apply()
	}
	return fmt.Errorf("claiming %s: %w", home, cause)
}

// Release gives the addresses of a mobile node up at once (RFC 6275 section
// 10.3.2); one that has none is fine.
func (l *Link) Release(home netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machine.Release(home)
	l.apply()
}

// Restore holds the addresses of bindings from before a restart, without duplicate
// address detection. It is best called before Run.
func (l *Link) Restore(claims []Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machine.Restore(claims, time.Now())
	l.apply()
}

// Ready is closed when the interface is open.
func (l *Link) Ready() <-chan struct{} { return l.ready }

// String names the task.
func (l *Link) String() string { return "home link " + l.cfg.Interface }
