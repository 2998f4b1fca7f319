package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/diameter"
)

// durations are the bounds of histograms: from a commit on a fast disk to where
// requests are given up.
var durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// What a Recorder counts and times.
var (
	answersDescription = Description{namespace + "hmr_answers_total", "counter", []string{"code"},
		"Answers to HMRs by Result-Code, but for those that no home agent looked at, such as duplicates"}
	refusalsDescription = Description{namespace + "hmr_refusals_total", "counter", []string{"reason"},
		"HMRs that were refused, by reason"}
	hmrDescription = Description{namespace + "hmr_duration_seconds", "histogram", nil,
		"Time from an HMR to its HMA, without the time that it waited for a worker"}
	acknowledgementsDescription = Description{namespace + "binding_acknowledgements_total", "counter", []string{"status"},
		"Binding Acknowledgements sent, by status; those below 128 accept"}
	bindingDescription = Description{namespace + "binding_update_duration_seconds", "histogram", nil,
		"Time from a Binding Update to its acknowledgement, which is a second longer where duplicate address detection is done"}
	stageDescription = Description{namespace + "stage_duration_seconds", "histogram", []string{"stage"},
		"Time that HMRs and Binding Updates wait for a part of the home agent"}
	stageFailuresDescription = Description{namespace + "stage_failures_total", "counter", []string{"stage"},
		"Failures of a part of the home agent that an HMR or a Binding Update waited for"}
	detectionDescription = Description{namespace + "duplicate_address_detections_total", "counter", []string{"result"},
		"Duplicate address detections on a physical home link, by result"}
	commitDescription = Description{namespace + "store_commit_duration_seconds", "histogram", nil,
		"Time of a commit of the store, which ends when the disk says that it is durable"}
	commitCallsDescription = Description{namespace + "store_commit_calls_total", "counter", nil,
		"Changes that commits of the store made durable, each of one caller"}
	commitFailuresDescription = Description{namespace + "store_commit_failures_total", "counter", nil,
		"Commits of the store that failed"}
	buildDescription = Description{namespace + "build_info", "gauge", []string{"version", "goversion"},
		"Always 1; the labels tell which version runs"}
)

// recorded are the metrics that are no families.
var recorded = []Description{
	answersDescription, refusalsDescription, hmrDescription,
	acknowledgementsDescription, bindingDescription,
	stageDescription, stageFailuresDescription, detectionDescription,
	commitDescription, commitCallsDescription, commitFailuresDescription, buildDescription,
}

// A Recorder counts and times what happens. Its methods may be called from
// several goroutines, hold no locks that others wait for, and cost a fraction of
// a microsecond.
type Recorder struct {
	answers          *prometheus.CounterVec
	success          prometheus.Counter // of answers
	refusals         *prometheus.CounterVec
	hmr              prometheus.Histogram
	acknowledgements *prometheus.CounterVec
	accepted         prometheus.Counter // of acknowledgements
	acknowledged     prometheus.Histogram
	stages           [stageEnd]prometheus.Observer
	failures         [stageEnd]prometheus.Counter
	detections       [detectionEnd]prometheus.Counter
	commits          prometheus.Histogram
	calls, failed    prometheus.Counter
}

// newRecorder makes a Recorder whose series are registered, at zero, as far as
// they are known before anything happens: what is counted from nothing to one
// is no increase to Prometheus.
func newRecorder(to prometheus.Registerer) *Recorder {
	r := &Recorder{
		answers: counters(to, answersDescription), refusals: counters(to, refusalsDescription),
		hmr: histogram(to, hmrDescription), acknowledged: histogram(to, bindingDescription),
		commits: histogram(to, commitDescription),
		calls:   counters(to, commitCallsDescription).WithLabelValues(),
		failed:  counters(to, commitFailuresDescription).WithLabelValues(),
	}
	for _, code := range []diameter.ResultCode{
		diameter.TooBusy, diameter.HomeAgentNotAvailable, diameter.AuthorizationRejected, diameter.InvalidAVPValue,
		diameter.MissingAVP, diameter.ContradictingAVPs, diameter.UnableToComply, diameter.EndToEndKeyEncryption,
	} {
		r.answers.WithLabelValues(number(code))
	}
	r.success = r.answers.WithLabelValues(number(diameter.Success))
	for _, reason := range []string{NotAdmitted, NotAuthorized, Malformed} {
		r.refusals.WithLabelValues(reason)
	}
	for _, reason := range session.Reasons() {
		r.refusals.WithLabelValues(reason.Key())
	}
	r.initialiseStatuses(to)
	r.initialiseStages(to)
	return r
}

func (r *Recorder) initialiseStatuses(to prometheus.Registerer) {
	r.acknowledgements = counters(to, acknowledgementsDescription)
	r.accepted = r.acknowledgements.WithLabelValues("0")
	for reason := range bindingcache.Reasons {
		if status, refuses := bindingcache.Reason(reason).Refusal(); refuses {
			r.acknowledgements.WithLabelValues(strconv.Itoa(int(status)))
		}
	}
}

func (r *Recorder) initialiseStages(to prometheus.Registerer) {
	stages := prometheus.NewHistogramVec(histogramOptions(stageDescription), stageDescription.Labels)
	to.MustRegister(stages)
	failures := counters(to, stageFailuresDescription)
	for s := range stageEnd {
		r.stages[s], r.failures[s] = stages.WithLabelValues(s.String()), failures.WithLabelValues(s.String())
	}
	detections := counters(to, detectionDescription)
	for d := range detectionEnd {
		r.detections[d] = detections.WithLabelValues(d.String())
	}
}

func counters(to prometheus.Registerer, d Description) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Help + "."}, d.Labels)
	to.MustRegister(vec)
	return vec
}

func histogramOptions(d Description) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: d.Name, Help: d.Help + ".", Buckets: durations}
}

func histogram(to prometheus.Registerer, d Description) prometheus.Histogram {
	h := prometheus.NewHistogram(histogramOptions(d))
	to.MustRegister(h)
	return h
}

func number(code diameter.ResultCode) string { return strconv.FormatUint(uint64(code), 10) }

// Reasons for refusing an HMR that are not session's.
const (
	NotAdmitted   = "not_admitted"   // the peer may not ask at all
	NotAuthorized = "not_authorized" // nor for this mobile node, or by this way
	Malformed     = "malformed"      // AVPs are missing or wrong
)

// AnsweredHMR counts an answer to an HMR.
func (r *Recorder) AnsweredHMR(code diameter.ResultCode) {
	if code == diameter.Success {
		r.success.Inc()
		return
	}
	r.answers.WithLabelValues(number(code)).Inc()
}

// ServedHMR tells how long an HMR took.
func (r *Recorder) ServedHMR(took time.Duration) { r.hmr.Observe(took.Seconds()) }

// RefusedHMR counts a refusal by its reason: one of session's, or of those above.
func (r *Recorder) RefusedHMR(reason string) { r.refusals.WithLabelValues(reason).Inc() }

// Acknowledged counts a Binding Acknowledgement that was sent, and how long its
// Binding Update waited for it.
func (r *Recorder) Acknowledged(status mobility.Status, took time.Duration) {
	r.acknowledged.Observe(took.Seconds())
	if status == mobility.StatusAccepted {
		r.accepted.Inc()
		return
	}
	r.acknowledgements.WithLabelValues(strconv.Itoa(int(status))).Inc()
}

// Waited tells how long a stage took, and whether it failed.
func (r *Recorder) Waited(s Stage, took time.Duration, err error) {
	r.stages[s].Observe(took.Seconds())
	if err != nil {
		r.failures[s].Inc()
	}
}

// Detected counts what duplicate address detection found.
func (r *Recorder) Detected(d Detection) { r.detections[d].Inc() }

// Committed counts and times a commit of the store.
func (r *Recorder) Committed(c store.Commit) {
	r.commits.Observe(c.Took.Seconds())
	if c.Err != nil {
		r.failed.Inc()
		return
	}
	r.calls.Add(float64(c.Calls))
}
