package homelink_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/homelink"
	"homeagent/agent/homelink/neighbor"
)

var (
	home     = netip.MustParseAddr("2001:db8:1::100:1234")
	agent    = netip.MustParseAddr("fe80::1")
	ownLink  = neighbor.LinkAddress{2, 0, 0, 0, 0, 1}
	nodeLink = neighbor.LinkAddress{2, 0, 0, 0, 0, 0x99}
)

// A port is an interface that writes down what goes out, in short.
type port struct {
	own      []netip.Addr
	incoming chan []byte
	closed   chan struct{}

	mu   sync.Mutex
	log  []string
	fail error
}

func newPort() *port {
	return &port{incoming: make(chan []byte), closed: make(chan struct{}), own: []netip.Addr{agent}}
}

func (p *port) write(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf(format, args...))
	return p.fail
}

func (p *port) LinkAddress() neighbor.LinkAddress { return ownLink }
func (p *port) Source() netip.Addr                { return agent }
func (p *port) Groups() (int, int)                { return 7, 8 }
func (p *port) Join(g netip.Addr) error           { return p.write("join %s", g) }
func (p *port) Leave(g netip.Addr) error          { return p.write("leave %s", g) }
func (p *port) Own(a netip.Addr) (bool, error)    { return slices.Contains(p.own, a), nil }

func (p *port) Send(to neighbor.LinkAddress, packet []byte) error {
	m, flaw := neighbor.Parse(packet)
	if flaw != neighbor.Sound {
		return fmt.Errorf("not sound: %s", flaw)
	}
	if m.Kind == neighbor.Solicitation {
		return p.write("probe %s", m.Target)
	}
	if m.Override {
		return p.write("advertise %s", m.Target)
	}
	return p.write("answer %s about %s", to, m.Target)
}

func (p *port) Receive(b []byte) (int, neighbor.LinkAddress, error) {
	select {
	case packet, ok := <-p.incoming:
		if !ok {
			return 0, nodeLink, errors.New("network is down")
		}
		return copy(b, packet), nodeLink, nil
	case <-p.closed:
		return 0, nodeLink, os.ErrClosed
	}
}

func (p *port) Close() error {
	close(p.closed)
	return nil
}

// vanish lets the interface go away.
func (p *port) vanish() { close(p.incoming) }

func (p *port) want(t *testing.T, lines ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff(lines, p.log); diff != "" {
		t.Errorf("unexpected calls (-want +got):\n%s", diff)
	}
	p.log = nil
}

func (p *port) arrive(t *testing.T, m neighbor.Message) {
	t.Helper()
	packet, err := neighbor.Append(nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	p.incoming <- packet
}

// opener hands out ports one after the other, then errors.
func opener(ports ...*port) func(string) (homelink.Port, error) {
	return func(name string) (homelink.Port, error) {
		if len(ports) == 0 {
			return nil, fmt.Errorf("no interface %q", name)
		}
		next := ports[0]
		ports = ports[1:]
		if next == nil {
			return nil, fmt.Errorf("interface %q is down", name)
		}
		return next, nil
	}
}

func newLink(ports ...*port) *homelink.Link {
	return homelink.New(homelink.Config{Interface: "home0", Log: slog.New(slog.DiscardHandler), Open: opener(ports...)})
}
