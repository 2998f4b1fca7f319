package kernel

import (
	"fmt"
	"maps"
	"slices"
	"syscall"

	"homeagent/xfrm/internal/object"
)

// fakeTunnel is a device with all that hangs on it.
type fakeTunnel struct {
	device  object.Tunnel
	gate    object.Gate
	filters map[uint32]object.Filter
	routes  map[string]object.Route
}

// Tunnel looks the tunnel device up.
func (f *Fake) Tunnel(name string) (object.Tunnel, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.tunnels[name]
	if !ok {
		return object.Tunnel{}, false, nil
	}
	return t.device, true, nil
}

// OwnTunnels lists all devices; there are no others here.
func (f *Fake) OwnTunnels() ([]object.Tunnel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []object.Tunnel
	for _, name := range slices.Sorted(maps.Keys(f.tunnels)) {
		list = append(list, f.tunnels[name].device)
	}
	return list, nil
}

// Gate tells what stands at the tunnel's ingress.
func (f *Fake) Gate(t object.Tunnel) (object.Gate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	on, err := f.on(t.Index)
	if err != nil {
		return object.Gate{}, err
	}
	return on.gate, nil
}

// Filters lists the filters in a fixed order.
func (f *Fake) Filters(t object.Tunnel) ([]object.Filter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	on, err := f.on(t.Index)
	if err != nil {
		return nil, err
	}
	return sorted(on.filters), nil
}

// Routes lists the routes in a fixed order.
func (f *Fake) Routes(t object.Tunnel) ([]object.Route, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	on, err := f.on(t.Index)
	if err != nil {
		return nil, err
	}
	return sorted(on.routes), nil
}

// on finds the device of an index.
func (f *Fake) on(index int) (*fakeTunnel, error) {
	for _, t := range f.tunnels {
		if t.device.Index == index {
			return t, nil
		}
	}
	return nil, syscall.ENODEV
}

func (f *Fake) applyTunnel(v object.Verb, t object.Tunnel) error {
	existing, exists := f.tunnels[t.Name]
	switch {
	case v == object.Add && len(f.tunnels) > 0:
		return syscall.EEXIST // one device in external mode at most
	case v == object.Add:
		f.lastIndex++
		t.Index, t.Up = f.lastIndex, false
		f.tunnels[t.Name] = &fakeTunnel{
			device:  t,
			gate:    object.Gate{Device: t.Name, Index: t.Index},
			filters: make(map[uint32]object.Filter),
			routes:  make(map[string]object.Route),
		}
	case !exists:
		return syscall.ENODEV
	case v == object.Delete:
		delete(f.tunnels, t.Name)
	default:
		existing.device = t
		if !t.Up {
			clear(existing.routes)
		}
	}
	return nil
}

func (f *Fake) applyGate(v object.Verb, g object.Gate) error {
	on, err := f.on(g.Index)
	if err != nil {
		return err
	}
	if v == object.Delete {
		g.Classifier, g.Drop = false, false
		clear(on.filters)
	}
	on.gate = g
	return nil
}

// applyFilter refuses two filters for the same packets, as Linux does.
func (f *Fake) applyFilter(v object.Verb, filter object.Filter) error {
	on, err := f.on(filter.Index)
	if err != nil {
		return err
	}
	if !on.gate.Classifier {
		return syscall.EINVAL
	}
	for _, other := range on.filters {
		same := other
		same.Handle = filter.Handle
		if v != object.Delete && other.Handle != filter.Handle && same == filter {
			return syscall.EEXIST
		}
	}
	return change(on.filters, v, filter.Handle, filter)
}

func (f *Fake) applyRoute(v object.Verb, r object.Route) error {
	on, err := f.on(r.Index)
	if err != nil {
		return err
	}
	if v != object.Delete && !on.device.Up {
		return syscall.ENETDOWN
	}
	return whenGone(change(on.routes, v, r.Dst.String(), r), syscall.ESRCH)
}

// commands lists what would build the tunnel again.
func (t *fakeTunnel) commands() []string {
	list := []string{t.device.Command(object.Add)}
	if t.gate.Classifier && t.gate.Drop {
		list = append(list, t.gate.Command(object.Add))
	}
	list = append(list, t.device.Command(object.Replace))
	list = append(list, commands(t.filters)...)
	return append(list, commands(t.routes)...)
}

// Migrate moves what matches in one policy, as Linux does; there are no
// security associations here.
func (f *Fake) Migrate(m object.Migration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.injected(m.String()); err != nil {
		return err
	}
	p, ok := f.policies[m.Policy]
	if !ok {
		return fmt.Errorf("executing %q: %w", m, syscall.ENOENT)
	}
	matched := false
	for i := range p.Templates {
		for _, v := range m.Moves {
			matched = migrateTemplate(&p.Templates[i], v) || matched
		}
	}
	if !matched {
		return fmt.Errorf("executing %q: %w", m, syscall.ENODATA)
	}
	f.policies[m.Policy] = p
	f.journal = append(f.journal, m.String())
	return nil
}

func migrateTemplate(t *object.Template, v object.Move) bool {
	if t.Transform != object.ESP || t.Mode != v.Mode || v.ReqID != 0 && v.ReqID != t.ReqID {
		return false
	}
	if t.Mode == object.Transport {
		return true
	}
	if t.Src != v.FromSrc || t.Dst != v.FromDst {
		return false
	}
	t.Src, t.Dst = v.ToSrc, v.ToDst
	return true
}

// Statistics returns what Count has set.
func (f *Fake) Statistics(filter object.Filter) (object.Statistics, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	on, err := f.on(filter.Index)
	if err != nil {
		return object.Statistics{}, err
	}
	if _, exists := on.filters[filter.Handle]; !exists {
		return object.Statistics{}, syscall.ENOENT
	}
	return f.statistics[filter.Handle], nil
}

// Count sets the counters of the filter with a handle; those of handle 0 are
// of the packets that none lets in.
func (f *Fake) Count(handle uint32, s object.Statistics) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statistics[handle] = s
}

// Dropped returns what Count has set for handle 0.
func (f *Fake) Dropped(object.Tunnel) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statistics[0].Dropped, nil
}

// IPsecCounters returns one counter, which never counts.
func (f *Fake) IPsecCounters() (map[string]uint64, error) {
	return map[string]uint64{"XfrmInTmplMismatch": 0}, nil
}
