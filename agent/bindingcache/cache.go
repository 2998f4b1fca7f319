package bindingcache

import (
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// A Cache holds the home registrations of a home agent.
type Cache struct {
	cfg      Config
	own      map[netip.Addr]struct{} // cfg.HomeAgents
	entries  map[netip.Addr]*entry   // by home address
	networks map[netip.Prefix]netip.Addr
	timers   timers
	counters [Reasons]uint64
	tickets  uint64
	counted  int // entries that have a binding or are getting their first one
	phases   [Phases]int
}

// An entry is all that is known about a home address.
type entry struct {
	home    netip.Addr
	binding Binding // as last acknowledged; zero before that
	last    uint16  // sequence number of the newest valid update
	job     *job    // the work under way, nil if there is none
	held    *Update // the newest valid update that came meanwhile
	removal Reason  // asked for meanwhile; 0 if not
	dirty   bool    // kernel and home link may hold something else than binding says
	counted bool
	phase   Phase     // as in the cache's phases; 0 for none
	request time.Time // when to send a refresh request; zero for not at all
	timer   timer
}

// New returns an empty Cache.
func New(cfg Config) (*Cache, error) {
	c := &Cache{
		entries:  make(map[netip.Addr]*entry),
		networks: make(map[netip.Prefix]netip.Addr),
	}
	if err := c.configure(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Cache) configure(cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	c.cfg, c.own = cfg, make(map[netip.Addr]struct{}, len(cfg.HomeAgents))
	for _, a := range cfg.HomeAgents {
		c.own[a] = struct{}{}
	}
	return nil
}

// Reconfigure replaces the configuration. Bindings stay as they were granted,
// except that those without a home prefix expire at once and those whose prefix
// ends earlier than before expire with it (RFC 6275 section 10.3.1).
func (c *Cache) Reconfigure(cfg Config) error {
	if err := c.configure(cfg); err != nil {
		return err
	}
	for _, e := range c.entries {
		if e.job == nil {
			c.timers.arm(e, c.due(e))
		}
	}
	return nil
}

// Restore puts back a binding from a store, one that is in force or one that
// lingers; what has run out meanwhile is found by the next [Cache.Expire]. The
// kernel's state and the home link are the caller's to restore.
func (c *Cache) Restore(b Binding) error {
	if !routable(b.HomeAddress) {
		return fmt.Errorf("restoring a binding: home address %s is not a routable IPv6 unicast address", b.HomeAddress)
	}
	if c.entries[b.HomeAddress] != nil {
		return fmt.Errorf("restoring the binding of %s: there is one already", b.HomeAddress)
	}
	for _, p := range b.Prefixes {
		if owner, ok := c.networks[p]; ok {
			return fmt.Errorf("restoring the binding of %s: mobile network %s belongs to %s", b.HomeAddress, p, owner)
		}
	}
	e := &entry{home: b.HomeAddress, binding: b, last: b.Sequence, timer: timer{index: idle}}
	c.entries[b.HomeAddress] = e
	c.reserve(e, b.Prefixes)
	c.settle(e)
	return nil
}

// isOwn reports whether a is one of the home agent's addresses.
func (c *Cache) isOwn(a netip.Addr) bool {
	_, ok := c.own[a]
	return ok
}

// taken reports whether a is a home address that is bound or about to be.
func (c *Cache) taken(a netip.Addr) bool {
	e := c.entries[a]
	return e != nil && e.counted
}

// reserve makes the networks this home address's.
func (c *Cache) reserve(e *entry, networks []netip.Prefix) {
	for _, p := range networks {
		c.networks[p] = e.home
	}
}

// release takes away from this home address those of its networks that its
// binding does not have.
func (c *Cache) release(e *entry, networks []netip.Prefix) {
	for _, p := range networks {
		delete(c.networks, p)
	}
	c.reserve(e, e.binding.Prefixes)
}

// settle brings the accounts about an entry up to date after it changed, and
// drops it when nothing is left of it.
func (c *Cache) settle(e *entry) {
	counted := e.binding.Active() || (e.job != nil && e.job.work.New.Active())
	if counted != e.counted {
		e.counted = counted
		if counted {
			c.counted++
		} else {
			c.counted--
		}
	}
	c.phases[e.phase]--
	e.phase = e.present()
	c.phases[e.phase]++
	switch {
	case e.job != nil: // its timer, if it goes off, is armed again when the work is done
	case e.binding.HomeAddress.IsValid():
		c.timers.arm(e, c.due(e))
	default:
		c.timers.disarm(e)
		delete(c.entries, e.home)
		c.phases[e.phase]--
		e.phase = 0
	}
}

// Len returns how many home addresses are bound or getting their first binding.
func (c *Cache) Len() int { return c.counted }

// Phases counts home addresses, indexed by their [Phase].
func (c *Cache) Phases() [Phases]int {
	phases := c.phases
	phases[0] = 0 // where those come from that are new
	return phases
}

// Counters returns how often each [Reason] occurred, indexed by it.
func (c *Cache) Counters() [Reasons]uint64 { return c.counters }

// Lookup returns the state of a home address.
func (c *Cache) Lookup(home netip.Addr) (View, bool) {
	e := c.entries[home]
	if e == nil {
		return View{}, false
	}
	return e.view(), true
}

// All yields every home address there is, in no order.
func (c *Cache) All() iter.Seq[View] {
	return func(yield func(View) bool) {
		for _, e := range c.entries {
			if !yield(e.view()) {
				return
			}
		}
	}
}

func (e *entry) view() View {
	v := View{Binding: e.binding, Phase: e.present()}
	v.HomeAddress = e.home
	return v
}

// present is the phase now.
func (e *entry) present() Phase {
	switch {
	case e.probing():
		return PhaseProbing
	case e.job != nil:
		return PhaseChanging
	case e.binding.Active():
		return PhaseBound
	default:
		return PhaseLingering
	}
}

func (e *entry) probing() bool { return e.job != nil && e.job.kind == probing }

// answering reports whether u is a copy of the update that the work under way is
// for, or of the one that waits.
func (e *entry) answering(u *Update) bool {
	if e.held != nil {
		return e.held.repeats(u)
	}
	return e.job != nil && e.job.update != nil && e.job.update.repeats(u)
}
