package metrics

func charonFamilies() []family {
	sessions := func(name, help string, value func(s *Snapshot) int) family {
		return gauge("charon_"+name+"_sessions", "Number of sessions "+help, one(value))
	}
	return []family{
		gauge("charon_connected", "Whether strongSwan answers on its VICI socket (1) or not (0)", flag(func(s *Snapshot) bool { return s.IKE.Connected })),
		sessions("window", "that may be loaded in strongSwan at a time", func(s *Snapshot) int { return s.IKE.Window }),
		sessions("loaded", "whose key and connection are in strongSwan", func(s *Snapshot) int { return s.IKE.Loaded }),
		sessions("pending", "that should be loaded in strongSwan and are not yet", func(s *Snapshot) int { return s.IKE.Pending }),
		sessions("established", "with an IKE_SA, loaded in strongSwan or not", func(s *Snapshot) int { return s.IKE.Established }),
		sessions("evicted", "with an IKE_SA that are not loaded in strongSwan", func(s *Snapshot) int { return s.IKE.Evicted }),
		sessions("waiting", "without an IKE_SA that wait for a place in strongSwan", func(s *Snapshot) int { return s.IKE.Waiting }),
		counter("charon_connections_total", "Connections made to strongSwan's VICI socket", one(func(s *Snapshot) uint64 { return s.IKE.Reconnects })),
		counter("charon_reconciliations_total", "Comparisons of what strongSwan holds with what it should hold", one(func(s *Snapshot) uint64 { return s.IKE.Reconciled })),
		counter("charon_repairs_total", "Keys and connections that were missing in strongSwan and loaded again", one(func(s *Snapshot) uint64 { return s.IKE.Repaired })),
		counter("charon_removals_total", "Keys and connections of the home agent that strongSwan had and should not have", one(func(s *Snapshot) uint64 { return s.IKE.Removed })),
	}
}

func kernelFamilies() []family {
	return []family{
		gauge("kernel_in_sync", "Whether the last comparison left the kernel as it should be (1) or not (0)", flag(func(s *Snapshot) bool { return s.Kernel.InSync })),
		counter("kernel_repairs_total", "Policies, routes, filters and other kernel objects that were missing or wrong and have been repaired", one(func(s *Snapshot) uint64 { return s.Kernel.Repairs })),
		counter("tunnel_spoofed_packets_total", "Tunnelled packets that were dropped as their outer and inner source belong to no binding, since the tunnel was made", func(s *Snapshot, emit emit) {
			if s.Kernel.Counted {
				emit(float64(s.Kernel.Counters.Spoofed))
			}
		}),
		counter("kernel_ipsec_errors_total", "Packets that the kernel's IPsec dropped, since it booted, by its own names in /proc/net/xfrm_stat", func(s *Snapshot, emit emit) {
			for name, n := range s.Kernel.Counters.IPsec {
				emit(float64(n), name)
			}
		}, "error"),
	}
}
