package metrics

import (
	"homeagent/agent/bindingcache"
	"homeagent/agent/discovery"
	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/mobilitysocket/ancillary"
)

func bindingFamilies() []family {
	return []family{
		gauge("bindings", "Number of home addresses in the binding cache", collectBindings, "state"),
		counter("binding_outcomes_total", "What became of bindings and of Binding Updates that were not refused", collectOutcomes(outcomeDone), "reason"),
		counter("binding_updates_refused_total", "Binding Updates that were refused with an acknowledgement, by reason", collectOutcomes(outcomeRefused), "reason"),
		counter("binding_updates_discarded_total", "Binding Updates that were discarded without an answer, by reason", collectOutcomes(outcomeSilent), "reason"),
		counter("mobility_messages_discarded_total", "Mobility Headers that were discarded as they could not be understood, by fault", collectFaults, "fault"),
		counter("mobility_packets_discarded_total", "Packets with a Mobility Header that were discarded before it was looked at, by reason", collectPackets, "reason"),
		counter("binding_errors_limited_total", "Binding Errors that were not sent, to keep their rate down", one(func(s *Snapshot) uint64 { return s.Socket.ErrorsLimited })),
		counter("discovery_messages_total", "Messages of mobile nodes that look for home agents and prefixes, and of other home agents, by what became of them", collectDiscovery, "result"),
	}
}

func collectBindings(s *Snapshot, emit emit) {
	for _, p := range []bindingcache.Phase{bindingcache.PhaseBound, bindingcache.PhaseProbing, bindingcache.PhaseChanging, bindingcache.PhaseLingering} {
		emit(float64(s.Bindings[p]), p.String())
	}
}

// An outcome is a class of reasons, each of which is a metric.
type outcome int

const (
	outcomeDone outcome = iota
	outcomeRefused
	outcomeSilent
)

func classify(r bindingcache.Reason) outcome {
	if _, refused := r.Refusal(); refused {
		return outcomeRefused
	}
	if r.Silent() {
		return outcomeSilent
	}
	return outcomeDone
}

func collectOutcomes(class outcome) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		for i, n := range s.Outcomes {
			if r := bindingcache.Reason(i); r.String() != "" && classify(r) == class {
				emit(float64(n), r.String())
			}
		}
	}
}

func collectFaults(s *Snapshot, emit emit) {
	for i, n := range s.Faults {
		if fault := mobility.Fault(i); fault != 0 {
			emit(float64(n), fault.Key())
		}
	}
}

func collectPackets(s *Snapshot, emit emit) {
	for i, n := range s.Socket.Discarded {
		if d := mobilitysocket.Discard(i); d != mobilitysocket.Kept {
			emit(float64(n), d.String())
		}
	}
	for i, n := range s.Socket.Socket.Flawed {
		if flaw := ancillary.Flaw(i); flaw != ancillary.Sound {
			emit(float64(n), flaw.String())
		}
	}
	emit(float64(s.Socket.Socket.Truncated), "truncated")
	emit(float64(s.Socket.Socket.Overflowed), "overflowed")
}

func collectDiscovery(s *Snapshot, emit emit) {
	for i, n := range s.Discovery.Received {
		emit(float64(n), discovery.Outcome(i).String())
	}
}

func homeLinkFamilies() []family {
	return []family{
		gauge("home_link_up", "Whether the home link is in use (1) or its interface is missing or down (0)", flag(func(s *Snapshot) bool { return s.HomeLink.Up })),
		gauge("home_link_addresses", "Number of home addresses on a physical home link that are defended, or probed for duplicates", collectHeld, "state"),
		counter("home_link_conflicts_total", "Advertisements of other nodes on the home link for addresses that are defended", one(func(s *Snapshot) uint64 { return s.HomeLink.Counters.Conflicts })),
		counter("home_link_errors_total", "Failures to send on the home link or to join a multicast group of it", one(func(s *Snapshot) uint64 { return s.HomeLink.Errors })),
	}
}

func collectHeld(s *Snapshot, emit emit) {
	emit(float64(s.HomeLink.Held), "held")
	emit(float64(s.HomeLink.Probing), "probing")
}
