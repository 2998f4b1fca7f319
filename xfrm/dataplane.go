package xfrm

import (
	"context"
	"fmt"

	"homeagent/xfrm/internal/object"
)

// dataPlane sets the device, what stands at its ingress, the source checks
// and the routes, in this order: a packet never comes in unchecked.
func (s *setting) dataPlane(ctx context.Context) error {
	k := s.kernel
	if err := s.otherTunnels(ctx); err != nil {
		return err
	}
	if s.desired.Tunnel.Name == "" {
		k.tunnel, k.table = tunnel{}, newTable()
		return nil
	}
	if err := s.device(); err != nil {
		return err
	}
	table := newTable()
	for _, b := range s.desired.Bindings {
		table.put(entry{}, b)
	}
	filters, err := s.filters(table)
	if err != nil {
		return err
	}
	k.table = table
	routes, err := s.routes()
	if err != nil {
		return err
	}
	s.remove = append(append(s.remove, filters.remove...), routes.remove...)
	if err := s.execute(ctx, filters.put); err != nil {
		return err
	}
	return s.execute(ctx, routes.put)
}

// otherTunnels deletes devices of ours that have another name than the one
// wanted. They go first, as the kernel allows one such device only.
func (s *setting) otherTunnels(ctx context.Context) error {
	own, err := s.kernel.platform.OwnTunnels()
	if err != nil {
		return err
	}
	var gone Changes
	for _, t := range own {
		if t.Name != s.desired.Tunnel.Name {
			gone = append(gone, Change{object.Delete, t})
		}
	}
	return s.execute(ctx, gone)
}

// device makes the tunnel device exist, closes its gate and then brings it up.
func (s *setting) device() error {
	k, config := s.kernel, s.desired.Tunnel
	t, found, err := k.platform.Tunnel(config.Name)
	if err != nil {
		return err
	}
	if !found {
		if t, err = s.addDevice(); err != nil {
			return err
		}
	}
	if err := s.gate(t); err != nil {
		return err
	}
	want := object.Tunnel{Name: t.Name, Index: t.Index, MTU: config.MTU, Up: true}
	k.tunnel = tunnel{device: want, hopLimit: config.HopLimit, optimized: s.desired.RouteOptimization}
	if t == want {
		return nil
	}
	return k.apply(&s.done, object.Replace, want)
}

func (s *setting) addDevice() (object.Tunnel, error) {
	config := s.desired.Tunnel
	t := object.Tunnel{Name: config.Name, MTU: config.MTU}
	if err := s.kernel.apply(&s.done, object.Add, t); err != nil {
		return t, err
	}
	t, found, err := s.kernel.platform.Tunnel(config.Name)
	if err == nil && !found {
		err = fmt.Errorf("looking up the device %s: it vanished after it was added", config.Name)
	}
	return t, err
}

func (s *setting) gate(t object.Tunnel) error {
	g, err := s.kernel.platform.Gate(t)
	if err != nil || g.Classifier && g.Drop {
		return err
	}
	g.Classifier, g.Drop = true, true
	return s.kernel.apply(&s.done, object.Add, g)
}

// filters compares the source checks, and teaches table their numbers.
func (s *setting) filters(table *table) (difference, error) {
	through := s.kernel.tunnel
	have, err := s.kernel.platform.Filters(through.device)
	if err != nil {
		return difference{}, err
	}
	if have, err = s.withoutOdd(have); err != nil {
		return difference{}, err
	}
	for _, f := range have {
		table.handles.learn(f.Source, f.Handle)
	}
	var want []object.Filter
	for _, b := range s.desired.Bindings {
		for _, f := range b.filters(through) {
			f.Handle = table.handles.take(f.Source)
			want = append(want, f)
		}
	}
	return compare(want, have), nil
}

// withoutOdd deletes filters that are not as we make them, and returns the
// others. They go first, for one of them may let everything in, or stand where
// one of ours belongs.
func (s *setting) withoutOdd(list []object.Filter) ([]object.Filter, error) {
	kept := list[:0]
	for _, f := range list {
		if !isOdd(f) {
			kept = append(kept, f)
		} else if err := s.kernel.apply(&s.done, object.Delete, f); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// isOdd tells that a filter has nothing but a number.
func isOdd(f object.Filter) bool { return !f.Source.IsValid() }

func (s *setting) routes() (difference, error) {
	through := s.kernel.tunnel
	have, err := s.kernel.platform.Routes(through.device)
	if err != nil {
		return difference{}, err
	}
	var want []object.Route
	for _, b := range s.desired.Bindings {
		want = append(want, b.routes(through)...)
	}
	return compare(want, have), nil
}
