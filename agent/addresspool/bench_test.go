package addresspool_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"homeagent/agent/addresspool"
)

// BenchmarkAssign measures a newcomer's address and its release, with as many
// leases in use as the name says: in a prefix that never fills, and in ranges
// that are empty, half full and full but for one in a hundred.
func BenchmarkAssign(b *testing.B) {
	for _, leases := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("prefix64/leases=%d", leases), func(b *testing.B) {
			churn(b, whole(), leases)
		})
		for _, percent := range []int{0, 50, 99} {
			cfg := few(leases)
			inUse := leases * percent / 100
			b.Run(fmt.Sprintf("range=%d/full=%d%%", leases, percent), func(b *testing.B) {
				churn(b, cfg, inUse)
			})
		}
	}
}

// churn keeps a constant number of leases in use. Nothing is held down or
// remembered, so that ranges do not fill with what was released.
func churn(b *testing.B, cfg addresspool.Config, inUse int) {
	cfg.HoldDown, cfg.RememberMax = 0, -1
	before := heap()
	p := newPool(b, cfg)
	users := make([]string, inUse+1)
	for n := range users {
		users[n] = fmt.Sprintf("mn%d@example.com", n)
	}
	for _, user := range users[:inUse] {
		assign(b, p, user, start)
	}
	memory := heap() - before
	b.ReportAllocs()
	b.ResetTimer()
	newcomer := inUse
	for n := 0; b.Loop(); n++ {
		assign(b, p, users[newcomer], start)
		leaver := (newcomer + 1) % len(users)
		p.Release(users[leaver], start.Add(time.Duration(n)))
		newcomer = leaver
		if n%1024 == 0 {
			p.Forgotten()
		}
	}
	if inUse > 0 {
		b.ReportMetric(float64(memory)/float64(inUse), "bytes/lease")
	}
	runtime.KeepAlive(p)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkReuse measures assignments that take the place of what another user
// left, in a range that is full of released leases.
func BenchmarkReuse(b *testing.B) {
	cfg := few(10_000)
	cfg.HoldDown = time.Nanosecond
	p := newPool(b, cfg)
	now := start
	for n := range 10_000 {
		user := fmt.Sprint("mn", n)
		assign(b, p, user, now)
		now = now.Add(time.Second)
		p.Release(user, now)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		now = now.Add(time.Second)
		user := fmt.Sprint("other", n)
		assign(b, p, user, now)
		p.Release(user, now)
		if n%1024 == 0 {
			p.Forgotten()
		}
	}
}
