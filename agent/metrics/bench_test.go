package metrics_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"homeagent/agent/metrics"
	"homeagent/agent/mobility"
	"homeagent/agent/session"
	"homeagent/diameter"
	"homeagent/diameter/peer"
)

// BenchmarkRecorder measures what an HMR or a Binding Update pays for being
// measured, from one goroutine and from several at once.
func BenchmarkRecorder(b *testing.B) {
	m := metrics.New("1.0", snapshot)
	failed := errors.New("failed")
	for _, bench := range []struct {
		name string
		do   func()
	}{
		{"time.Now, for comparison", func() { _ = time.Since(time.Now()) }},
		{"HMR", func() {
			m.Waited(metrics.OnStore, time.Millisecond, nil)
			m.Waited(metrics.OnCharon, time.Millisecond, nil)
			m.ServedHMR(3 * time.Millisecond)
			m.AnsweredHMR(diameter.Success)
		}},
		{"refused HMR", func() {
			m.RefusedHMR(session.KeyNotLoaded.Key())
			m.Waited(metrics.OnCharon, time.Millisecond, failed)
			m.ServedHMR(3 * time.Millisecond)
			m.AnsweredHMR(diameter.TooBusy)
		}},
		{"Binding Update", func() {
			m.Waited(metrics.OnStore, time.Millisecond, nil)
			m.Waited(metrics.OnKernel, time.Millisecond, nil)
			m.Acknowledged(mobility.StatusAccepted, time.Millisecond)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.do()
			}
		})
		b.Run(bench.name+", from all sides", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					bench.do()
				}
			})
		})
	}
}

// BenchmarkScrape measures a scrape, which nobody waits for, by the number of
// peers: nothing else in a configuration adds series by the hundred.
func BenchmarkScrape(b *testing.B) {
	for _, peers := range []int{2, 100} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			s := snapshot()
			s.Peers = nil
			for n := range peers {
				s.Peers = append(s.Peers, peer.Status{Host: fmt.Sprintf("aaa%d.example.com", n), State: "R-Open"})
			}
			m := metrics.New("1.0", func() *metrics.Snapshot { return s })
			for b.Loop() {
				if response, _ := scrape(b, m, ""); response.StatusCode != http.StatusOK {
					b.Fatal(response.Status)
				}
			}
		})
	}
}
