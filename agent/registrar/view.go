package registrar

import (
	"net/netip"

	"homeagent/agent/bindingcache"
)

// Bindings lists every home address that is bound or on its way to be, in no
// order.
func (r *Registrar) Bindings() []bindingcache.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	views := make([]bindingcache.View, 0, r.cache.Len())
	for v := range r.cache.All() {
		views = append(views, v)
	}
	return views
}

// Binding returns one.
func (r *Registrar) Binding(home netip.Addr) (bindingcache.View, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cache.Lookup(home)
}

// Len counts the home addresses of Bindings.
func (r *Registrar) Len() int {
	total := 0
	for _, n := range r.Phases() {
		total += n
	}
	return total
}

// Phases counts home addresses, indexed by their phase.
func (r *Registrar) Phases() [bindingcache.Phases]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cache.Phases()
}

// Counters returns how often each Reason occurred, indexed by it.
func (r *Registrar) Counters() [bindingcache.Reasons]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cache.Counters()
}
