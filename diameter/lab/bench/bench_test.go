package bench_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter/lab/bench"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name               string
		outstanding, count int
		elapsed            time.Duration // every operation takes a second
		most               int32
	}{
		{"one by one", 1, 5, 5 * time.Second, 1},
		{"side by side", 3, 7, 3 * time.Second, 3},
		{"fewer than allowed", 64, 2, time.Second, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var running, most atomic.Int32
				seen := make([]atomic.Int32, tt.count)
				s, err := bench.Run(t.Context(), tt.outstanding, tt.count, func(_ context.Context, i int) error {
					most.Store(max(most.Load(), running.Add(1)))
					time.Sleep(time.Second)
					running.Add(-1)
					seen[i].Add(1)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range seen {
					if n := seen[i].Load(); n != 1 {
						t.Errorf("operation %d was done %d times", i, n)
					}
				}
				if s.Count() != tt.count || s.Elapsed != tt.elapsed || most.Load() != tt.most {
					t.Errorf("got %d operations in %v, %d at once; want %d in %v, %d", s.Count(), s.Elapsed, most.Load(), tt.count, tt.elapsed, tt.most)
				}
				if s.Quantile(0) != time.Second || s.Quantile(1) != time.Second {
					t.Errorf("operations took %v to %v, want 1s", s.Quantile(0), s.Quantile(1))
				}
			})
		})
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name               string
		ctx                context.Context
		outstanding, count int
		err                error
		most               int32 // operations begun
	}{
		{"an operation", t.Context(), 2, 100, refused, 12},
		{"cancelled before", cancelled, 2, 100, context.Canceled, 0},
		{"none wanted", t.Context(), 1, 0, nil, 0},
		{"none allowed", t.Context(), 0, 1, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var begun atomic.Int32
			_, err := bench.Run(tt.ctx, tt.outstanding, tt.count, func(_ context.Context, i int) error {
				if begun.Add(1); i == 10 {
					return refused
				}
				return nil
			})
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("got error %v, want %v", err, tt.err)
			}
			if n := begun.Load(); n > tt.most+1 {
				t.Errorf("%d operations were begun, want about %d", n, tt.most)
			}
		})
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	var hundred bench.Sample
	for i := range 100 {
		hundred.Took = append(hundred.Took, time.Duration(100-i)*time.Millisecond)
	}
	hundred.Elapsed = 2 * time.Second
	twice := bench.Sample{}
	twice.Add(hundred)
	twice.Add(hundred)
	tests := []struct {
		name          string
		s             bench.Sample
		rate          float64
		p50, p99, max time.Duration
	}{
		{"none", bench.Sample{}, 0, 0, 0, 0},
		{"one", bench.Sample{Took: []time.Duration{time.Second}, Elapsed: time.Second}, 1, time.Second, time.Second, time.Second},
		{"a hundred", hundred, 50, 50 * time.Millisecond, 99 * time.Millisecond, 100 * time.Millisecond},
		{"two rounds", twice, 50, 50 * time.Millisecond, 99 * time.Millisecond, 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := []any{tt.s.Rate(), tt.s.Quantile(0.5), tt.s.Quantile(0.99), tt.s.Quantile(1)}
			if diff := cmp.Diff([]any{tt.rate, tt.p50, tt.p99, tt.max}, got); diff != "" {
				t.Errorf("unexpected rate, p50, p99, maximum (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := bench.Median(tt.values); got != tt.want {
			t.Errorf("the median of %v is %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]bench.Clock{
		"this process": bench.NewClock(os.Getpid()), "its parent": bench.NewClock(os.Getppid()),
	} {
		used, err := clock.Used(func() error { return nil })
		if err != nil || used < 0 {
			t.Errorf("%s used %v, error %v", name, used, err)
		}
	}
	if _, err := bench.NewClock(1 << 30).Now(); err == nil || !strings.Contains(err.Error(), "process 1073741824") {
		t.Errorf("got error %v for a process that is not there", err)
	}
	failed := errors.New("failed")
	if _, err := bench.NewClock(os.Getpid()).Used(func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got error %v, want that of the function", err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	r := bench.NewReport(&text)
	r.Heading("Größe")
	r.Linef("%d lines", 1)
	table := bench.NewTable("part", "per second", "ms")
	table.Row("whole", bench.PerSecond(1234.5), bench.Millis(1500*time.Microsecond))
	table.Row("käse", bench.PerSecond(7))
	r.Table(*table)
	for _, a := range []bench.Aim{
		{What: "ratio", Value: 0.812, Limit: 0.8, Least: true},
		{What: "ratio", Value: 0.5, Limit: 0.8, Least: true},
		{What: "delay", Value: 2.5, Limit: 5, Unit: " ms"},
		{What: "start", Value: 210.4, Limit: 20, Unit: " s"},
	} {
		r.Judge(a)
	}
	want := `
Größe
-----
1 lines
part   per second    ms
-----  ----------  ----
whole        1234  1.50
käse            7      
met     ratio                                                              0.81  (aim: at least 0.80)
MISSED  ratio                                                              0.50  (aim: at least 0.80)
met     delay                                                              2.50 ms  (aim: at most 5.00 ms)
MISSED  start                                                               210 s  (aim: at most 20.0 s)
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("unexpected report (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ratio", "start"}, r.Missed()); diff != "" {
		t.Errorf("unexpected missed aims (-want +got):\n%s", diff)
	}
	r.Stepf("begun")
	if !strings.HasSuffix(text.String(), "[  0.0 s] begun\n") {
		t.Errorf("unexpected step in %q", text.String())
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	if got := bench.Ratio(0.8049); got != "0.80" {
		t.Errorf("got %q", got)
	}
}
