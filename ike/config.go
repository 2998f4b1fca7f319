package ike

import (
	"log/slog"
	"net/netip"
	"time"
)

// A Config says how charon is reached and what each mobile node's connection
// looks like. Zero values mean the default.
type Config struct {
	// Socket is the path of charon's VICI socket (default
	// /run/charon.vici).
	Socket string

	// Identity is the home agent's own IKE identity (IDr), an FQDN, a
	// user@domain or an address. Required.
	Identity string

	// Window is how many sessions are loaded in charon at most, for each
	// home agent address (default 500, 2 to 2000).
	Window int

	// ReqID ties the CHILD_SAs to the kernel's policies (default 1001).
	ReqID uint32

	// IKEProposals and ESPProposals are strongSwan proposals such as
	// "aes128-sha256-x25519" (default: charon's own).
	IKEProposals, ESPProposals []string

	// IKERekey and ESPRekey are the lifetimes after which SAs are rekeyed
	// (default: charon's own, 4 h and 1 h).
	IKERekey, ESPRekey time.Duration

	// DPDDelay is how long a mobile node may be silent before charon asks
	// whether it is still there (default 2 min). It may not be negative:
	// without dead peer detection a silently lost IKE_SA keeps an evicted
	// session evicted.
	DPDDelay time.Duration

	// Poll is the pause between two comparisons of what charon holds with
	// what it should hold (default 10 s). SAPoll is the pause between two
	// listings of its IKE_SAs (default 60 s).
	Poll, SAPoll time.Duration

	// Log receives one line per change of state. Required; keys are never
	// written to it.
	Log *slog.Logger

	// OnUp is called when a mobile node's IKE_SA is established, OnDown
	// when its last one is gone. They are called one after the other, in
	// order, on a goroutine of their own. Either may be nil.
	OnUp   func(Established)
	OnDown func(Lost)
}

// An Established reports an IKE_SA that a mobile node authenticated with its
// pre-shared key.
type Established struct {
	UserName               string
	HomeAddress, HomeAgent netip.Addr
	CareOf                 netip.Addr // the mobile node's end of the IKE_SA
	At                     time.Time
}

// A Lost reports that a mobile node's last IKE_SA is gone.
type Lost struct {
	UserName               string
	HomeAddress, HomeAgent netip.Addr
	At                     time.Time
}
