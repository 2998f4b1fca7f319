package xfrm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"homeagent/xfrm/internal/object"
)

// ErrNotSet is returned by Bind and Unbind before the first successful Set.
var ErrNotSet = errors.New("the kernel's state is not known yet, Set comes first")

// tunnel is the device as bindings use it.
type tunnel struct {
	device    object.Tunnel
	hopLimit  uint8
	optimized bool // what the home agent itself sends does not use it
}

// entry is what the kernel holds for one home address, as far as we know.
type entry struct {
	binding Binding // its zero value is none
	// residue is set when a change failed half way: what may exist besides
	// binding's objects, which may be missing themselves.
	residue []object.Object
	unsure  bool
}

// table is the bindings that the kernel holds.
type table struct {
	entries map[netip.Addr]entry
	owners  map[netip.Prefix]netip.Addr // of mobile network prefixes
	handles handles
	// touched are the home addresses that were changed while a Repair looks at
	// the kernel; nil while none does.
	touched map[netip.Addr]bool
}

func newTable() *table {
	return &table{
		entries: make(map[netip.Addr]entry),
		owners:  make(map[netip.Prefix]netip.Addr),
		handles: newHandles(),
	}
}

// touch notes that what the kernel holds for a home address is about to
// change.
func (t *table) touch(home netip.Addr) {
	if t.touched != nil {
		t.touched[home] = true
	}
}

// put notes that b is in the kernel, in place of what e says.
func (t *table) put(e entry, b Binding) {
	for _, p := range e.binding.Prefixes {
		delete(t.owners, p)
	}
	for _, p := range b.Prefixes {
		t.owners[p] = b.HomeAddress
	}
	t.entries[b.HomeAddress] = entry{binding: b}
}

// bindings lists the bindings in no particular order.
func (t *table) bindings() []Binding {
	list := make([]Binding, 0, len(t.entries))
	for _, e := range t.entries {
		if !e.binding.equal(Binding{}) {
			list = append(list, e.binding)
		}
	}
	return list
}

// doubt makes every entry be put anew when it is changed next.
func (t *table) doubt() {
	for home, e := range t.entries {
		e.unsure = true
		t.entries[home] = e
	}
}

func (t *table) drop(home netip.Addr) {
	for _, p := range t.entries[home].binding.Prefixes {
		delete(t.owners, p)
	}
	delete(t.entries, home)
}

// claim refuses a binding with a mobile network prefix of another's.
func (t *table) claim(b Binding) error {
	for _, p := range b.Prefixes {
		if owner, taken := t.owners[p]; taken && owner != b.HomeAddress {
			return fmt.Errorf("binding %s: %w: %s is %s's", b.HomeAddress, ErrNetwork, p, owner)
		}
	}
	return nil
}

// objects lists what b needs, in the order of creation: first what protects
// and checks, then what leads packets there.
func (t *table) objects(b Binding, through tunnel) []object.Object {
	var list []object.Object
	for _, p := range b.policies() {
		list = append(list, p)
	}
	if through.optimized {
		for _, s := range b.states() {
			list = append(list, s)
		}
	}
	for _, f := range b.filters(through) {
		f.Handle = t.handles.take(f.Source)
		list = append(list, f)
	}
	for _, r := range b.routes(through) {
		list = append(list, r)
	}
	return list
}

// Bind makes b the binding of its home address, at a cost that does not
// depend on the number of bindings: a new one, a move to a new care-of
// address, or nothing when b is what is there already. When it returns nil,
// packets from b.CareOf pass and packets from an earlier care-of address do
// not; until then it is the other way round, with no moment in between, as the
// kernel replaces a filter by a single step. On an error either may be the
// case until Bind, Unbind or Set has succeeded. Set must have been called
// before.
func (k *Kernel) Bind(ctx context.Context, b Binding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return fmt.Errorf("binding %s: %w", b.HomeAddress, ErrNotSet)
	}
	return k.bind(ctx, b)
}

// Protect changes what of a binding must be under ESP, and nothing else of it.
// The errors are ErrNotSet, and ErrNotBound if there is no binding.
func (k *Kernel) Protect(ctx context.Context, home netip.Addr, p Protection) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return fmt.Errorf("protecting %s: %w", home, ErrNotSet)
	}
	b := k.table.entries[home].binding
	if b.HomeAddress != home {
		return fmt.Errorf("protecting %s: %w", home, ErrNotBound)
	}
	b.Protection = p
	return k.bind(ctx, b)
}

func (k *Kernel) bind(ctx context.Context, b Binding) error {
	if err := k.desired.checkBinding(b); err != nil {
		return err
	}
	e := k.table.entries[b.HomeAddress]
	if !e.unsure && e.binding.equal(b) {
		return nil
	}
	if err := k.table.claim(b); err != nil {
		return err
	}
	k.table.touch(b.HomeAddress)
	want := k.table.objects(b, k.tunnel)
	if err := k.transform(ctx, want, k.held(e), e.unsure); err != nil {
		k.table.entries[b.HomeAddress] = entry{binding: e.binding, residue: append(e.residue, want...), unsure: true}
		return fmt.Errorf("binding %s: %w", b.HomeAddress, err)
	}
	k.table.put(e, b)
	return nil
}

// held lists what the kernel may hold for e.
func (k *Kernel) held(e entry) []object.Object {
	if e.binding.equal(Binding{}) {
		return e.residue
	}
	return append(e.residue, k.table.objects(e.binding, k.tunnel)...)
}

// Unbind removes the binding of a home address, at a cost that does not depend
// on the number of bindings; nil if there is none.
func (k *Kernel) Unbind(ctx context.Context, home netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return fmt.Errorf("unbinding %s: %w", home, ErrNotSet)
	}
	e, bound := k.table.entries[home]
	if !bound {
		return nil
	}
	k.table.touch(home)
	if err := k.transform(ctx, nil, k.held(e), e.unsure); err != nil {
		e.unsure = true
		k.table.entries[home] = e
		return fmt.Errorf("unbinding %s: %w", home, err)
	}
	k.table.drop(home)
	return nil
}

// transform leads from have to want: it puts what is missing or different, all
// of it if what is there is unsure, and then removes, last created first, what
// want does not have.
func (k *Kernel) transform(ctx context.Context, want, have []object.Object, unsure bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	there := make(map[key]object.Object, len(have))
	for _, o := range have {
		there[keyOf(o)] = o
	}
	for _, o := range want {
		found, ok := there[keyOf(o)]
		delete(there, keyOf(o))
		if ok && found == o && !unsure {
			continue
		}
		if err := k.putOne(found, o); err != nil {
			return about(o, err)
		}
	}
	for i := len(have) - 1; i >= 0; i-- {
		if _, extra := there[keyOf(have[i])]; !extra {
			continue
		}
		delete(there, keyOf(have[i]))
		var done Changes
		if err := k.removeOne(&done, have[i]); err != nil {
			return err
		}
	}
	return nil
}

// putOne puts o in the place of old, if there is one.
func (k *Kernel) putOne(old, o object.Object) error {
	from, was := old.(object.Policy)
	to, is := o.(object.Policy)
	if was && is {
		if done, err := k.migratePolicy(from, to); done || err != nil {
			return err
		}
	}
	var done Changes
	if _, keyless := o.(object.State); keyless && old == nil {
		// Replacing what is not there would take a message more.
		return k.apply(&done, object.Add, o)
	}
	return k.apply(&done, object.Replace, o)
}

// removeOne deletes o; that it is gone already is all right, and no change.
func (k *Kernel) removeOne(done *Changes, o object.Object) error {
	err := k.apply(done, object.Delete, o)
	if err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if f, ok := o.(object.Filter); ok {
		k.table.handles.give(f.Source, f.Handle)
	}
	return nil
}

// key tells one object from another. Only one of its parts is set.
type key struct {
	policy object.PolicyKey
	state  object.StateKey
	filter uint32
	route  netip.Prefix
}

func keyOf(o object.Object) key {
	switch o := o.(type) {
	case object.Policy:
		return key{policy: o.Key()}
	case object.State:
		return key{state: o.Key()}
	case object.Filter:
		return key{filter: o.Key()}
	case object.Route:
		return key{route: o.Key()}
	default:
		return key{}
	}
}
