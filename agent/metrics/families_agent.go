package metrics

import (
	"math"
	"time"

	"homeagent/agent/addresspool"
)

func agentFamilies() []family {
	return []family{
		// The library's process_start_time_seconds is missing in our sandbox, which
		// hides /proc/stat.
		gauge("start_time_seconds", "When the home agent was started, as seconds since 1970", seconds(func(s *Snapshot) time.Time { return s.Started })),
		gauge("ready", "Whether the home agent has become ready since its start (1) or not (0)", flag(func(s *Snapshot) bool { return s.Ready })),
		gauge("degraded", "Whether the home agent is degraded (1) or not (0) for a cause, as homeagentctl status tells", collectDegraded, "cause"),
		gauge("box_warnings", "Number of things around the daemon that are not as it needs them, as homeagentctl doctor tells", one(func(s *Snapshot) int { return s.Warnings })),
		gauge("sessions", "Number of bootstrapped mobile nodes: armed ones have a key that no IKE_AUTH has proven yet", collectSessions, "state"),
		gauge("dormant_sessions", "Number of sessions that are kept but not served, as the configuration has no place for their home address or home agent address", one(func(s *Snapshot) int { return s.Sessions.Dormant })),
		gauge("home_addresses", "Number of home addresses of a home prefix that are in use, held down after their release, or free", collectAddresses, "prefix", "state"),
		gauge("config_last_reload_successful", "Whether the last attempt to read the configuration was taken over (1) or not (0)", flag(func(s *Snapshot) bool { return s.Reload.OK })),
		gauge("config_last_reload_success_timestamp_seconds", "When the configuration was last taken over, as seconds since 1970", seconds(func(s *Snapshot) time.Time { return s.Reload.At })),
		counter("control_requests_total", "Requests of operators on the control socket", one(func(s *Snapshot) uint64 { return s.Control.Requests })),
		counter("control_refused_connections_total", "Connections to the control socket by processes that may not use it", one(func(s *Snapshot) uint64 { return s.Control.Refused })),
		gauge("store_healthy", "Whether the last commit of the store succeeded (1) or not (0)", flag(func(s *Snapshot) bool { return s.Store.Healthy })),
		gauge("store_size_bytes", "Size of the store's file", known(func(s *Snapshot) int64 { return s.Store.Size })),
		gauge("store_free_bytes", "Room left on the disk of the store's file", known(func(s *Snapshot) int64 { return s.Store.Free })),
	}
}

func collectDegraded(s *Snapshot, emit emit) {
	for cause, degraded := range s.Degraded {
		value := 0.0
		if degraded {
			value = 1
		}
		emit(value, cause)
	}
}

func seconds(value func(s *Snapshot) time.Time) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) { emit(float64(value(s).UnixMilli()) / 1000) }
}

// known emits a value unless it is negative.
func known(value func(s *Snapshot) int64) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if v := value(s); v >= 0 {
			emit(float64(v))
		}
	}
}

func collectSessions(s *Snapshot, emit emit) {
	emit(float64(s.Sessions.Armed), "armed")
	emit(float64(s.Sessions.Established), "established")
	emit(float64(s.Sessions.Manual), "manual")
}

func collectAddresses(s *Snapshot, emit emit) {
	for _, u := range s.Prefixes {
		prefix := u.Prefix.String()
		emit(float64(u.InUse), prefix, "in_use")
		emit(float64(u.HeldDown), prefix, "held_down")
		emit(free(u), prefix, "free")
	}
}

// free is how many addresses can be given. Those that AAA servers chose outside
// of what we choose from may make it too small by as many.
func free(u addresspool.Usage) float64 {
	if u.Size == math.MaxUint64 {
		return math.MaxUint64
	}
	return max(0, float64(u.Size)-float64(u.InUse)-float64(u.HeldDown))
}
