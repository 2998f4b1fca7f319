package metrics

import (
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/bindingcache"
	"homeagent/agent/discovery"
	"homeagent/agent/homelink"
	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/diameter/peer"
	"homeagent/ike"
	"homeagent/xfrm"
)

// A Snapshot is what a home agent says of itself at one moment.
type Snapshot struct {
	Started  time.Time
	Ready    bool // it has become ready since its start
	Warnings int  // about the box
	// Degraded tells of each cause whether the home agent is degraded for it.
	Degraded map[string]bool
	Sessions Sessions
	Prefixes []addresspool.Usage
	// Bindings counts home addresses by phase.
	Bindings [bindingcache.Phases]int
	Outcomes [bindingcache.Reasons]uint64
	// Faults counts Mobility Headers that were not understood.
	Faults   [mobility.Faults]uint64
	Socket   mobilitysocket.Counters
	HomeLink homelink.Status
	// Discovery counts what was answered to mobile nodes that look for home
	// agents and prefixes; zero if nobody is.
	Discovery discovery.Counters
	Peers     []peer.Status
	Traffic   peer.Traffic
	IKE       IKE
	Kernel    Kernel
	Store     Store
	Reload    Reload
	Control   Control
	// Validity is that of the certificates for TLS.
	Validity Validity
}

// Sessions counts sessions by whether an IKE_AUTH has proven their key.
type Sessions struct{ Armed, Established, Manual, Dormant int }

// IKE is how strongSwan stands.
type IKE struct {
	ike.Status
	Window int // sessions that may be loaded at a time
}

// Kernel is how the kernel stands. Counted is false if it did not tell its
// counters, which then are left out.
type Kernel struct {
	InSync   bool
	Repairs  uint64
	Counted  bool
	Counters xfrm.Counters
}

// Store is how the store stands.
type Store struct {
	Healthy    bool  // the last commit succeeded
	Size, Free int64 // octets of the file, and left on its disk; -1 if unknown
}

// Reload is what became of the last attempt to read the configuration.
type Reload struct {
	OK bool
	At time.Time // of the last that was taken over, the start included
}

// Validity is how long certificates are good for. Times are zero where there is no
// certificate.
type Validity struct {
	From, Until time.Time            // our own
	Authorities map[string]time.Time // ends of those that we believe, by their names
}

// Control counts what came to the control socket.
type Control struct{ Requests, Refused uint64 }
