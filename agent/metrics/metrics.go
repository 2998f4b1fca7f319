package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// scrapesAtOnce bounds the scrapes that are under way at a time; more are
	// answered 503.
	scrapesAtOnce = 4
	// scrapeTimeout is how long one may take.
	scrapeTimeout = 10 * time.Second
)

// Metrics are all metrics of a home agent.
type Metrics struct {
	*Recorder

	registry *prometheus.Registry
}

// New makes the metrics of a version. Source is asked for a Snapshot at each
// scrape, from several goroutines.
func New(version string, source func() *Snapshot) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{Recorder: newRecorder(registry), registry: registry}
	registry.MustRegister(newCollector(source), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: buildDescription.Name, Help: buildDescription.Help + "."}, buildDescription.Labels)
	registry.MustRegister(build)
	build.WithLabelValues(version, runtime.Version()).Set(1)
	return m
}

// Gatherer gives what a scrape does.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Handler answers scrapes at /metrics, in the formats of Prometheus and in
// OpenMetrics. What cannot be read is left out and told to the log.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		DisableCompression:  true, // it goes to this box
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	}))
	return mux
}

// Describe lists all metrics of ours, in the order of the manual. Those of the
// Go runtime and of the process (go_ and process_) come with their library.
func Describe() []Description {
	all := append([]Description(nil), recorded...)
	for _, f := range families() {
		all = append(all, f.Description)
	}
	return all
}
