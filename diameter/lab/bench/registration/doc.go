// Package registration measures how fast and at what cost the home agent registers
// mobile nodes: Binding Update to Binding Acknowledgement for newcomers, refreshes
// and moves, beside a bare responder that programs and stores nothing; the
// kernel's memory for a binding; the end of many bindings at once.
//
// Real are the daemon as a process of its own with durable commits on a disk, the
// kernel, the Mobility Header socket, ESP and the XFRM policies. Played are the
// mobile nodes (bench/crowd), and their IKE: security associations are made by
// hand, and no strongSwan runs.
//
// It needs root in a kernel with Mobile IPv6, ESP and tunnels: run it in
// User-Mode Linux (.ci/uml), as the figures it compares with were taken there.
//
//	Run      the whole section
//	Respond  the bare responder, which Run starts as a process of its own
package registration
