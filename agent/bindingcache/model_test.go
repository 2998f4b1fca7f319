package bindingcache_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/lifetime"
	"homeagent/agent/mobility"
)

// A model runs a cache through anything: updates good and bad, works that finish
// in any order and fail at any step, time, removals and changing authorizations. It
// knows nothing of how the cache works, only what must never happen.
type model struct {
	*world
	homes   []netip.Addr
	working []*progress
	// accepted is the sequence number last acknowledged as accepted, while the
	// home address is known without a break.
	accepted map[netip.Addr]uint16
	undone   bool // taking back failed somewhere: the kernel may hold remains until they expire
}

// progress is how far a work has come.
type progress struct {
	work *bindingcache.Work
	step int
}

func newModel(tb testing.TB, link bindingcache.HomeLink) *model {
	m := &model{accepted: map[netip.Addr]uint16{}}
	m.world = newWorld(tb, func(c *bindingcache.Config) {
		c.HomeLink, c.MobileRouters, c.MaxBindings = link, true, 3
		c.MaxLifetime, c.RefreshRequest = 10*time.Minute, 20*time.Second
		c.Prefixes = []bindingcache.HomePrefix{{Prefix: homePrefix.Prefix, Valid: lifetime.Until(start.Add(2 * time.Hour))}}
	})
	for i := range 4 {
		a := home
		for range i {
			a = a.Next()
		}
		m.homes = append(m.homes, a)
		m.grants[a] = m.grant(i)
	}
	m.fail = func(*bindingcache.Work, bindingcache.Step) bindingcache.Reason { return 0 } // tells move to be lenient
	return m
}

func (m *model) grant(i int) bindingcache.Grant {
	return bindingcache.Grant{
		Standing: bindingcache.Authorized,
		Until:    start.Add(time.Duration(i+1) * time.Hour),
		Prefixes: []netip.Prefix{network, part}[:i%3],
	}
}

// op does one thing; a, b and c choose what.
func (m *model) op(a, b, c byte) {
	i := int(b) % len(m.homes)
	switch a % 16 {
	default:
		m.take(m.cache.Apply(m.updateFor(i, b>>2, c), m.now))
	case 8, 9, 10, 11, 12:
		m.advance(int(b), c)
	case 13:
		m.now = m.now.Add(time.Duration(c) * time.Second)
		for _, out := range m.cache.Expire(m.now, 2) {
			m.take(out)
		}
	case 14:
		m.take(m.cache.Remove(m.homes[i]))
	case 15:
		g := m.grant(i)
		g.Standing = bindingcache.Standing(c % 3)
		m.grants[m.homes[i]] = g
	}
	m.check()
}

// updateFor makes an update that is mostly good.
func (m *model) updateFor(i int, b, c byte) bindingcache.Update {
	h := m.homes[i]
	sequence := m.accepted[h] + uint16(b%8) // 0 is a replay
	careOf := []netip.Addr{careOfA, careOfB, m.homes[int(b)%len(m.homes)], otherOwn, part.Addr().Next()}[c%5]
	lifetime := []mobility.Lifetime{0, 1, 15, 150, 65535}[c/5%5]
	u := away(sequence, lifetime, careOf, func(u *bindingcache.Update) {
		u.HomeAddressOption, u.Protection.HomeAddress = h, h
		if c&0x80 != 0 {
			u.Message.Flags |= mobility.FlagMobileRouter
			u.Message.NetworkPrefixes = [][]mobility.NetworkPrefix{nil, {option(part)}, {option(network)}, {option(part), option(network)}}[b/8%4]
		}
		if b&0x20 != 0 {
			u.Message.Flags |= mobility.FlagLinkLocal
		}
	})
	return u
}

// advance does the next step of one of the works, or lets it fail.
func (m *model) advance(which int, c byte) {
	if len(m.working) == 0 {
		return
	}
	which %= len(m.working)
	p := m.working[which]
	fails := c < 16
	if !fails && p.step < len(p.work.Steps) {
		m.step(p.work, p.work.Steps[p.step])
		p.step++
		return
	}
	m.working = append(m.working[:which], m.working[which+1:]...)
	if !fails || p.step == len(p.work.Steps) {
		m.take(m.cache.Commit(p.work, m.now))
		return
	}
	if c < 8 { // the step that fails did its work after all
		m.step(p.work, p.work.Steps[p.step])
	}
	cause := []bindingcache.Reason{bindingcache.StoreFailed, bindingcache.KernelFailed, bindingcache.DuplicateAddress}[c%3]
	out := m.cache.Abort(p.work, p.work.Steps[p.step], cause, m.now)
	m.undone = m.undone || out.Work == nil
	m.take(out)
}

// take receives an outcome: its work is put beside the others, its reply checked.
func (m *model) take(out bindingcache.Outcome) {
	for o := &out; o != nil; o = o.Next {
		if o.Reply != nil {
			m.checkReply(o)
		}
		if o.Work != nil {
			m.enlist(o.Work)
		}
	}
}

// enlist checks that there is one work per home address; only a detection can be
// overtaken, and is then given up.
func (m *model) enlist(work *bindingcache.Work) {
	for i, p := range m.working {
		if p.work.HomeAddress != work.HomeAddress {
			continue
		}
		if p.work.Steps[0] != bindingcache.Probe {
			m.tb.Fatalf("second work %v for %s beside %v", work.Steps, work.HomeAddress, p.work.Steps)
		}
		m.working = append(m.working[:i], m.working[i+1:]...)
		break
	}
	m.working = append(m.working, &progress{work: work})
}

// checkReply: what is accepted must be newer than anything accepted before.
func (m *model) checkReply(o *bindingcache.Outcome) {
	ack, ok := o.Reply.Message.(*mobility.BindingAcknowledgement)
	if !ok || !ack.Status.Accepted() {
		return
	}
	if before, known := m.accepted[o.HomeAddress]; known && int16(ack.Sequence-before) <= 0 {
		m.tb.Fatalf("%s: accepted %d after %d", o.HomeAddress, ack.Sequence, before)
	}
	if ack.Lifetime.Duration() > m.cfg.MaxLifetime {
		m.tb.Fatalf("%s: granted %s", o.HomeAddress, ack.Lifetime)
	}
	m.accepted[o.HomeAddress] = ack.Sequence
}

// check looks for what must not be at any time.
func (m *model) check() {
	owners, bound := map[netip.Prefix]netip.Addr{}, map[netip.Addr]netip.Addr{}
	known := map[netip.Addr]bool{}
	var phases [bindingcache.Phases]int
	for v := range m.cache.All() {
		phases[v.Phase]++
		known[v.HomeAddress] = true
		if !v.Active() {
			continue
		}
		bound[v.HomeAddress] = v.CareOf
		for _, p := range v.Prefixes {
			if owners[p].IsValid() {
				m.tb.Fatalf("%s belongs to %s and %s", p, owners[p], v.HomeAddress)
			}
			owners[p] = v.HomeAddress
		}
		m.checkEnd(v)
	}
	m.checkLoops(bound)
	for h := range m.accepted {
		if !known[h] {
			delete(m.accepted, h) // nothing left to compare with
		}
	}
	if got := m.cache.Phases(); got != phases {
		m.tb.Errorf("phases are counted as %v, and are %v", got, phases)
	}
	if n := m.cache.Len(); n > m.cfg.MaxBindings || n < len(bound) {
		m.tb.Fatalf("counts %d with %d bound (at most %d)", n, len(bound), m.cfg.MaxBindings)
	}
}

func (m *model) checkEnd(v bindingcache.View) {
	until := m.grants[v.HomeAddress].Until
	if valid := m.cfg.Prefixes[0].Valid.Deadline(); v.Expires.After(until) || v.Expires.After(valid) {
		m.tb.Fatalf("%s is bound until %s, authorized until %s, with a prefix until %s", v.HomeAddress, v.Expires, until, valid)
	}
}

// checkLoops follows care-of addresses that are home addresses.
func (m *model) checkLoops(bound map[netip.Addr]netip.Addr) {
	for h := range bound {
		at := h
		for range len(bound) + 1 {
			next, ok := bound[at]
			if !ok {
				break
			}
			if at = next; at == h {
				m.tb.Fatalf("packets to %s go in a circle", h)
			}
		}
	}
}

// drain finishes every work without further failure.
func (m *model) drain() {
	for len(m.working) > 0 {
		m.advance(0, 255)
		m.check()
	}
}

// finish lets everything come to rest: first what is there must agree, then
// nothing may be left.
func (m *model) finish() {
	m.drain()
	if !m.undone {
		m.consistent()
	}
	for i := 0; ; i++ {
		at, ok := m.cache.Next()
		if !ok {
			break
		}
		if i > 1000 {
			m.tb.Fatal("timers never come to an end")
		}
		if at.After(m.now) {
			m.now = at
		}
		for _, out := range m.cache.Expire(m.now, 3) {
			m.take(out)
		}
		m.drain()
	}
	m.consistent()
	if m.cache.Len() != 0 || len(m.store)+len(m.kernel)+len(m.defended) != 0 {
		m.tb.Errorf("left: %d counted, store %v, kernel %v, home link %v", m.cache.Len(), m.store, m.kernel, m.defended)
	}
}

func runModel(tb testing.TB, ops []byte) {
	link := bindingcache.VirtualHomeLink
	if len(ops)%2 == 1 {
		link = bindingcache.PhysicalHomeLink
	}
	m := newModel(tb, link)
	for ; len(ops) >= 3; ops = ops[3:] {
		m.op(ops[0], ops[1], ops[2])
	}
	m.finish()
}

func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 900+seed%2)
		for i := range ops {
			ops[i] = byte(random.Uint32())
		}
		runModel(t, ops)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte{0, 1, 15, 8, 0, 99, 8, 0, 99, 8, 0, 99})
	f.Add([]byte{0, 4, 15, 8, 0, 99, 8, 0, 99, 0, 8, 16, 8, 0, 3, 8, 0, 99, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		runModel(t, ops[:min(len(ops), 3000)])
	})
}
