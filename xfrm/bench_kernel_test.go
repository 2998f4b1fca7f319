//go:build kerneltest

package xfrm_test

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeagent/xfrm"
)

// manyBindings are n bindings of home addresses of their own, all of one
// care-of address.
func manyBindings(n int, careOf netip.Addr) []xfrm.Binding {
	list := make([]xfrm.Binding, n)
	for i := range list {
		home := homeAddress.As16()
		home[10], home[11], home[12], home[13] = 1, byte(i>>16), byte(i>>8), byte(i)
		list[i] = binding(netip.AddrFrom16(home), careOf)
	}
	return list
}

// kernelMemory returns the kernel's slab and per-CPU memory in octets.
func kernelMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] == "Slab:" || words[0] == "Percpu:" {
			n, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			sum += n * 1024
		}
	}
	return sum
}

// TestTenThousandBindings prints what bindings cost; it fails only if one of
// them does. Rates depend on the machine, so read them beside each other.
func TestTenThousandBindings(t *testing.T) {
	const n = 10000
	l := newLab(t)
	l.set()
	report := func(what string, count int, do func()) {
		t.Helper()
		start := time.Now()
		do()
		took := time.Since(start)
		t.Logf("%-42s %8.3f s %8.1f us each %8.0f per second", what, took.Seconds(),
			float64(took.Microseconds())/float64(count), float64(count)/took.Seconds())
	}
	bind := func(bindings []xfrm.Binding) func() {
		return func() {
			for _, b := range bindings {
				l.must(l.kernel.Bind(t.Context(), b))
			}
		}
	}
	for _, size := range []int{100, n} {
		before := kernelMemory(t)
		atA, atB := manyBindings(size, careOfA), manyBindings(size, careOfB)
		report(fmt.Sprintf("%d new bindings", size), size, bind(atA))
		if size == n {
			t.Logf("kernel memory per binding: %d octets", (kernelMemory(t)-before)/size)
		}
		report("moves", size, bind(atB))
		report("refreshes", size, bind(atB))
		report("Set with nothing to do", size, func() { checkNothing(t, l.set(atB...)) })
		l.kernel = l.open()
		report("Set after a restart with nothing to do", size, func() { checkNothing(t, l.set(atB...)) })
		l.command(l.HomeAgent, "ip xfrm policy flush")
		report("Set after policies were flushed", size, func() { l.set(atB...) })
		report("reading the traffic of each", size, func() {
			for _, b := range atB {
				_, err := l.kernel.Received(b.HomeAddress)
				l.must(err)
			}
		})
		report("unbindings", size, func() {
			for _, b := range atB {
				l.must(l.kernel.Unbind(t.Context(), b.HomeAddress))
			}
		})
		checkNothing(t, l.set())
	}
	report("10000 bindings in one Set", n, func() { l.set(manyBindings(n, careOfA)...) })
	report("Repair with nothing to do", n, func() {
		changes, err := l.kernel.Repair(t.Context())
		l.must(err)
		checkNothing(t, changes)
	})
	report("their removal in one Set", n, func() { l.set() })

	before := kernelMemory(t)
	l.optimized(manyBindings(n, careOfA)...)
	t.Logf("kernel memory per binding with route optimization: %d octets", (kernelMemory(t)-before)/n)
}

func checkNothing(t *testing.T, changes xfrm.Changes) {
	t.Helper()
	if len(changes) != 0 {
		t.Errorf("%d changes, the first %q, want none", len(changes), changes[0])
	}
}
