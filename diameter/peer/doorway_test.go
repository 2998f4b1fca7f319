package peer

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	from   string
	closed bool
}

func (a *addressed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(a.from), 1))
}

func (a *addressed) Close() error {
	a.closed = true
	return nil
}

// TestDoorway: who comes when there is no room makes the oldest leave, that of
// the same source first.
func TestDoorway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		come   string // addresses, in order
		turned string // away, by their place
	}{
		{"room for all", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", ""},
		{"one source too often", "192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.1", "0"},
		{"again and again", "192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.1", "0 1"},
		{"one link is one source", "2001:db8::1 2001:db8::2 2001:db8::3", "0"},
		{"two links are two", "2001:db8::1 2001:db8::2 2001:db8:0:1::3", ""},
		{"IPv4 in IPv6 is IPv4", "192.0.2.1 ::ffff:192.0.2.1 192.0.2.1", "0"},
		{"too many in all", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6", "0 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDoorway(4, 2)
			var conns []*addressed
			for address := range strings.FieldsSeq(tt.come) {
				c := &addressed{from: address}
				conns = append(conns, c)
				if _, ok := d.enter(c); !ok {
					t.Fatal("not let in")
				}
			}
			var turned []string
			for i, c := range conns {
				if c.closed {
					turned = append(turned, string(rune('0'+i)))
				}
			}
			if got := strings.Join(turned, " "); got != tt.turned {
				t.Errorf("turned away %q, want %q", got, tt.turned)
			}
		})
	}
}

func TestDoorwayIsLeftOnce(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 1)
	first, second := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	placeOfFirst, _ := d.enter(first)
	placeOfSecond, _ := d.enter(second)
	placeOfFirst.leave() // was turned away before
	placeOfFirst.yield()
	if d.queue.Len() != 1 || d.counts[netip.MustParsePrefix("192.0.2.1/32")] != 1 {
		t.Errorf("%d strangers, counts %v", d.queue.Len(), d.counts)
	}
	placeOfSecond.leave()
	placeOfSecond.leave()
	if d.queue.Len() != 0 || len(d.counts) != 0 {
		t.Errorf("%d strangers, counts %v", d.queue.Len(), d.counts)
	}
	if second.closed {
		t.Error("who left was turned away")
	}
}

// TestRefusedYields: who was refused leaves before who still waits.
func TestRefusedYields(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 2)
	waiting, refused, next := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	d.enter(waiting)
	place, _ := d.enter(refused)
	place.yield()
	d.enter(next)
	if waiting.closed || !refused.closed || next.closed {
		t.Errorf("closed: waiting %v, refused %v, next %v", waiting.closed, refused.closed, next.closed)
	}
}

func TestShutDoorway(t *testing.T) {
	t.Parallel()
	d := newDoorway(10, 10)
	inside, late := &addressed{from: "192.0.2.1"}, &addressed{from: "192.0.2.1"}
	d.enter(inside)
	d.close()
	if _, ok := d.enter(late); ok || !inside.closed || !late.closed {
		t.Errorf("let in: %v; closed: %v, %v", ok, inside.closed, late.closed)
	}
}
