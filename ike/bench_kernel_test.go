//go:build kerneltest

package ike_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"homeagent/ike"
	"homeagent/ike/vici"
)

// subscriber is mobile node i of a great many.
func subscriber(i int) ike.Credential {
	c := cred(i%250, 1+i%250)
	c.UserName = fmt.Sprintf("subscriber%d@example.com", i)
	c.HomeAddress = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 9, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
	return c
}

// latencies reports percentiles and the rate of what several callers did.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) measure(f func()) {
	start := time.Now()
	f()
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, took)
}

func (l *latencies) report(b *testing.B) {
	slices.Sort(l.all)
	b.ReportMetric(float64(l.all[len(l.all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(l.all[len(l.all)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
}

// used starts to measure the processor time of the home agent's charon; what it
// returns tells the milliseconds for each of n things done since.
func (f *field) used() func(n int) float64 {
	f.t.Helper()
	start, err := f.ha.CPU()
	f.must(err)
	return func(n int) float64 {
		end, err := f.ha.CPU()
		f.must(err)
		return float64((end - start).Microseconds()) / 1000 / float64(n)
	}
}

// BenchmarkBare makes the calls that arming takes, alone and one after the
// other: without a window, and with one that is full, where each newcomer costs
// an eviction.
func BenchmarkBare(b *testing.B) {
	f := newField(b, ike.Config{})
	l := f.link(f.ha)
	for _, full := range []bool{false, true} {
		b.Run(window(full), func(b *testing.B) {
			f.t = b
			var times latencies
			used := f.used()
			for i := range b.N {
				if i >= 500 {
					f.unload(l, i-500, full, &times)
				}
				s, c := f.calls(i)
				times.measure(func() {
					f.must(l.LoadShared(b.Context(), s))
					f.must(l.LoadConns(b.Context(), c))
				})
			}
			times.report(b)
			b.ReportMetric(used(b.N), "charon-ms")
			b.StopTimer()
			for i := max(0, b.N-500); i < b.N; i++ {
				f.unload(l, i, true, &times)
			}
			b.StartTimer()
		})
	}
}

func window(full bool) string {
	if full {
		return "full"
	}
	return "roomy"
}

// unload unloads both parts; the time counts only if counted.
func (f *field) unload(l *vici.Link, i int, counted bool, times *latencies) {
	if b := f.t.(*testing.B); !counted {
		b.StopTimer()
		defer b.StartTimer()
	}
	name := ike.ConnectionName(subscriber(i).HomeAddress)
	f.must(l.UnloadShared(f.t.Context(), name))
	f.must(l.UnloadConn(f.t.Context(), name))
}

// calls makes the arguments of the calls that ike.Charon makes.
func (f *field) calls(i int) (vici.Shared, vici.Conn) {
	c := subscriber(i)
	name := ike.ConnectionName(c.HomeAddress)
	return vici.Shared{ID: name, Owners: []string{"email:" + c.UserName, c.HomeAddress.String()}, Key: c.PSK},
		vici.Conn{
			Name: name, Local: homeAgent, LocalID: "fqdn:ha.example.com", RemoteID: "email:" + c.UserName,
			Proposals: []string{"aes128-sha256-x25519"}, Rekey: 4 * time.Hour, DPD: 2 * time.Minute, Unique: "replace",
			Children: []vici.Child{{
				Name: "mh", Mode: "transport_proxy", ReqID: 1001, Proposals: []string{"aes128-sha256"}, Rekey: time.Hour,
				LocalTS: []string{homeAgent.String() + "/128[135]"}, RemoteTS: []string{c.HomeAddress.String() + "/128[135]"},
			}},
		}
}

// BenchmarkArm arms, with several callers at once, until the window is full and
// beyond. Compare with BenchmarkBare.
func BenchmarkArm(b *testing.B) {
	for _, callers := range []int{1, 8, 64, -1, -8, -64} { // assigning addresses, too
		assign := callers < 0
		callers = max(callers, -callers)
		b.Run(fmt.Sprintf("assign=%t/callers=%d", assign, callers), func(b *testing.B) {
			f := newField(b, ike.Config{AssignHomeAddress: assign})
			var times latencies
			used := f.used()
			next := make(chan int)
			var running sync.WaitGroup
			b.ResetTimer()
			for range callers {
				running.Go(func() {
					for i := range next {
						times.measure(func() { f.check(f.arm(subscriber(i))) })
					}
				})
			}
			for i := range b.N {
				next <- i
			}
			close(next)
			running.Wait()
			b.StopTimer()
			times.report(b)
			b.ReportMetric(used(b.N), "charon-ms")
			f.endAgent()
		})
	}
}

// BenchmarkIKESA shows what one more IKE_SA costs charon, its arming included,
// with few sessions and with many live (IKE_LIVE, 1000 if not set), all but a
// window of them evicted; and how long a newcomer waits when charon restarts
// then. The IKE_SAs have no CHILD_SA, so that it runs on any kernel.
func BenchmarkIKESA(b *testing.B) {
	live := 1000
	if s := os.Getenv("IKE_LIVE"); s != "" {
		var err error
		if live, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	f := newField(b, ike.Config{SAPoll: time.Hour})
	defer f.endAgent()
	few := f.cost(b, 0)
	f.t = b
	for i := few; i < live; i++ {
		f.live(i)
	}
	n := f.cost(b, live)
	b.Run(fmt.Sprintf("restart/live=%d", live), func(b *testing.B) {
		f.t = b
		f.must(f.ha.Kill())
		f.must(f.ha.Start())
		begin := time.Now()
		f.must(f.arm(subscriber(live + n)))
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-to-arm")
		f.eventually("the window is loaded", func() bool { return f.ike.Status().Loaded == min(500, live) })
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-to-window")
		f.eventually("it is known that all are gone", func() bool { return f.ike.Status().Established == 0 })
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-to-listing")
	})
}

// cost measures a few more IKE_SAs when so many are live, and returns how many.
func (f *field) cost(b *testing.B, live int) int {
	n := 0
	b.Run(fmt.Sprintf("live=%d", live), func(b *testing.B) {
		f.t = b
		const few = 200
		used := f.used()
		for range few {
			f.live(live + n)
			n++
		}
		b.ReportMetric(used(few), "charon-ms/IKE_SA")
		b.ReportMetric(float64(b.Elapsed().Microseconds())/few/1000, "ms/IKE_SA")
	})
	return n
}

// live arms a mobile node and has it authenticate.
func (f *field) live(i int) {
	f.t.Helper()
	c := subscriber(i)
	f.must(f.arm(c))
	name := ike.ConnectionName(c.HomeAddress)
	ctx := context.Background()
	f.must(f.node.LoadShared(ctx, vici.Shared{ID: name, Owners: []string{"email:" + c.UserName}, Key: c.PSK}))
	f.must(f.node.LoadConns(ctx, vici.Conn{
		Name: name, Local: careOf, Remote: homeAgent, LocalID: "email:" + c.UserName, RemoteID: "fqdn:ha.example.com",
		Proposals: []string{"aes128-sha256-x25519"}, Childless: vici.ChildlessForce,
	}))
	f.must(f.node.Initiate(ctx, name, ""))
	f.must(f.node.UnloadShared(ctx, name))
	f.must(f.node.UnloadConn(ctx, name))
}
