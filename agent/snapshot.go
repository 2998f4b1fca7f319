package agent

import (
	"context"
	"os"
	"slices"

	"homeagent/agent/control"
	"homeagent/agent/discovery"
	"homeagent/agent/metrics"
)

// snapshot is what monitoring reads at a scrape.
func (a *Agent) snapshot() *metrics.Snapshot {
	counts := a.sessions.Counts()
	s := &metrics.Snapshot{
		Started: a.started, Ready: a.begun(), Warnings: len(a.warnings(context.Background())), Degraded: a.degraded(),
		Sessions: metrics.Sessions{Armed: counts.Armed(), Established: counts.Established, Manual: counts.Manual, Dormant: counts.Dormant},
		Prefixes: a.sessions.AddressUse(),
		Bindings: a.registrar.Phases(), Outcomes: a.registrar.Counters(),
		Socket: a.deps.Mobility.Counters(), HomeLink: a.deps.HomeLink.Status(),
		Peers: a.peers.Peers(), Traffic: a.peers.Traffic(),
		IKE:    metrics.IKE{Status: a.charon.Status(), Window: a.cfg.IKE.Window * len(a.cfg.HomeAgent.Addresses)},
		Kernel: a.kernelSnapshot(), Store: a.storeSnapshot(), Reload: a.reloader.snapshot(),
		Validity: a.attention.validity(),
	}
	for fault := range a.signals.discarded {
		s.Faults[fault] = a.signals.discarded[fault].Load()
	}
	if d, ok := a.discovery.(interface{ Status() discovery.Status }); ok {
		s.Discovery = d.Status().Counters
	}
	s.Control.Requests, s.Control.Refused = a.control.Counters()
	return s
}

// degraded tells of each cause whether there is a reason of it.
func (a *Agent) degraded() map[string]bool {
	status := a.Status(context.Background())
	causes := map[string]bool{}
	for _, cause := range control.Causes() {
		causes[string(cause)] = slices.ContainsFunc(status.Reasons, func(r control.Warning) bool { return r.Cause == cause })
	}
	return causes
}

func (a *Agent) kernelSnapshot() metrics.Kernel {
	repairs, failure, _ := a.kernel.status()
	counters, err := a.deps.Kernel.Counters()
	if err != nil {
		a.deps.Log.Debug("the kernel's counters could not be read", "error", err)
	}
	return metrics.Kernel{InSync: failure == nil, Repairs: repairs, Counted: err == nil, Counters: counters}
}

func (a *Agent) storeSnapshot() metrics.Store {
	path := a.cfg.Store.Path
	s := metrics.Store{Healthy: a.ledger.status(path).Error == "", Size: -1, Free: int64(freeSpace(path))}
	if info, err := os.Stat(path); err == nil {
		s.Size = info.Size()
	}
	return s
}

func (r *reloader) snapshot() metrics.Reload {
	last := r.last.Load()
	return metrics.Reload{OK: last.err == nil, At: last.takenOver}
}
