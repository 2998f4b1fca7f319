package xfrm

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"homeagent/xfrm/internal/object"
)

// Repair does what Set would do with its last argument and the bindings as
// Bind and Unbind have left them. It is what to call from time to time: unlike
// Set it cannot undo a Bind that came between stating the wish and fulfilling
// it, and it does not keep others waiting while it reads what the kernel holds.
// The error is ErrNotSet before the first Set.
func (k *Kernel) Repair(ctx context.Context) (Changes, error) {
	k.repairing.Lock()
	defer k.repairing.Unlock()
	e, err := k.expect()
	if err != nil {
		return nil, err
	}
	defer k.lookedAt(e.table)
	s := k.survey(e)
	return k.mend(ctx, e, s)
}

// expectation is what the kernel should hold at one moment. The table notes
// from then on what changes.
type expectation struct {
	table    *table
	tunnel   tunnel
	policies []object.Policy
	states   []object.State
	filters  []object.Filter
	routes   []object.Route
	owner    map[key]netip.Addr // of what belongs to a binding
	// unsure means that a change has failed half way before.
	unsure bool
}

func (k *Kernel) expect() (expectation, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return expectation{}, fmt.Errorf("repairing the kernel's state: %w", ErrNotSet)
	}
	k.table.touched = make(map[netip.Addr]bool)
	e := expectation{
		table:    k.table,
		tunnel:   k.tunnel,
		policies: signallingPolicies(k.desired),
		owner:    make(map[key]netip.Addr),
	}
	for home, entry := range k.table.entries {
		e.unsure = e.unsure || entry.unsure
		for _, o := range k.held(entry) {
			e.add(home, o)
		}
	}
	return e, nil
}

func (e *expectation) add(home netip.Addr, o object.Object) {
	e.owner[keyOf(o)] = home
	switch o := o.(type) {
	case object.Policy:
		e.policies = append(e.policies, o)
	case object.State:
		e.states = append(e.states, o)
	case object.Filter:
		e.filters = append(e.filters, o)
	case object.Route:
		e.routes = append(e.routes, o)
	}
}

// lookedAt ends the noting of changes.
func (k *Kernel) lookedAt(t *table) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t.touched = nil
}

// survey is how the kernel differs from what was expected.
type survey struct {
	difference
	// broken means that what bindings stand on is wrong, so that all of it
	// must be set anew.
	broken bool
}

// survey compares without a lock, so that bindings may change meanwhile. What
// cannot be read is broken: Set will say why.
func (k *Kernel) survey(e expectation) survey {
	var s survey
	s.broken = e.unsure || !k.foundations(e.tunnel.device)
	policies, err := k.comparePolicies(e.policies)
	s.add(policies, err)
	states, err := k.compareStates(e.states)
	s.add(states, err)
	if s.broken || e.tunnel.device.Index == 0 {
		return s
	}
	filters, err := k.platform.Filters(e.tunnel.device)
	s.add(compare(e.filters, filters), err)
	s.broken = s.broken || slices.ContainsFunc(filters, isOdd)
	routes, err := k.platform.Routes(e.tunnel.device)
	s.add(compare(e.routes, routes), err)
	return s
}

func (s *survey) add(d difference, err error) {
	s.broken = s.broken || err != nil
	s.put = append(s.put, d.put...)
	s.remove = append(s.remove, d.remove...)
}

// foundations tells whether the wildcard state, the device and its gate are
// right.
func (k *Kernel) foundations(device object.Tunnel) bool {
	if _, found, err := k.platform.State(wildcardState().Key()); err != nil || !found {
		return false
	}
	own, err := k.platform.OwnTunnels()
	if err != nil {
		return false
	}
	if device.Index == 0 {
		return len(own) == 0
	}
	if len(own) != 1 || own[0] != device {
		return false
	}
	g, err := k.platform.Gate(device)
	return err == nil && g.Classifier && g.Drop
}

// mend makes the difference good, except for what others have changed since
// the expectation was noted.
func (k *Kernel) mend(ctx context.Context, e expectation, s survey) (Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.table != e.table: // Set or CleanUp was faster
		return nil, nil
	case s.broken:
		return k.setAll(ctx)
	}
	var done Changes
	for _, c := range s.put {
		if home, owned := e.owner[keyOf(c.object)]; owned && e.table.touched[home] {
			continue
		}
		if err := k.apply(&done, c.verb, c.object); err != nil {
			return done, err
		}
	}
	err := k.mendExtra(&done, s.remove)
	return done, err
}

// mendExtra removes, last created first, what nobody wants even now.
func (k *Kernel) mendExtra(done *Changes, extra Changes) error {
	wanted := k.touchedKeys()
	for i := len(extra) - 1; i >= 0; i-- {
		o := extra[i].object
		if wanted[keyOf(o)] {
			continue
		}
		if err := k.removeOne(done, o); err != nil {
			return err
		}
	}
	return nil
}

// setAll is Set with the bindings there are.
func (k *Kernel) setAll(ctx context.Context) (Changes, error) {
	s := setting{kernel: k, desired: k.desired}
	s.desired.Bindings = k.table.bindings()
	err := s.run(ctx)
	return s.done, err
}

// touchedKeys lists what the touched home addresses have now.
func (k *Kernel) touchedKeys() map[key]bool {
	wanted := make(map[key]bool)
	for home := range k.table.touched {
		for _, o := range k.held(k.table.entries[home]) {
			wanted[keyOf(o)] = true
		}
	}
	return wanted
}
