package store

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Memory is a Store that forgets everything when the process ends. It is for
// tests.
type Memory struct {
	meta Meta

	mu       sync.Mutex
	closed   bool
	sessions map[string]Session
	leases   map[string]Lease
	bindings map[netip.Addr]Binding
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	now := time.Now()
	return &Memory{
		meta:     Meta{OriginStateID: uint32(now.Unix()), CreatedAt: now, Version: 1},
		sessions: map[string]Session{}, leases: map[string]Lease{}, bindings: map[netip.Addr]Binding{},
	}
}

// Apply is Store's.
func (m *Memory) Apply(ctx context.Context, changes ...Change) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("writing to the store: %w", err)
	}
	for _, c := range changes {
		if err := Check(c); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("writing to the store: %w", ErrClosed)
	}
	for _, c := range changes {
		m.write(c)
	}
	return nil
}

func (m *Memory) write(change Change) {
	switch c := change.(type) {
	case PutSession:
		m.sessions[c.Session.UserName] = c.Session
	case DeleteSession:
		delete(m.sessions, c.UserName)
	case PutLease:
		c.Lease.Former = slices.Clone(c.Lease.Former)
		m.leases[c.Lease.UserName] = c.Lease
	case DeleteLease:
		delete(m.leases, c.UserName)
	case PutBinding:
		c.Binding.Prefixes = slices.Clone(c.Binding.Prefixes)
		m.bindings[c.Binding.HomeAddress] = c.Binding
	case DeleteBinding:
		delete(m.bindings, c.HomeAddress)
	}
}

// Sessions is Store's.
func (m *Memory) Sessions(fn func(Session) error) error { return each(&m.mu, m.sessions, fn) }

// Leases is Store's.
func (m *Memory) Leases(fn func(Lease) error) error { return each(&m.mu, m.leases, fn) }

// Bindings is Store's.
func (m *Memory) Bindings(fn func(Binding) error) error { return each(&m.mu, m.bindings, fn) }

func each[K comparable, V any](mu *sync.Mutex, records map[K]V, fn func(V) error) error {
	mu.Lock()
	all := slices.Collect(maps.Values(records))
	mu.Unlock()
	for _, record := range all {
		if err := fn(record); err != nil {
			return err
		}
	}
	return nil
}

// Meta is Store's.
func (m *Memory) Meta() Meta { return m.meta }

// Close is Store's.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
