package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/agent/discovery/agentlist"
	"homeagent/agent/discovery/delivery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/ratelimit"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// upkeepInterval lies between looks at interfaces, joins of anycast addresses and
// what has run out.
const upkeepInterval = 10 * time.Second

// Requests for home agents can be sent by anybody in anybody's name, and their
// replies are larger: so many are answered in a second.
const (
	replyInterval = 5 * time.Millisecond
	replyBurst    = 200
)

// A Server serves discovery on some home links.
type Server struct {
	cfg   Config
	log   *slog.Logger
	ready chan struct{}
	kick  chan struct{} // the schedule's next one comes earlier

	socket Socket // nil before Run

	mu       sync.Mutex // never held while something is sent
	links    []*link
	replies  ratelimit.Limiter
	answered map[netip.Addr]time.Time // solicitations, by home address
	schedule *delivery.Schedule
	counters Counters

	newsMutex sync.Mutex // never held for long: registrations wait for it
	news      []registration
}

// A link is a Link and what was learnt of it.
type link struct {
	Link
	index   int          // of the interface, 0 if it is virtual or not there
	own     []netip.Addr // addresses of the interface
	agents  agentlist.List
	self    SelfAdvertisement
	since   time.Time          // start, or the last advertisement of our own
	problem string             // the last one of upkeep
	joined  map[netip.Addr]int // by interface; upkeep's alone
}

// New returns a server that serves nothing before Run.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Open == nil {
		cfg.Open = cfg.openSocket
	}
	if cfg.FindInterface == nil {
		cfg.FindInterface = findInterface
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Log,
		ready:   make(chan struct{}),
		replies: ratelimit.Limiter{Every: replyInterval, Burst: replyBurst},
		kick:    make(chan struct{}, 1),

		answered: map[netip.Addr]time.Time{},
		schedule: delivery.New(delivery.Config{Min: cfg.MinInterval, Max: cfg.MaxInterval, Random: rand.N[time.Duration]}),
	}
	for _, l := range cfg.Links {
		s.links = append(s.links, &link{Link: l, joined: map[netip.Addr]int{}})
	}
	return s, nil
}

// Run serves until ctx ends, and returns nil then.
func (s *Server) Run(ctx context.Context) error {
	socket, err := s.cfg.Open()
	if err != nil {
		return err
	}
	defer socket.Close()
	s.start(socket)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.keep(ctx) })
	group.Go(func() error { return s.deliver(ctx) })
	group.Go(func() error {
		return socket.Serve(ctx, s.handle, func(err error) {
			s.log.Warn("receiving discovery messages failed, which is tried again", "error", err)
		})
	})
	return group.Wait()
}

func (s *Server) start(socket Socket) {
	s.socket = socket
	s.mu.Lock()
	for _, l := range s.links {
		l.since = time.Now()
	}
	s.mu.Unlock()
	s.upkeep(time.Now())
	close(s.ready)
}

// Ready is closed once anycast addresses are joined as far as that is possible.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// String names the task.
func (s *Server) String() string { return "home agent and prefix discovery" }

// handle takes a received message.
func (s *Server) handle(p *rawsocket.Packet) {
	now := time.Now()
	a, outcome := s.decide(p, now)
	if a != nil {
		outcome = s.send(a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Received[outcome]++
	if a != nil && a.home.IsValid() {
		s.solicited(a.home, outcome, now)
	}
}

// decide tells what becomes of a received message: what to answer, or nil and the
// outcome.
func (s *Server) decide(p *rawsocket.Packet, now time.Time) (*answer, Outcome) {
	m, err := message.Parse(p.Payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	if err != nil {
		return nil, Malformed
	}
	switch m := m.(type) {
	case *message.RouterAdvertisement:
		return nil, s.advertised(p, m, now)
	case *message.AgentRequest:
		return s.answerAgents(p, m, now)
	case *message.PrefixSolicitation:
		return s.answerPrefixes(p, m, now)
	}
	return nil, Malformed // of a type that is not for us
}

// keep does upkeep until ctx ends.
func (s *Server) keep(ctx context.Context) error {
	ticker := time.NewTicker(upkeepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.upkeep(time.Now())
		}
	}
}

func (s *Server) upkeep(now time.Time) {
	for _, l := range s.links {
		err := s.refresh(l)
		s.mu.Lock()
		s.report(l, err)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.agents.Expire(now)
		s.warnOfSilence(l, now)
	}
	for home, at := range s.answered {
		if now.Sub(at) >= solicitationInterval {
			delete(s.answered, home)
		}
	}
}

// refresh looks the link's interface up and joins the anycast addresses of its
// prefixes. Those of a virtual link are joined on the loopback interface.
func (s *Server) refresh(l *link) error {
	s.mu.Lock()
	virtual, name, prefixes := l.Interface == "", l.Interface, l.Prefixes
	s.mu.Unlock()
	if virtual {
		name = "lo"
	}
	found, err := s.cfg.FindInterface(name)
	if !virtual {
		s.mu.Lock()
		l.index, l.own = found.Index, found.Addresses
		s.mu.Unlock()
	}
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		a := Anycast(p.Prefix)
		if l.joined[a] == found.Index {
			continue
		}
		if err := s.socket.JoinAnycast(a, found.Index); err != nil {
			return fmt.Errorf("serving home prefix %s: %w", p.Prefix, err)
		}
		l.joined[a] = found.Index
	}
	return nil
}

// report writes a problem when it is a new one, and when it is gone. The caller holds
// the lock.
func (s *Server) report(l *link, err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	switch {
	case problem == l.problem:
	case err != nil:
		s.log.Warn("home agent discovery is not complete, which is tried again", "error", err)
	default:
		s.log.Info("home agent discovery is complete", "prefixes", len(l.Prefixes))
	}
	l.problem = problem
}
