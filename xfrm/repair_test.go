package xfrm

import (
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

// meddler is a kernel in which something else happens while its routes are
// being listed.
type meddler struct {
	*kernel.Fake
	meanwhile func()
}

func (m *meddler) Routes(t object.Tunnel) ([]object.Route, error) {
	list, err := m.Fake.Routes(t)
	if meanwhile := m.meanwhile; meanwhile != nil {
		m.meanwhile = nil
		meanwhile()
	}
	return list, err
}

func TestRepair(t *testing.T) {
	t.Parallel()
	route := bound("100", "a").routes(tunnel{device: object.Tunnel{Name: "mip6", Index: 1}, hopLimit: 64})[0]
	elsewhere, extra := route, route
	elsewhere.CareOf, extra.Dst = addr("2001:db8:2::e"), prefix("2001:db8:1::e/128")
	policy := receivedPolicy(addr("2001:db8:1::1"), prefix("2001:db8:1::/64"), 1001)
	weak, leftOver := policy, policy
	weak.Templates[0].Optional = true
	leftOver.Src = prefix("2001:db8:9::/64")
	device := object.Tunnel{Name: "mip6", Index: 1, MTU: 1460, Up: true}
	filter := bound("101", "b").filters(tunnel{device: device})[0]
	filter.Handle = 7
	odd := object.Filter{Device: "mip6", Index: 1, Handle: 9}
	tests := []struct {
		name   string
		damage Changes
		want   int // changes
	}{
		{"nothing", nil, 0},
		{"route gone", Changes{{object.Delete, route}}, 1},
		{"route elsewhere", Changes{{object.Replace, elsewhere}}, 1},
		{"route too many", Changes{{object.Add, extra}}, 1},
		{"filter too many", Changes{{object.Add, filter}}, 1},
		{"filter of another kind", Changes{{object.Add, odd}}, 1},
		{"policy gone", Changes{{object.Delete, policy}}, 1},
		{"policy weakened", Changes{{object.Replace, weak}}, 1},
		{"policy too many", Changes{{object.Add, leftOver}}, 1},
		{"state gone", Changes{{object.Delete, wildcardState()}}, 1},
		{"several", Changes{{object.Delete, policy}, {object.Delete, route}, {object.Add, leftOver}, {object.Add, extra}}, 4},
		{"device gone", Changes{{object.Delete, device}}, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, fake := start(t, desired(bound("100", "a")))
			before := fake.String()
			for _, c := range tt.damage {
				if err := fake.Apply(c.verb, c.object); err != nil {
					t.Fatal(err)
				}
			}
			changes, err := k.Repair(t.Context())
			if err != nil || len(changes) != tt.want {
				t.Errorf("got %d changes, want %d, error %v:\n%s", len(changes), tt.want, err, changes)
			}
			checkState(t, before, fake)
			if changes, err := k.Repair(t.Context()); err != nil || len(changes) != 0 {
				t.Errorf("repairing again: got changes %v, error %v", changes, err)
			}
		})
	}
}

// What is bound, moved or unbound while the kernel is being read is neither
// undone nor taken for damage.
func TestRepairBesideOthers(t *testing.T) {
	t.Parallel()
	still := bound("1ff", "f", network("2001:db8:f00::/56"))
	tests := []struct {
		name      string
		before    []Binding
		meanwhile func(*testing.T, *Kernel) error
		after     []Binding
	}{
		{"new", nil,
			func(t *testing.T, k *Kernel) error { return k.Bind(t.Context(), bound("100", "a")) },
			[]Binding{bound("100", "a")}},
		{"moved", []Binding{bound("100", "a")},
			func(t *testing.T, k *Kernel) error { return k.Bind(t.Context(), bound("100", "b")) },
			[]Binding{bound("100", "b")}},
		{"unbound", []Binding{bound("100", "a")},
			func(t *testing.T, k *Kernel) error { return k.Unbind(t.Context(), addr("2001:db8:1::100")) },
			nil},
		{"unbound, and its number taken", []Binding{bound("100", "a")},
			func(t *testing.T, k *Kernel) error {
				return errors.Join(k.Unbind(t.Context(), addr("2001:db8:1::100")), k.Bind(t.Context(), bound("101", "b")))
			},
			[]Binding{bound("101", "b")}},
		{"protected", []Binding{bound("100", "a")},
			func(t *testing.T, k *Kernel) error {
				return k.Bind(t.Context(), bound("100", "a", protected(Protection{Payload: 7})))
			},
			[]Binding{bound("100", "a", protected(Protection{Payload: 7}))}},
		{"set anew", []Binding{bound("100", "a")},
			func(t *testing.T, k *Kernel) error {
				_, err := k.Set(t.Context(), desired(still, bound("102", "c")))
				return err
			},
			[]Binding{bound("102", "c")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &meddler{Fake: kernel.NewFake()}
			k := newKernel(slog.New(slog.DiscardHandler), m)
			if _, err := k.Set(t.Context(), desired(append(tt.before, still)...)); err != nil {
				t.Fatal(err)
			}
			m.meanwhile = func() {
				if err := tt.meanwhile(t, k); err != nil {
					t.Error(err)
				}
			}
			changes, err := k.Repair(t.Context())
			if err != nil || len(changes) != 0 {
				t.Errorf("got changes, error %v:\n%s", err, changes)
			}
			checkSettled(t, k, m.Fake, append(slices.Clone(tt.after), still))
		})
	}
}

func TestRepairGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a")))
	fake.Fail("ip -6 route", syscall.ENOMEM)
	if err := k.Bind(t.Context(), bound("100", "b")); !errors.Is(err, syscall.ENOMEM) {
		t.Fatalf("got error %v, want %v", err, syscall.ENOMEM)
	}
	// The filter goes back; the route is as it was.
	if changes, err := k.Repair(t.Context()); err != nil || len(changes) != 1 {
		t.Errorf("got changes %v, error %v", changes, err)
	}
	checkSettled(t, k, fake, []Binding{bound("100", "a")})
}

func TestRepairNeedsSet(t *testing.T) {
	t.Parallel()
	k := newKernel(slog.New(slog.DiscardHandler), kernel.NewFake())
	if _, err := k.Repair(t.Context()); !errors.Is(err, ErrNotSet) {
		t.Errorf("got error %v, want %v", err, ErrNotSet)
	}
}
