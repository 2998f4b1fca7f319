package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/discovery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/rawsocket"
)

var (
	homePrefix = netip.MustParsePrefix("2001:db8:1::/64")
	agent      = netip.MustParseAddr("2001:db8:1::1")
	anycast    = netip.MustParseAddr("2001:db8:1:0:fdff:ffff:ffff:fffe")
	home       = netip.MustParseAddr("2001:db8:1::100")
	careOf     = netip.MustParseAddr("2001:db8:2::5")
	linkLocal  = netip.MustParseAddr("fe80::1") // our own
	neighbor   = netip.MustParseAddr("fe80::2") // another home agent
	start      = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// A socket gives the server what a test sends, and keeps what the server sends.
type socket struct {
	incoming chan *rawsocket.Packet
	sending  func() // what happens while something is sent; nil for nothing

	mu     sync.Mutex
	sent   []rawsocket.Outgoing
	joined []string
	fail   error
	// associations are those there are.
	associations map[uint32]bool
}

func (s *socket) Serve(ctx context.Context, handle func(*rawsocket.Packet), report func(error)) error {
	report(errors.New("no buffer space available"))
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-s.incoming:
			handle(p)
		}
	}
}

func (s *socket) Send(o rawsocket.Outgoing) error {
	if s.sending != nil {
		s.sending()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Association != 0 && !s.associations[o.Association] {
		return fmt.Errorf("sending: %w", rawsocket.ErrNoAssociation)
	}
	s.sent = append(s.sent, o)
	return s.fail
}

func (s *socket) JoinAnycast(a netip.Addr, index int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = append(s.joined, fmt.Sprintf("%s on %d", a, index))
	return s.fail
}

func (s *socket) Close() error { return nil }

// A bench is a server in a bubble of synthetic time.
type bench struct {
	*discovery.Server
	t        *testing.T
	socket   *socket
	log      *lines
	bindings sync.Map               // of discovery.Binding, by home address
	missing  atomic.Bool            // the interfaces are
	finding  atomic.Pointer[func()] // what happens while an interface is looked up
}

// lines is a log that is written and read at the same time.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

// take returns the lines since it was last called that have a text in them.
func (l *lines) take(with string) (taken []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, with) {
			taken = append(taken, line)
		}
	}
	l.all = nil
	return taken
}

func physical() discovery.Link {
	return discovery.Link{
		Interface: "home0", HomeAgents: []netip.Addr{agent, netip.MustParseAddr("2001:db8:9::1")},
		Preference: 5, MobileRouters: true,
		Prefixes: []discovery.Prefix{{Prefix: homePrefix, OnLink: true, Autonomous: true}},
	}
}

// try runs test with a server of some links.
func try(t *testing.T, test func(b *bench), links ...discovery.Link) {
	t.Helper()
	tryWith(t, discovery.Config{Links: links}, test)
}

// tryWith does so with a server configured otherwise, too.
func tryWith(t *testing.T, cfg discovery.Config, test func(b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			t: t, socket: &socket{incoming: make(chan *rawsocket.Packet)}, log: new(lines),
		}
		b.bind(home, discovery.Binding{CareOf: careOf, HomeAgent: agent})
		cfg.Binding = b.binding
		cfg.Log = slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Open = func() (discovery.Socket, error) { return b.socket, nil }
		cfg.FindInterface = b.find
		server, err := discovery.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		b.Server = server
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- server.Run(ctx) }()
		<-server.Ready()
		test(b)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func (b *bench) bind(home netip.Addr, v discovery.Binding) { b.bindings.Store(home, v) }

func (b *bench) binding(home netip.Addr) (discovery.Binding, bool) {
	v, ok := b.bindings.Load(home)
	if !ok {
		return discovery.Binding{}, false
	}
	return v.(discovery.Binding), true
}

func (b *bench) find(name string) (discovery.Interface, error) {
	if during := b.finding.Load(); during != nil {
		(*during)()
	}
	if b.missing.Load() {
		return discovery.Interface{}, fmt.Errorf("no interface %q", name)
	}
	if name == "lo" {
		return discovery.Interface{Index: 1}, nil
	}
	return discovery.Interface{Index: 7, Addresses: []netip.Addr{linkLocal, agent}}, nil
}

// arrive lets a message arrive and returns what was sent because of it.
func (b *bench) arrive(p rawsocket.Packet, m message.Message) []rawsocket.Outgoing {
	b.t.Helper()
	if m != nil {
		p.Payload = message.Append(nil, m)
	}
	b.socket.incoming <- &p
	synctest.Wait()
	return b.sent()
}

func (b *bench) sent() []rawsocket.Outgoing {
	b.socket.mu.Lock()
	defer b.socket.mu.Unlock()
	sent := b.socket.sent
	b.socket.sent = nil
	return sent
}

// advertise lets a Router Advertisement arrive.
func (b *bench) advertise(source netip.Addr, m *message.RouterAdvertisement) {
	b.t.Helper()
	p := rawsocket.Packet{Source: source, Destination: netip.IPv6LinkLocalAllNodes(), Interface: 7, HopLimit: 255}
	if sent := b.arrive(p, m); len(sent) != 0 {
		b.t.Errorf("a Router Advertisement was answered by %+v", sent)
	}
}

func (b *bench) outcome(want discovery.Outcome, count uint64) {
	b.t.Helper()
	if got := b.Status().Counters.Received[want]; got != count {
		b.t.Errorf("%d messages %s, want %d", got, want, count)
	}
}

// routerAdvertisement is one of a home agent.
func routerAdvertisement(a netip.Addr, preference uint16) *message.RouterAdvertisement {
	return &message.RouterAdvertisement{
		HomeAgent: true, RouterLifetime: 30 * time.Minute, LinkLayer: []byte{2, 0, 0, 0, 0, 9},
		Information: &message.Information{Preference: preference, Lifetime: 30 * time.Minute},
		Prefixes:    []message.Prefix{{Address: a, Bits: 64, Router: true, Valid: time.Hour, Preferred: time.Hour}},
	}
}
