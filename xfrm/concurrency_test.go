package xfrm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
)

// Callers of all methods at the same time leave the kernel as the last calls
// for each home address wanted it, whatever failed in between.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	d := desired()
	d.RouteOptimization = true
	k, fake := start(t, d)
	var (
		callers sync.WaitGroup
		last    [8]Binding
	)
	for i := range last {
		callers.Go(func() { last[i] = roam(t, k, fmt.Sprintf("1%02x", i), uint64(i)) })
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { trouble(t, k, fake, stop) })
	callers.Wait()
	close(stop)
	others.Wait()
	if _, err := k.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, b := range last {
		if b.CareOf.IsValid() {
			d.Bindings = append(d.Bindings, b)
		}
	}
	changes, err := newKernel(k.log, fake).Set(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, "changes a Set still had to make", "", changes.String())
}

// roam binds and unbinds one home address in a random way, and returns the
// binding it has at last.
func roam(t *testing.T, k *Kernel, home string, seed uint64) Binding {
	random := rand.New(rand.NewPCG(seed, 0))
	var b Binding
	for range 100 {
		b = bound(home, fmt.Sprintf("%x", 1+random.IntN(5)), network(fmt.Sprintf("2001:db8:%s:%x00::/56", home, random.IntN(3))))
		b.Protection = []Protection{
			{}, {ReturnRoutability: uint32(5000 + seed)}, {Payload: uint32(6000 + seed)},
			{ReturnRoutability: uint32(5000 + seed), Payload: uint32(6000 + seed)},
		}[random.IntN(4)]
		if random.IntN(4) == 0 {
			b = Binding{HomeAddress: b.HomeAddress}
		}
		for !settle(t, k, b) {
			continue
		}
	}
	return b
}

// settle makes b true, or the absence of a binding if it has no care-of
// address, and tells whether that succeeded.
func settle(t *testing.T, k *Kernel, b Binding) bool {
	var err error
	if b.CareOf.IsValid() {
		err = k.Bind(t.Context(), b)
	} else {
		err = k.Unbind(t.Context(), b.HomeAddress)
	}
	if err != nil && !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("%v", err)
	}
	return err == nil
}

// trouble repairs, counts and makes changes fail until it is stopped.
func trouble(t *testing.T, k *Kernel, fake *kernel.Fake, stop <-chan struct{}) {
	commands := []string{"tc filter replace", "ip -6 route replace", "ip -6 route delete", "ip xfrm policy update", "ip xfrm state"}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		command := commands[i%len(commands)]
		fake.Fail(command, syscall.ENOMEM)
		_, _ = k.Repair(t.Context())
		fake.Fail(command, nil)
		if _, err := k.Repair(t.Context()); err != nil {
			t.Errorf("repairing: %v", err)
		}
		if _, err := k.Counters(); err != nil {
			t.Errorf("reading the counters: %v", err)
		}
		_, _ = k.Received(addr("2001:db8:1::100"))
		fake.Journal()
	}
}
