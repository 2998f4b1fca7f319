// Package vicitest plays charon in memory: it speaks VICI as charon does,
// holds keys, connections and IKE_SAs, loses them when told to, and misbehaves
// by script. It knows the protocol from its description and shares no code
// with package vici, so that each checks the other.
//
// Exported: [Charon], whose Dial goes where a VICI client takes a dialler;
// [Action] for scripts; [Message] to look at what was loaded.
package vicitest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Charon is a charon that is only played.
type Charon struct {
	mu       sync.Mutex
	stopped  bool
	since    time.Time
	sessions map[*session]bool
	keys     map[string]Message
	conns    map[string]Message
	pools    map[string]Message
	leased   map[string]bool // by pool
	sas      map[uint32]*SA
	lastID   uint32
	// lastChild counts CHILD_SAs other than those for signalling.
	lastChild uint32
	script    func(Call) Action
	calls     []string
	dialled   int
	most      int // most connections held at any time
}

// A Call is a command a client sent. Subject is the key, connection or IKE_SA
// it names; several connections are joined with commas. Registrations for
// events are calls too: "subscribe" and "unsubscribe".
type Call struct{ Command, Subject string }

// An Action is what becomes of a Call. The zero Action is to do it and answer.
type Action struct {
	Refuse string        // do nothing and answer with this errmsg
	Drop   bool          // do nothing and never answer
	Mute   bool          // do it and never answer
	Hang   time.Duration // wait first; later calls of the session wait too
	HangUp bool          // do it and close the session instead of answering
}

// An SA is an IKE_SA. It has a CHILD_SA for signalling from the start.
type SA struct {
	Name     string
	ID       uint32
	Remote   string
	State    string
	Pool     string // that its address is of, "" if it has none
	Children []Child
}

// New starts a charon that holds nothing.
func New() *Charon {
	c := &Charon{sessions: make(map[*session]bool)}
	c.reset()
	return c
}

// reset is what a restart does to charon's memory. IDs of IKE_SAs start again.
func (c *Charon) reset() {
	c.since = time.Now()
	c.keys, c.conns, c.sas = make(map[string]Message), make(map[string]Message), make(map[uint32]*SA)
	c.pools, c.leased = make(map[string]Message), make(map[string]bool)
	c.lastID, c.lastChild = 0, 0
}

// Dial connects a client.
func (c *Charon) Dial(context.Context) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled++
	if c.stopped {
		return nil, syscall.ECONNREFUSED
	}
	ours, theirs := net.Pipe()
	s := newSession(c, ours)
	c.sessions[s] = true
	go s.read()
	go s.write()
	return theirs, nil
}

// Stop ends charon: all sessions are closed and all it held is gone.
func (c *Charon) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.closeSessions()
	c.reset()
}

// Start starts charon after Stop.
func (c *Charon) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = false
	c.since = time.Now()
}

// HangUp closes all sessions and loses nothing.
func (c *Charon) HangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeSessions()
}

func (c *Charon) closeSessions() {
	for s := range c.sessions {
		s.close()
	}
	clear(c.sessions)
}

// Script has every Call go through f. It must not call back.
func (c *Charon) Script(f func(Call) Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = f
}

// LoadAll is what "swanctl --load-all" does when its files define these keys
// and connections: all others are unloaded and no event tells of it.
func (c *Charon) LoadAll(keys, conns []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys, c.conns = only(c.keys, keys), only(c.conns, conns)
}

func only(loaded map[string]Message, names []string) map[string]Message {
	m := make(map[string]Message)
	for _, name := range names {
		m[name] = loaded[name]
	}
	return m
}

// Keys lists the IDs of the keys that are loaded, sorted.
func (c *Charon) Keys() []string { return c.names(func() map[string]Message { return c.keys }) }

// Conns lists the connections that are loaded, sorted.
func (c *Charon) Conns() []string { return c.names(func() map[string]Message { return c.conns }) }

func (c *Charon) names(of func() map[string]Message) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(of()))
}

// Pools lists the pools that are loaded, as "name addresses", sorted.
func (c *Charon) Pools() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.pools)) {
		list = append(list, name+" "+c.pools[name].Get("addrs"))
	}
	return list
}

// AddPool loads a pool as another client would.
func (c *Charon) AddPool(name, addresses string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pools[name] = Message{Value("addrs", addresses)}
}

// Lease plays that a mobile node was assigned a pool's address, or that it has it no
// more.
func (c *Charon) Lease(pool string, leased bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leased[pool] = leased
}

// LosePools is what "swanctl --load-pools" does when its files define none: those
// without a lease are unloaded.
func (c *Charon) LosePools() {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.pools, func(name string, _ Message) bool { return !c.isLeased(name) })
}

// lease gives an IKE_SA over a connection an address, as if it had asked for one: of
// the first pool of that connection that has one left.
func (c *Charon) lease(conn string) string {
	for _, name := range c.conns[conn].Items("pools") {
		if _, ok := c.pools[name]; ok && !c.isLeased(name) {
			return name
		}
	}
	return ""
}

func (c *Charon) isLeased(name string) bool {
	for _, sa := range c.sas {
		if sa.Pool == name {
			return true
		}
	}
	return c.leased[name]
}

// Key returns a key as it was loaded, nil when there is none.
func (c *Charon) Key(id string) Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[id]
}

// Conn returns a connection as it was loaded, nil when there is none.
func (c *Charon) Conn(name string) Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conns[name]
}

// MostConns is the highest number of connections ever held at once.
func (c *Charon) MostConns() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// Calls returns all calls so far, as "command subject".
func (c *Charon) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Dialled counts the attempts to connect.
func (c *Charon) Dialled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialled
}

// Establish plays a mobile node's IKE_AUTH over a connection from an address.
// Without its key and connection it is refused, as charon would.
func (c *Charon) Establish(name, remote string) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.establish(name, remote)
}

func (c *Charon) establish(name, remote string) (uint32, error) {
	if _, ok := c.conns[name]; !ok {
		return 0, fmt.Errorf("no matching peer config found for %q", name)
	}
	if _, ok := c.keys[name]; !ok {
		return 0, fmt.Errorf("no shared key found for %q", name)
	}
	c.lastID++
	sa := &SA{Name: name, ID: c.lastID, Remote: remote, State: "ESTABLISHED", Pool: c.lease(name), Children: []Child{{ID: 1, Name: "mh"}}}
	c.sas[sa.ID] = sa
	c.raise("ike-updown", Message{Value("up", "yes"), sa.section(name)})
	return sa.ID, nil
}

// Rekey replaces an IKE_SA and returns the new one's ID.
func (c *Charon) Rekey(id uint32) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.sas[id]
	c.lastID++
	sa := &SA{Name: old.Name, ID: c.lastID, Remote: old.Remote, State: old.State, Pool: old.Pool, Children: old.Children}
	c.sas[sa.ID] = sa
	delete(c.sas, id)
	c.raise("ike-rekey", Message{Section(sa.Name, old.section("old"), sa.section("new"))})
	return sa.ID
}

// Move changes an IKE_SA's remote address.
func (c *Charon) Move(id uint32, remote string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sa := c.sas[id]
	sa.Remote = remote
	c.raise("ike-update", Message{Value("remote-host", remote), sa.section(sa.Name)})
}

// Drop ends an IKE_SA; told says whether an event tells. As when the peer does not
// answer any more, charon calls it established in the events of its CHILD_SAs, too.
func (c *Charon) Drop(id uint32, told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(id, told)
}

func (c *Charon) drop(id uint32, told bool) {
	sa := c.sas[id]
	delete(c.sas, id)
	if told {
		c.raise("ike-updown", Message{sa.section(sa.Name)})
		for _, child := range sa.Children {
			c.raise("child-updown", Message{sa.with(child.section())})
		}
	}
}

// SAs lists the IKE_SAs as "name id remote".
func (c *Charon) SAs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(c.sas)) {
		lines = append(lines, fmt.Sprintf("%s %d %s", c.sas[id].Name, id, c.sas[id].Remote))
	}
	return lines
}

// SAIDs lists the IDs of the IKE_SAs.
func (c *Charon) SAIDs() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.sas))
}

// Raise sends an event to all sessions that registered for it.
func (c *Charon) Raise(name string, m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raise(name, m)
}

func (c *Charon) raise(name string, m Message) {
	for s := range c.sessions {
		if s.events[name] {
			s.send(packet{event, name, m})
		}
	}
}

func (sa *SA) section(name string) Field {
	var children []Field
	for _, child := range sa.Children {
		children = append(children, child.section())
	}
	return sa.sectionWith(name, children...)
}

func (sa *SA) with(children ...Field) Field { return sa.sectionWith(sa.Name, children...) }

func (sa *SA) sectionWith(name string, children ...Field) Field {
	return Section(name,
		Value("uniqueid", fmt.Sprint(sa.ID)), Value("version", "2"), Value("state", sa.State),
		Value("local-host", "2001:db8::1"), Value("remote-host", sa.Remote),
		Value("remote-id", sa.Name), Value("established", "1"),
		Section("child-sas", children...),
	)
}

func subject(cmd string, m Message) string {
	switch cmd {
	case "load-shared", "unload-shared":
		return m.Get("id")
	case "unload-conn", "unload-pool", "get-pools":
		return m.Get("name")
	case "terminate", "list-sas", "initiate":
		return m.Get("ike")
	case "load-conn", "load-pool":
		names := make([]string, len(m))
		for i, f := range m {
			names[i] = f.Name
		}
		return strings.Join(names, ",")
	}
	return ""
}
