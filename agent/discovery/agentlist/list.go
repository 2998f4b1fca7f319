// Package agentlist keeps the home agents of a link (the Home Agents List of RFC
// 6275 section 10.1), learnt from Router Advertisements (section 10.5.1), and puts
// them in order for the mobile nodes that ask.
//
// [List.Receive] takes an advertisement, [List.Agents] returns who is there, and
// [Order] the addresses for a Home Agent Address Discovery Reply. Time is a
// parameter. The package must not know sockets.
package agentlist

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/discovery/message"
)

// Limits of what is kept: what comes from the link is anybody's.
const (
	maxAgents    = 128
	maxAddresses = 16 // of one agent
)

// An Agent is a home agent, another one or ourselves.
type Agent struct {
	Preference   uint16 // higher is better
	MobileRouter bool   // mobile routers are supported (RFC 3963 section 7.3)
	Addresses    []netip.Addr
}

// A List holds the other home agents on one link. It is not safe for concurrent
// use; its zero value is empty.
type List struct {
	entries map[netip.Addr]*entry // by link-local address
}

type entry struct {
	preference   uint16
	mobileRouter bool
	until        time.Time
	addresses    map[netip.Addr]time.Time // until when
}

// A Change is what an advertisement did to the list.
type Change uint8

// The changes.
const (
	Unchanged Change = iota // not a home agent, and was none
	Added
	Renewed
	Deleted
	Full // there is no room for another home agent
)

var changeNames = [...]string{
	Unchanged: "unchanged",
	Added:     "added",
	Renewed:   "renewed",
	Deleted:   "deleted",
	Full:      "full",
}

// String returns the change in a word.
func (c Change) String() string { return changeNames[c] }

// Receive takes a valid advertisement of another router, from its link-local
// address, in the steps of RFC 6275 section 10.5.1.
func (l *List) Receive(source netip.Addr, ra *message.RouterAdvertisement, now time.Time) Change {
	l.Expire(now)
	e, known := l.entries[source]
	preference, lifetime := judge(ra)
	switch {
	case !ra.HomeAgent || lifetime == 0:
		if !known {
			return Unchanged
		}
		delete(l.entries, source)
		return Deleted
	case !known && len(l.entries) == maxAgents:
		return Full
	case !known:
		e = &entry{addresses: map[netip.Addr]time.Time{}}
		if l.entries == nil {
			l.entries = map[netip.Addr]*entry{}
		}
		l.entries[source] = e
	}
	e.preference, e.until = preference, now.Add(lifetime)
	e.mobileRouter = ra.Information != nil && ra.Information.MobileRouter
	e.learn(ra.Prefixes, now)
	if known {
		return Renewed
	}
	return Added
}

// judge returns what stands in the Home Agent Information option, or its defaults
// (RFC 6275 section 7.4).
func judge(ra *message.RouterAdvertisement) (preference uint16, lifetime time.Duration) {
	if ra.Information == nil {
		return 0, ra.RouterLifetime
	}
	return ra.Information.Preference, ra.Information.Lifetime
}

// learn takes the router's global addresses, which last as long as their prefixes
// (RFC 6275 section 10.1).
func (e *entry) learn(prefixes []message.Prefix, now time.Time) {
	for _, p := range prefixes {
		if !p.Router || !p.Address.IsGlobalUnicast() || p.Address.Is4In6() {
			continue
		}
		_, known := e.addresses[p.Address]
		switch {
		case p.Valid == 0:
			delete(e.addresses, p.Address)
		case known || len(e.addresses) < maxAddresses:
			e.addresses[p.Address] = now.Add(p.Valid)
		}
	}
}

// Expire deletes what has run out. The other methods do so themselves.
func (l *List) Expire(now time.Time) {
	for source, e := range l.entries {
		for a, until := range e.addresses {
			if !now.Before(until) {
				delete(e.addresses, a)
			}
		}
		if !now.Before(e.until) {
			delete(l.entries, source)
		}
	}
}

// Agents returns the home agents that have a global address.
func (l *List) Agents(now time.Time) []Agent {
	l.Expire(now)
	var agents []Agent
	for _, e := range l.entries {
		if len(e.addresses) == 0 {
			continue
		}
		a := Agent{Preference: e.preference, MobileRouter: e.mobileRouter}
		for address := range e.addresses {
			a.Addresses = append(a.Addresses, address)
		}
		slices.SortFunc(a.Addresses, netip.Addr.Compare)
		agents = append(agents, a)
	}
	slices.SortFunc(agents, func(a, b Agent) int { return a.Addresses[0].Compare(b.Addresses[0]) })
	return agents
}

// Order returns the addresses for a reply: those of preferred agents first, agents
// of equal preference and the addresses of each in an order of chance, at most limit
// of them (RFC 6275 section 10.5.1). If mobileRouter is asked for, they are those of
// agents that support mobile routers, or of all if none does; ok tells which (RFC
// 3963 section 7.2). shuffle is that of math/rand/v2.
func Order(agents []Agent, mobileRouter bool, limit int, shuffle func(n int, swap func(i, j int))) (addresses []netip.Addr, ok bool) {
	agents, ok = supporting(agents, mobileRouter)
	shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
	slices.SortStableFunc(agents, func(a, b Agent) int { return cmp.Compare(b.Preference, a.Preference) })
	for _, a := range agents {
		own := slices.Clone(a.Addresses)
		shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		addresses = append(addresses, own...)
	}
	return addresses[:min(len(addresses), limit)], ok
}

// supporting returns a copy of the agents, or of those that support mobile routers
// if that is asked for and there are any.
func supporting(agents []Agent, mobileRouter bool) (chosen []Agent, ok bool) {
	if mobileRouter {
		for _, a := range agents {
			if a.MobileRouter {
				chosen = append(chosen, a)
			}
		}
	}
	if len(chosen) > 0 {
		return chosen, true
	}
	return slices.Clone(agents), false
}
