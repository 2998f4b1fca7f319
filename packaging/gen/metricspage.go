package main

import (
	"fmt"
	"strings"

	"homeagent/agent/metrics"
	"homeagent/diameter/peer"
	"homeagent/packaging/manual"
)

const metricsHead = `.Sh METRICS
Prometheus reads figures at
.Va metrics.listen ,
by default
.Lk http://127.0.0.1:9868/metrics ,
in its own format or as OpenMetrics.
A look at them is
.Dl curl http://127.0.0.1:9868/metrics
and with
.Ql listen = \(dq/run/homeagent/metrics.sock\(dq
in the section
.Ql [metrics]
.Dl curl --unix-socket /run/homeagent/metrics.sock http://homeagent/metrics
Nothing in them is about single mobile nodes.
Alert rules for Prometheus are in
.Pa /usr/share/homeagent/prometheus ,
a dashboard for Grafana is in
.Pa /usr/share/homeagent/grafana .
.Pp
There are metrics of the Go runtime and of the process
.Pq Li go_ , process_ ,
and these, with their labels in braces:
.Bl -tag -width Ds
`

const refusalsHead = `.Sh CONNECTIONS THAT COME TO NOTHING
Why a connection with a Diameter peer was refused, or an attempt to connect failed,
is one of these words, in metrics, in the events connection_refused and
peer_unreachable, and in
.Cm homeagentctl peers ,
which keeps the last one of each peer and some of nobody in the list:
.Bl -tag -width Ds
`

const profilesHelp = `.Sh PROFILES
Those who may use the control socket can see where the daemon spends time and
memory, with the tools of Go:
.Dl curl --unix-socket /run/homeagent/control.sock -o profile \e
.Dl \ \ http://homeagent/debug/pprof/profile?seconds=10
.Dl go tool pprof /usr/sbin/homeagentd profile
.Pa /debug/pprof/
lists what else there is.
Profiles hold names of functions, counts and times, and nothing of what is in
memory; the one that would print arguments of functions
.Pq Li debug=2
is refused, as these may be of keys.
`

// metricsPage is the part of homeagentd(8) about monitoring.
func metricsPage() string {
	var p strings.Builder
	p.WriteString(metricsHead)
	for _, d := range metrics.Describe() {
		fmt.Fprintf(&p, ".It Li %s\n", manual.Escape(series(d)))
		prose(&p, d.Help)
		fmt.Fprintf(&p, "A %s.\n", d.Type)
	}
	p.WriteString(".El\n" + refusalsHead)
	for r := range peer.Reasons {
		fmt.Fprintf(&p, ".It Va %s\n", peer.Reason(r))
		prose(&p, peer.Reason(r).Meaning()+".")
	}
	p.WriteString(".El\n" + profilesHelp)
	return p.String()
}

// series is a metric with its labels.
func series(d metrics.Description) string {
	if len(d.Labels) == 0 {
		return d.Name
	}
	return d.Name + "{" + strings.Join(d.Labels, ",") + "}"
}
