package peer

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// A doorway holds the connections of strangers: accepted, but without a CER
// yet. There is room for few, in all and per source, and the one that stood
// there longest has to make room for the next: who means it passes within
// milliseconds, however many do not.
type doorway struct {
	total, perSource int

	mu     sync.Mutex
	queue  *list.List // of stranger, oldest first
	counts map[netip.Prefix]int
	shut   bool
	turned uint64 // away, to make room
}

type stranger struct {
	net    net.Conn
	source netip.Prefix
}

func newDoorway(total, perSource int) *doorway {
	return &doorway{total: total, perSource: perSource, queue: list.New(), counts: map[netip.Prefix]int{}}
}

// enter lets a connection stand in the doorway until leave is called. False
// means that the doorway is shut and the connection was closed.
func (d *doorway) enter(nc net.Conn) (leave func(), ok bool) {
	s := stranger{nc, source(addrPort(nc.RemoteAddr()).Addr())}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		nc.Close()
		return nil, false
	}
	switch {
	case d.counts[s.source] >= d.perSource:
		d.turnAway(d.oldestOf(s.source))
	case d.queue.Len() >= d.total:
		d.turnAway(d.queue.Front())
	}
	place := d.queue.PushBack(s)
	d.counts[s.source]++
	return sync.OnceFunc(func() { d.leave(place) }), true
}

func (d *doorway) leave(place *list.Element) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(place)
}

// remove is without effect on one who was turned away.
func (d *doorway) remove(place *list.Element) {
	s := place.Value.(stranger)
	before := d.queue.Len()
	d.queue.Remove(place)
	if d.queue.Len() == before {
		return
	}
	if d.counts[s.source]--; d.counts[s.source] == 0 {
		delete(d.counts, s.source)
	}
}

func (d *doorway) turnAway(place *list.Element) {
	d.turned++
	d.remove(place)
	place.Value.(stranger).net.Close()
}

func (d *doorway) oldestOf(source netip.Prefix) *list.Element {
	for e := d.queue.Front(); e != nil; e = e.Next() {
		if e.Value.(stranger).source == source {
			return e
		}
	}
	return d.queue.Front()
}

// close turns everybody away, now and later.
func (d *doorway) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for d.queue.Len() > 0 {
		d.turnAway(d.queue.Front())
	}
}

// source is what one party can easily have many addresses of: an IPv4 address,
// or an IPv6 link.
func source(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}
