// Package metrics tells monitoring how a home agent does: in the format of
// Prometheus and OpenMetrics, at /metrics of a loopback address or a Unix socket.
//
// It knows the names, units and labels of all metrics (tables that the manual
// page is made from, too) and the status types of the parts. It must not know
// where these come from: a [Snapshot] is asked for at each scrape, and what
// cannot be read off afterwards, such as how long something took, comes through
// [Recorder]. No label names a mobile node, its address or its session: labels
// are reasons, states, result codes, home prefixes and configured peers, so that
// the number of series is bounded by the configuration.
//
// Exported: [Metrics] with Handler and its [Recorder], [Snapshot], [Server], and
// [Describe].
package metrics
