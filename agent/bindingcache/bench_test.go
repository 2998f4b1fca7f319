package bindingcache_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
)

var sizes = []many{100, 10_000, 100_000}

// benchmark applies one update after the other, to random ones of many bindings.
func benchmark(b *testing.B, update func(m many, i int, sequence uint16) bindingcache.Update) {
	for _, m := range sizes {
		b.Run(fmt.Sprintf("bindings=%d", int(m)), func(b *testing.B) {
			cache := m.cache(b, func() mobility.Lifetime { return 150 })
			sequences := make([]uint16, m)
			random := rand.New(rand.NewPCG(1, 2))
			now := start
			b.ReportAllocs()
			for b.Loop() {
				i := random.IntN(int(m))
				sequences[i]++
				now = now.Add(time.Microsecond)
				out := cache.Apply(update(m, i, sequences[i]), now)
				if out.Work == nil {
					b.Fatal(out.Reason)
				}
				if out = cache.Commit(out.Work, now); out.Reply == nil {
					b.Fatal(out.Reason)
				}
			}
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	benchmark(b, func(m many, i int, sequence uint16) bindingcache.Update {
		return m.update(i, sequence, 150, careOfA)
	})
}

func BenchmarkMove(b *testing.B) {
	benchmark(b, func(m many, i int, sequence uint16) bindingcache.Update {
		careOf := careOfB
		if sequence%2 == 0 {
			careOf = careOfA
		}
		return m.update(i, sequence, 150, careOf)
	})
}

// BenchmarkExpire takes down one binding after the other.
func BenchmarkExpire(b *testing.B) {
	for _, m := range sizes {
		b.Run(fmt.Sprintf("bindings=%d", int(m)), func(b *testing.B) {
			now := start.Add(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				cache := m.cache(b, func() mobility.Lifetime { return mobility.Lifetime(1 + rand.IntN(150)) })
				b.StartTimer()
				for _, out := range cache.Expire(now, int(m)) {
					cache.Commit(out.Work, now)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m), "ns/binding")
		})
	}
}
