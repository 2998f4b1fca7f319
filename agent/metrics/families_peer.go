package metrics

import "homeagent/diameter/peer"

func peerFamilies() []family {
	return []family{
		gauge("diameter_peer_open", "Whether the Diameter peer can be sent requests (1) or not (0)", each(func(p *peer.Status) float64 { return truth(p.Open) }), "peer"),
		gauge("diameter_peers", "Number of Diameter peers in a state of RFC 6733 section 5.6", collectStates, "state"),
		counter("diameter_peer_connections_total", "Times the Diameter peer became open", count(func(c *peer.Counters) uint64 { return c.Connections }), "peer"),
		counter("diameter_messages_received_total", "Diameter messages received: requests of applications, answers to ours, and watchdog requests", func(s *Snapshot, emit emit) {
			for _, p := range s.Peers {
				emitKinds(emit, p.Host, p.Counters.RequestsReceived, p.Counters.AnswersReceived, p.Counters.WatchdogsReceived)
			}
		}, "peer", "kind"),
		counter("diameter_messages_sent_total", "Diameter messages sent: requests of ours, answers to those of applications, and watchdog requests", func(s *Snapshot, emit emit) {
			for _, p := range s.Peers {
				emitKinds(emit, p.Host, p.Counters.RequestsSent, p.Counters.AnswersSent, p.Counters.WatchdogsSent)
			}
		}, "peer", "kind"),
		counter("diameter_duplicates_total", "Diameter requests that were answered from memory", count(func(c *peer.Counters) uint64 { return c.Duplicates }), "peer"),
		counter("diameter_requests_refused_total", "Diameter requests that were not admitted or of an unknown command or application", count(func(c *peer.Counters) uint64 { return c.Refused }), "peer"),
		counter("diameter_requests_busy_total", "Diameter requests that were refused as too many were waiting", count(func(c *peer.Counters) uint64 { return c.TooBusy }), "peer"),
		counter("diameter_unknown_answers_total", "Diameter answers to nothing that was asked", count(func(c *peer.Counters) uint64 { return c.UnknownAnswers }), "peer"),
		counter("diameter_failovers_total", "Times the watchdog suspected the Diameter peer", count(func(c *peer.Counters) uint64 { return c.Failovers }), "peer"),
		counter("diameter_state_losses_total", "Times the Diameter peer lost its sessions, as its Origin-State-Id tells", count(func(c *peer.Counters) uint64 { return c.StateLosses }), "peer"),
		gauge("diameter_requests_in_progress", "Number of Diameter requests that are being served", count(func(c *peer.Counters) uint64 { return c.InProgress }), "peer"),
		gauge("diameter_requests_queued", "Number of Diameter requests that wait for a worker", count(func(c *peer.Counters) uint64 { return c.Queued }), "peer"),
		counter("diameter_connections_refused_total", "Connections with Diameter peers that came to nothing before they were open, by reason: those that were refused here, and attempts of ours", collectRefused, "reason"),
		gauge("diameter_strangers", "Number of connections that have not said yet which peer they are", one(func(s *Snapshot) int { return s.Traffic.Strangers })),
		counter("diameter_strangers_turned_away_total", "Connections closed to make room for others before they said which peer they are", one(func(s *Snapshot) uint64 { return s.Traffic.StrangersTurnedAway })),
		gauge("diameter_answers_remembered", "Number of Diameter requests in progress and of answers kept for duplicates", one(func(s *Snapshot) int { return s.Traffic.Remembered })),
		counter("diameter_answers_forgotten_early_total", "Diameter answers kept for duplicates that were forgotten before their time, for want of room", one(func(s *Snapshot) uint64 { return s.Traffic.ForgottenEarly })),
	}
}

// each emits one value for each peer.
func each(value func(p *peer.Status) float64) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		for i := range s.Peers {
			emit(value(&s.Peers[i]), s.Peers[i].Host)
		}
	}
}

func count(value func(c *peer.Counters) uint64) func(*Snapshot, emit) {
	return each(func(p *peer.Status) float64 { return float64(value(&p.Counters)) })
}

func emitKinds(emit emit, host string, requests, answers, watchdogs uint64) {
	emit(float64(requests), host, "request")
	emit(float64(answers), host, "answer")
	emit(float64(watchdogs), host, "watchdog")
}

func collectRefused(s *Snapshot, emit emit) {
	for reason, n := range s.Traffic.Refused {
		emit(float64(n), peer.Reason(reason).String())
	}
}

func collectStates(s *Snapshot, emit emit) {
	states := map[string]int{}
	for _, state := range peer.States() {
		states[state] = 0
	}
	for _, p := range s.Peers {
		states[p.State]++
	}
	for state, n := range states {
		emit(float64(n), state)
	}
}
