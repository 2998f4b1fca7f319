package metrics

import "github.com/prometheus/client_golang/prometheus"

// namespace begins the name of every metric of ours.
const namespace = "homeagent_"

// A Description says what a metric means.
type Description struct {
	// Name is the whole name, such as homeagent_sessions.
	Name string
	// Type is one of Prometheus: gauge, counter or histogram.
	Type string
	// Labels are the names of its labels.
	Labels []string
	// Help is a sentence without its full stop.
	Help string
}

// emit takes the value of one series, with its labels in the family's order.
type emit func(value float64, labels ...string)

// A family is a metric that is read off a Snapshot.
type family struct {
	Description
	collect func(s *Snapshot, emit emit)
}

func gauge(name, help string, collect func(s *Snapshot, emit emit), labels ...string) family {
	return family{Description{namespace + name, "gauge", labels, help}, collect}
}

func counter(name, help string, collect func(s *Snapshot, emit emit), labels ...string) family {
	return family{Description{namespace + name, "counter", labels, help}, collect}
}

// families are all that are read off a Snapshot.
func families() []family {
	var all []family
	for _, some := range [][]family{agentFamilies(), bindingFamilies(), homeLinkFamilies(), peerFamilies(), certificateFamilies(), charonFamilies(), kernelFamilies()} {
		all = append(all, some...)
	}
	return all
}

// one emits a single value.
func one[T int | int64 | uint64](value func(s *Snapshot) T) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) { emit(float64(value(s))) }
}

// flag emits 1 for true and 0 for false.
func flag(value func(s *Snapshot) bool) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) { emit(truth(value(s))) }
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// A collector reads all families off one Snapshot for each scrape.
type collector struct {
	source   func() *Snapshot
	families []family
	descs    []*prometheus.Desc
}

func newCollector(source func() *Snapshot) *collector {
	c := &collector{source: source, families: families()}
	for _, f := range c.families {
		c.descs = append(c.descs, prometheus.NewDesc(f.Name, f.Help+".", f.Labels, nil))
	}
	return c
}

// Describe is prometheus.Collector's.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		descs <- d
	}
}

// Collect is prometheus.Collector's.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.source()
	for i, f := range c.families {
		kind := prometheus.GaugeValue
		if f.Type == "counter" {
			kind = prometheus.CounterValue
		}
		f.collect(s, func(value float64, labels ...string) {
			metrics <- prometheus.MustNewConstMetric(c.descs[i], kind, value, labels...)
		})
	}
}
