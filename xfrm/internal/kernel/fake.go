package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"

	"homeagent/xfrm/internal/object"
)

// Fake is a kernel in memory. It refuses what Linux refuses, and String shows
// what it holds.
type Fake struct {
	mu           sync.Mutex
	policies     map[object.PolicyKey]object.Policy
	states       map[object.StateKey]object.State
	associations map[object.AssociationKey]object.Association
	tunnels      map[string]*fakeTunnel
	journal      []string
	failures     map[string]error

	statistics map[uint32]object.Statistics // by the filter's handle

	lastIndex int
	events    chan object.Event
}

// NewFake returns a kernel that holds nothing.
func NewFake() *Fake {
	return &Fake{
		policies:     make(map[object.PolicyKey]object.Policy),
		states:       make(map[object.StateKey]object.State),
		associations: make(map[object.AssociationKey]object.Association),
		tunnels:      make(map[string]*fakeTunnel),
		failures:     make(map[string]error),
		statistics:   make(map[uint32]object.Statistics),
		events:       make(chan object.Event),
	}
}

// Close does nothing.
func (f *Fake) Close() {}

// Fail makes every change fail whose command starts with prefix; nil ends it.
func (f *Fake) Fail(prefix string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		delete(f.failures, prefix)
		return
	}
	f.failures[prefix] = err
}

// Journal returns the commands executed since it was called last, one per
// line.
func (f *Fake) Journal() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := lines(f.journal)
	f.journal = nil
	return text
}

// String is the commands which would make an empty kernel hold the same.
func (f *Fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text []string
	text = append(text, commands(f.policies)...)
	text = append(text, commands(f.states)...)
	text = append(text, commands(f.associations)...)
	for _, name := range slices.Sorted(maps.Keys(f.tunnels)) {
		text = append(text, f.tunnels[name].commands()...)
	}
	return lines(text)
}

func commands[K comparable, T object.Object](objects map[K]T) []string {
	var text []string
	for o := range maps.Values(objects) {
		text = append(text, o.Command(object.Add))
	}
	slices.Sort(text)
	return text
}

func lines(text []string) string {
	var b strings.Builder
	for _, line := range text {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

// Tell makes Watch handle an event, and waits until it begins to.
func (f *Fake) Tell(e object.Event) { f.events <- e }

// Watch handles the events that Tell is called with.
func (f *Fake) Watch(ctx context.Context, handle func(object.Event)) error {
	for {
		select {
		case e := <-f.events:
			handle(e)
		case <-ctx.Done():
			return nil
		}
	}
}

// Policies lists the policies in a fixed order.
func (f *Fake) Policies() ([]object.Policy, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sorted(f.policies), nil
}

// State looks a state up.
func (f *Fake) State(k object.StateKey) (object.State, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.states[k]
	return s, ok, nil
}

// States lists the states in a fixed order.
func (f *Fake) States() ([]object.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sorted(f.states), nil
}

func sorted[K comparable, T object.Object](objects map[K]T) []T {
	list := slices.Collect(maps.Values(objects))
	slices.SortFunc(list, func(a, b T) int {
		return strings.Compare(a.Command(object.Add), b.Command(object.Add))
	})
	return list
}

// Apply does v to o as Linux does.
func (f *Fake) Apply(v object.Verb, o object.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	command := o.Command(v)
	err := f.injected(command)
	if err == nil {
		err = f.apply(v, o)
	}
	if err != nil {
		return fmt.Errorf("executing %q: %w", command, err)
	}
	f.journal = append(f.journal, command)
	return nil
}

func (f *Fake) injected(command string) error {
	for prefix, err := range f.failures {
		if strings.HasPrefix(command, prefix) {
			return err
		}
	}
	return nil
}

func (f *Fake) apply(v object.Verb, o object.Object) error {
	switch o := o.(type) {
	case object.Policy:
		return change(f.policies, v, o.Key(), o)
	case object.State:
		return whenGone(change(f.states, v, o.Key(), o), syscall.ESRCH)
	case object.Association:
		return f.applyAssociation(v, o)
	case object.Tunnel:
		return f.applyTunnel(v, o)
	case object.Gate:
		return f.applyGate(v, o)
	case object.Filter:
		return f.applyFilter(v, o)
	case object.Route:
		return f.applyRoute(v, o)
	default:
		return syscall.EOPNOTSUPP
	}
}

func change[K comparable, T any](objects map[K]T, v object.Verb, k K, o T) error {
	_, exists := objects[k]
	switch {
	case v == object.Add && exists:
		return syscall.EEXIST
	case v == object.Delete && !exists:
		return syscall.ENOENT
	case v == object.Delete:
		delete(objects, k)
	default:
		objects[k] = o
	}
	return nil
}

// whenGone replaces the error for what does not exist.
func whenGone(err, other error) error {
	if err == syscall.ENOENT {
		return other
	}
	return err
}
