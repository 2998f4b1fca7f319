package kernel

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/xfrm/internal/object"
)

// subject is what Linux and Fake have in common.
type subject interface {
	Policies() ([]object.Policy, error)
	State(object.StateKey) (object.State, bool, error)
	States() ([]object.State, error)
	Association(object.AssociationKey) (object.Association, bool, error)
	Associations() ([]object.Association, error)
	Tunnel(name string) (object.Tunnel, bool, error)
	OwnTunnels() ([]object.Tunnel, error)
	Gate(object.Tunnel) (object.Gate, error)
	Filters(object.Tunnel) ([]object.Filter, error)
	Routes(object.Tunnel) ([]object.Route, error)
	Apply(object.Verb, object.Object) error
	Migrate(object.Migration) error
	Statistics(object.Filter) (object.Statistics, error)
	Dropped(object.Tunnel) (uint64, error)
	IPsecCounters() (map[string]uint64, error)
}

var (
	home   = netip.MustParseAddr("2001:db8:1::100")
	agent  = netip.MustParseAddr("2001:db8:1::1")
	careOf = netip.MustParseAddr("2001:db8:2::a")
	moved  = netip.MustParseAddr("2001:db8:2::b")
)

func tunnelPolicy() object.Policy {
	return object.Policy{
		Selector:  object.Selector{Src: object.Host(home), Dst: object.Everything()},
		Direction: object.Forward,
		Priority:  62770,
		Templates: [2]object.Template{{Transform: object.ESP, Mode: object.TunnelMode, Src: careOf, Dst: agent, ReqID: 7}},
	}
}

func keylessState() object.State {
	none := netip.IPv6Unspecified()
	return object.State{Transform: object.HomeAddress, Src: none, Dst: none, CareOf: none, ReqID: 6275, Wildcard: true}
}

// contract is what is true of Linux, and so must be of Fake: tests that use
// Fake are worth nothing otherwise.
func contract(t *testing.T, k subject) {
	t.Run("policies", func(t *testing.T) { policiesContract(t, k) })
	t.Run("states", func(t *testing.T) { statesContract(t, k) })
	t.Run("associations", func(t *testing.T) { associationsContract(t, k) })
	t.Run("migrations", func(t *testing.T) { migrationsContract(t, k) })
	tunnel := object.Tunnel{Name: "mip6", MTU: 1460}
	t.Run("device", func(t *testing.T) { tunnel = deviceContract(t, k, tunnel) })
	t.Run("filters", func(t *testing.T) { filtersContract(t, k, tunnel) })
	t.Run("routes", func(t *testing.T) { routesContract(t, k, tunnel) })
	t.Run("device's end", func(t *testing.T) {
		apply(t, k, object.Delete, tunnel, nil)
		if _, found, err := k.Tunnel("mip6"); found || err != nil {
			t.Errorf("the device is found, error %v", err)
		}
	})
}

// apply does v to o and expects an error, which names the command.
func apply(t *testing.T, k subject, v object.Verb, o object.Object, want error) {
	t.Helper()
	err := k.Apply(v, o)
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", o.Command(v), err, want)
	}
	if want != nil && (err == nil || !strings.Contains(err.Error(), o.Command(v))) {
		t.Errorf("the error %v does not name the command %q", err, o.Command(v))
	}
}

func checkList[T any](t *testing.T, list func() ([]T, error), want ...T) {
	t.Helper()
	got, err := list()
	if err != nil {
		t.Error(err)
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	same := cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func policiesContract(t *testing.T, k subject) {
	p := tunnelPolicy()
	apply(t, k, object.Delete, p, syscall.ENOENT)
	apply(t, k, object.Add, p, nil)
	apply(t, k, object.Add, p, syscall.EEXIST)
	other := p
	other.Priority = 1
	apply(t, k, object.Add, other, syscall.EEXIST)
	apply(t, k, object.Replace, other, nil)
	checkList(t, k.Policies, other)
	apply(t, k, object.Delete, p, nil)
	apply(t, k, object.Replace, p, nil)
	apply(t, k, object.Delete, p, nil)
	checkList(t, k.Policies)
}

func statesContract(t *testing.T, k subject) {
	s := keylessState()
	check := func(want bool) {
		t.Helper()
		got, found, err := k.State(s.Key())
		if err != nil || found != want || found && got != s {
			t.Errorf("got %v, %t, %v", got, found, err)
		}
	}
	check(false)
	apply(t, k, object.Delete, s, syscall.ESRCH)
	apply(t, k, object.Add, s, nil)
	apply(t, k, object.Add, s, syscall.EEXIST)
	check(true)
	bound := object.State{Transform: object.Routing, Src: agent, Dst: home, CareOf: careOf, ReqID: 6276}
	apply(t, k, object.Replace, bound, nil)
	bound.CareOf = moved
	apply(t, k, object.Replace, bound, nil)
	if list, err := k.States(); err != nil || len(list) != 2 || !slices.Contains(list, s) || !slices.Contains(list, bound) {
		t.Errorf("got states %v, error %v", list, err)
	}
	apply(t, k, object.Delete, bound, nil)
	apply(t, k, object.Delete, s, nil)
	check(false)
	checkList(t, k.States)
}

func associationsContract(t *testing.T, k subject) {
	a := object.Association{
		Src: home, Dst: agent, SPI: 0x1001, ReqID: 1 << 29, Protocol: object.MobilityHeader,
		Encryption: object.Algorithm{Name: "cbc(aes)", Key: object.NewSecret(make([]byte, 16))},
		Integrity:  object.Algorithm{Name: "hmac(sha256)", Key: object.NewSecret(make([]byte, 32)), Truncated: 128},
	}
	null := a
	null.Src, null.Dst, null.SPI = agent, home, 0x1002
	null.Encryption = object.Algorithm{Name: "ecb(cipher_null)"}
	apply(t, k, object.Delete, a, syscall.ESRCH)
	apply(t, k, object.Add, a, nil)
	apply(t, k, object.Add, null, nil)
	apply(t, k, object.Add, a, syscall.EEXIST)
	for _, want := range []object.Association{a, null} {
		if got, found, err := k.Association(want.Key()); err != nil || !found || !got.Equal(want) {
			t.Errorf("got %v, %t, %v, want %v", got, found, err, want)
		}
	}
	if list, err := k.Associations(); err != nil || len(list) != 2 {
		t.Errorf("got associations %v, error %v", list, err)
	}
	apply(t, k, object.Delete, a, nil)
	apply(t, k, object.Delete, null, nil)
	if _, found, err := k.Association(a.Key()); found || err != nil {
		t.Errorf("found after its end, error %v", err)
	}
}

func migrationsContract(t *testing.T, k subject) {
	p := tunnelPolicy()
	m := object.Migration{
		Policy: p.Key(), Local: agent, Remote: moved,
		Moves: []object.Move{{
			Mode: object.TunnelMode, ReqID: 7, FromSrc: careOf, FromDst: agent, ToSrc: moved, ToDst: agent,
		}},
	}
	migrate := func(want error) {
		t.Helper()
		if err := k.Migrate(m); !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", m, err, want)
		}
	}
	migrate(syscall.ENOENT)
	apply(t, k, object.Add, p, nil)
	migrate(nil)
	migrate(syscall.ENODATA)
	after := p
	after.Templates[0].Src = moved
	checkList(t, k.Policies, after)
	m.Moves[0].ReqID = 8
	m.Moves[0].FromSrc = moved
	migrate(syscall.ENODATA)
	// One that matches is enough.
	second := m.Moves[0]
	second.ReqID, second.ToSrc = 7, careOf
	m.Moves = append(m.Moves, second)
	migrate(nil)
	checkList(t, k.Policies, p)
	apply(t, k, object.Delete, p, nil)
}

func deviceContract(t *testing.T, k subject, want object.Tunnel) object.Tunnel {
	checkList(t, k.OwnTunnels)
	apply(t, k, object.Add, want, nil)
	got, found, err := k.Tunnel(want.Name)
	if err != nil || !found || got.Index == 0 {
		t.Fatalf("got %v, %t, %v", got, found, err)
	}
	want.Index = got.Index
	checkList(t, k.OwnTunnels, want)
	apply(t, k, object.Add, object.Tunnel{Name: "second", MTU: 1460}, syscall.EEXIST)
	if g, err := k.Gate(want); err != nil || g.Classifier || g.Drop {
		t.Errorf("at first there is a gate: %v, %v", g, err)
	}
	gate := object.Gate{Device: want.Name, Index: want.Index, Classifier: true, Drop: true}
	apply(t, k, object.Add, gate, nil)
	apply(t, k, object.Add, gate, nil) // whatever was there
	if g, err := k.Gate(want); err != nil || g != gate {
		t.Errorf("got gate %v, %v, want %v", g, err, gate)
	}
	want.MTU, want.Up = 1400, true
	apply(t, k, object.Replace, want, nil)
	checkList(t, k.OwnTunnels, want)
	return want
}

func filtersContract(t *testing.T, k subject, on object.Tunnel) {
	list := func() ([]object.Filter, error) { return k.Filters(on) }
	f := object.Filter{Device: on.Name, Index: on.Index, Handle: 1, CareOf: careOf, HomeAgent: agent, Source: object.Host(home)}
	apply(t, k, object.Delete, f, syscall.ENOENT)
	apply(t, k, object.Add, f, nil)
	apply(t, k, object.Add, f, syscall.EEXIST)
	twin := f
	twin.Handle = 2
	apply(t, k, object.Add, twin, syscall.EEXIST)
	if s, err := k.Statistics(f); err != nil || s != (object.Statistics{}) {
		t.Errorf("got statistics %v, %v", s, err)
	}
	if _, err := k.Statistics(twin); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("statistics of no filter: got error %v, want %v", err, syscall.ENOENT)
	}
	f.CareOf = moved
	apply(t, k, object.Replace, f, nil)
	apply(t, k, object.Replace, f, nil)
	checkList(t, list, f)
	apply(t, k, object.Replace, twin, nil)
	apply(t, k, object.Delete, twin, nil)
	apply(t, k, object.Delete, f, nil)
	checkList(t, list)
	if n, err := k.Dropped(on); n != 0 || err != nil {
		t.Errorf("%d packets dropped, error %v", n, err)
	}
}

func routesContract(t *testing.T, k subject, on object.Tunnel) {
	list := func() ([]object.Route, error) { return k.Routes(on) }
	r := object.Route{Device: on.Name, Index: on.Index, Dst: object.Host(home), HomeAgent: agent, CareOf: careOf, HopLimit: 64}
	apply(t, k, object.Delete, r, syscall.ESRCH)
	apply(t, k, object.Add, r, nil)
	apply(t, k, object.Add, r, syscall.EEXIST)
	r.CareOf = moved
	apply(t, k, object.Replace, r, nil)
	checkList(t, list, r)
	down := on
	down.Up = false
	apply(t, k, object.Replace, down, nil)
	checkList(t, list) // a device that goes down takes its routes with it
	apply(t, k, object.Add, r, syscall.ENETDOWN)
	apply(t, k, object.Replace, on, nil)
	apply(t, k, object.Replace, r, nil)
	checkList(t, list, r)
	apply(t, k, object.Delete, r, nil)
	checkList(t, list)
}

func TestFakeBehavesAsLinux(t *testing.T) {
	t.Parallel()
	contract(t, NewFake())
}
