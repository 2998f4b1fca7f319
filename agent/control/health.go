package control

import (
	"maps"
	"slices"
	"time"
)

// The states of a daemon.
const (
	Starting = "starting"
	// Ready is the state in which everything that mobile nodes need works.
	Ready = "ready"
	// Degraded is the state of a daemon that has become ready and lacks something
	// now, or of which somebody should know something.
	Degraded = "degraded"
)

// A Cause is a word for what makes a daemon degraded. Words do not change between
// versions; new ones may come.
type Cause string

// The causes.
const (
	StoreFails        Cause = "store_fails"
	KernelFails       Cause = "kernel_fails"
	ManualKeyingFails Cause = "manual_keying_fails"
	StrongSwanAway    Cause = "strongswan_away"
	NoPeer            Cause = "no_peer"
	ReloadRefused     Cause = "reload_refused"
	BoxNotReady       Cause = "box_not_ready"
	// CertificateExpires is for the last days; before that there is a warning without
	// a cause.
	CertificateExpires Cause = "certificate_expires"
	CertificateExpired Cause = "certificate_expired"
	ProposalRefused    Cause = "proposal_refused"
	// SessionsDormant says that the configuration has no place for some sessions,
	// NodeNotServed that a session of an AAA server is in a mobile node's way.
	SessionsDormant Cause = "sessions_dormant"
	NodeNotServed   Cause = "node_not_served"
)

var brief = map[Cause]string{
	StoreFails:         "the store does not take changes",
	KernelFails:        "the kernel is not in order",
	ManualKeyingFails:  "mobile nodes keyed by hand are not served",
	StrongSwanAway:     "strongSwan is away",
	NoPeer:             "no Diameter peer is connected",
	ReloadRefused:      "the changed configuration is not in force",
	BoxNotReady:        "the box is not ready",
	CertificateExpires: "a certificate runs out",
	CertificateExpired: "a certificate has run out",
	ProposalRefused:    "strongSwan refuses a proposal",
	SessionsDormant:    "sessions are not served",
	NodeNotServed:      "a mobile node of the configuration is not served",
}

// Causes are all of them, sorted.
func Causes() []Cause { return slices.Sorted(maps.Keys(brief)) }

// Brief is the cause in a few words.
func (c Cause) Brief() string {
	if words, ok := brief[c]; ok {
		return words
	}
	return string(c)
}

// ConfigurationStatus tells which configuration is in force.
type ConfigurationStatus struct {
	// TakenOver is when what is in force was read.
	TakenOver time.Time `json:"taken_over"`
	// Refused is when the last reload was refused, and Error why; both are absent
	// if it was not.
	Refused *time.Time `json:"refused,omitempty"`
	Error   string     `json:"error,omitempty"`
	// Invalid says that the configuration is wrong in itself: a daemon does not start
	// with it. Otherwise Error tells what is in its way while the daemon runs.
	Invalid bool `json:"invalid,omitempty"`
	// Restart are the options that were changed, as the last reload found, and take
	// effect when the daemon is restarted.
	Restart List[string] `json:"restart"`
	// Unplaced tells of the sessions that would not be served after that, as the last
	// reload found; absent if there were none.
	Unplaced *Unplaced `json:"unplaced_sessions,omitempty"`
}
