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

// A place in the doorway is held by one connection.
type place struct {
	doorway *doorway
	element *list.Element
}

// enter gives a connection a place until it leaves. False means that the doorway
// is shut and the connection was closed.
func (d *doorway) enter(nc net.Conn) (place, bool) {
	s := stranger{nc, source(addrPort(nc.RemoteAddr()).Addr())}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		nc.Close()
		return place{}, false
	}
	switch {
	case d.counts[s.source] >= d.perSource:
		d.turnAway(d.oldestOf(s.source))
	case d.queue.Len() >= d.total:
		d.turnAway(d.queue.Front())
	}
	d.counts[s.source]++
	return place{d, d.queue.PushBack(s)}, true
}

// leave frees the place; calling it again does nothing.
func (p place) leave() {
	p.doorway.mu.Lock()
	defer p.doorway.mu.Unlock()
	p.doorway.remove(p.element)
}

// yield makes the place the first to be freed for others: its holder has been
// refused, and only waits for the other end to read that.
func (p place) yield() {
	p.doorway.mu.Lock()
	defer p.doorway.mu.Unlock()
	p.doorway.queue.MoveToFront(p.element)
}

// remove is without effect on one who was turned away.
func (d *doorway) remove(e *list.Element) {
	s := e.Value.(stranger)
	before := d.queue.Len()
	d.queue.Remove(e)
	if d.queue.Len() == before {
		return
	}
	if d.counts[s.source]--; d.counts[s.source] == 0 {
		delete(d.counts, s.source)
	}
}

func (d *doorway) turnAway(e *list.Element) {
	d.turned++
	d.remove(e)
	e.Value.(stranger).net.Close()
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
