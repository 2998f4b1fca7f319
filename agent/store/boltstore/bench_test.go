package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/agent/store/storetest"
)

// BenchmarkApply measures durable calls of a session and its lease, beside the
// bare limit of the disk in the same run: so many octets appended to a file and
// waited for.
func BenchmarkApply(b *testing.B) {
	b.Run("bare append and fsync", bareAppend)
	for _, sealed := range []bool{false, true} {
		for _, callers := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("sealed=%v/callers=%d", sealed, callers), func(b *testing.B) {
				var opt boltstore.Options
				if sealed {
					opt.Sealer = sealer(b, 1)
				}
				applyAll(b, open(b, path(b), opt), callers)
			})
		}
	}
}

func bareAppend(b *testing.B) {
	file, err := os.OpenFile(filepath.Join(b.TempDir(), "bare"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	record := make([]byte, 700) // about a session and its lease
	for b.Loop() {
		if _, err := file.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func applyAll(b *testing.B, s store.Store, callers int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for n := int(next.Add(1)); n <= b.N; n = int(next.Add(1)) {
				err := s.Apply(context.Background(), store.PutSession{Session: storetest.Session(n)}, store.PutLease{Lease: storetest.Lease(n)})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkOpen measures a start: opening a store of 100,000 sessions, which
// walks its pages, and reading all records.
func BenchmarkOpen(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(fmt.Sprintf("sealed=%v", sealed), func(b *testing.B) {
			p := path(b)
			var opt boltstore.Options
			if sealed {
				opt.Sealer = sealer(b, 1)
			}
			s := open(b, p, opt)
			storetest.Fill(b, s, 100_000)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := boltstore.Open(p, opt)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				if err := s.Sessions(func(store.Session) error { n++; return nil }); err != nil || n != 100_000 {
					b.Fatal(n, err)
				}
				if err := s.Leases(func(store.Lease) error { return nil }); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			if info, err := os.Stat(p); err == nil {
				b.ReportMetric(float64(info.Size())/100_000, "file-bytes/session")
			}
		})
	}
}
