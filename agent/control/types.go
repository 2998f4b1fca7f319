// Package control is the way operators ask the running daemon: HTTP with JSON
// bodies over a Unix socket.
//
// It knows the views below and how they travel; what stands behind them comes
// through [Backend]. It must not know the kernel, strongSwan, Diameter or the
// store. Exported: the JSON types, [Server], [Client] and [Backend].
//
// Only processes of root, of the daemon's own user and of the users the socket's
// group lets in are answered: the socket's file mode keeps others out, and the
// peer's credentials are checked again on every connection.
package control

import (
	"net/netip"
	"time"

	"homeagent/agent/events"
)

// Schema is the version of the JSON types. It grows when a field changes its
// meaning or goes away; new fields may come at any time.
const Schema = 1

// Status is the answer of GET /v1/status.
type Status struct {
	Schema  int       `json:"schema"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// State is "starting", "ready" or "degraded".
	State string `json:"state"`
	// Reasons are why it is degraded, or would be when it has started: the warnings
	// with a cause, those first that keep most mobile nodes from being served.
	Reasons       List[Warning]       `json:"reasons"`
	Identity      string              `json:"identity"`
	Sessions      SessionCounts       `json:"sessions"`
	Bindings      int                 `json:"bindings"`
	IKE           IKEStatus           `json:"ike"`
	Kernel        KernelStatus        `json:"kernel"`
	Store         StoreStatus         `json:"store"`
	Configuration ConfigurationStatus `json:"configuration"`
	Peers         List[Peer]          `json:"peers"`
	Prefixes      List[PrefixStatus]  `json:"home_prefixes"`
	HomeAgents    List[HomeAgent]     `json:"home_agents"`
	// Strangers are the last connections that were refused and claimed to be of no
	// peer of the configuration, or did not get that far; the newest first.
	Strangers []Refusal `json:"strangers,omitempty"`
	// Warnings tell of what somebody should look after: the box around the daemon,
	// where it is not as a home agent needs it, certificates that run out, and what
	// the configuration lacks.
	Warnings []Warning `json:"warnings,omitempty"`
}

// NeedsStrongSwan tells whether there is anybody who does: AAA servers that bootstrap
// mobile nodes, or a mobile node that is not keyed by hand.
func (s *Status) NeedsStrongSwan() bool {
	return len(s.Peers) > 0 || s.Sessions.Total > s.Sessions.Manual || s.Sessions.Total == 0
}

// StoreStatus tells of the file that keeps sessions.
type StoreStatus struct {
	Path string `json:"path"`
	// Error is why the last commit failed, empty if it did not: until one
	// succeeds again, nobody is bootstrapped or registered.
	Error string `json:"error,omitempty"`
	// Failed is when a commit failed last, Failures how many have since the start.
	Failed   *time.Time `json:"failed,omitempty"`
	Failures uint64     `json:"failures"`
	// Free is the room on its disk, in octets; absent if that is not known.
	Free uint64 `json:"free_octets,omitempty"`
}

// Reload is the answer of POST /v1/reload.
type Reload struct {
	Schema int `json:"schema"`
	// TakenOver are the options that changed and are in force, Restart those that
	// take effect when the daemon is restarted. Of sections that can stand several
	// times the section's name is there.
	TakenOver List[string] `json:"taken_over"`
	Restart   List[string] `json:"restart"`
	// MobileNodes tells what was done to those of the configuration.
	MobileNodes NodeChanges `json:"mobile_nodes"`
	// Unplaced tells of the sessions that would not be served after a restart, as the
	// changed configuration has no place for them: how many, and what is missing.
	Unplaced *Unplaced `json:"unplaced_sessions,omitempty"`
}

// NodeChanges are user names of mobile nodes of the configuration.
type NodeChanges struct {
	Added List[string] `json:"added"`
	// Rekeyed ones have another key: security associations go on until they are made
	// anew.
	Rekeyed List[string] `json:"rekeyed"`
	// Changed ones have another home address, home agent address or way of keying: their
	// sessions were ended and made anew.
	Changed List[string] `json:"changed"`
	Ended   List[string] `json:"ended"`
}

// Unplaced are sessions that a configuration has no place for.
type Unplaced struct {
	Sessions int    `json:"sessions"`
	Text     string `json:"text"`
}

// A Warning is a sentence, and the command that mends what it tells of.
type Warning struct {
	// Cause is a word for programs, which does not change between versions. The
	// daemon is degraded where there is a warning with one: "store_fails",
	// "kernel_fails", "manual_keying_fails", "strongswan_away", "no_peer", "reload_refused",
	// "box_not_ready", "certificate_expires", "certificate_expired", "proposal_refused", "sessions_dormant" or
	// "node_not_served".
	Cause  Cause  `json:"cause,omitempty"`
	Text   string `json:"text"`
	Repair string `json:"repair,omitempty"`
}

// SessionCounts counts sessions by what is known of them.
type SessionCounts struct {
	Total int `json:"total"`
	// Armed sessions wait for their first IKE_AUTH.
	Armed int `json:"armed"`
	// Established sessions have been proven by an IKE_AUTH.
	Established int `json:"established"`
	// Manual sessions are of mobile nodes that are keyed by hand, without IKE.
	Manual int `json:"manual"`
	// Dormant sessions are not in Total: they are kept but not served, as the
	// configuration has no place for their home address or home agent address.
	Dormant int `json:"dormant"`
}

// IKEStatus tells how the daemon and strongSwan stand.
type IKEStatus struct {
	Connected bool   `json:"connected"`
	Error     string `json:"error,omitempty"`
	// Loaded sessions are in charon now; the others are in the store and come
	// back when they are needed.
	Loaded int `json:"loaded"`
	// Repairs counts keys and connections found missing and loaded again.
	Repairs uint64 `json:"repairs"`
}

// KernelStatus tells of the last comparison of wanted and actual kernel state.
type KernelStatus struct {
	InSync bool   `json:"in_sync"`
	Error  string `json:"error,omitempty"`
	// ManualError is why mobile nodes that are keyed by hand are not served, empty if
	// they are.
	ManualError string `json:"manual_error,omitempty"`
	Repairs     uint64 `json:"repairs"`
}

// Peer is a Diameter peer of the configuration.
type Peer struct {
	Host  string    `json:"host"`
	Realm string    `json:"realm"`
	State string    `json:"state"`
	Since time.Time `json:"since"`
	// Address is the other end's, where there is a connection.
	Address string `json:"address,omitempty"`
	Secured string `json:"secured"`
	// Error is why the last connection, or attempt to connect, failed, and ErrorAt
	// when.
	Error   string     `json:"error,omitempty"`
	ErrorAt *time.Time `json:"error_at,omitempty"`
	// Refusal is the last connection that came to nothing: an attempt of ours, or
	// one refused here that claimed to be the peer's. Absent if there was none.
	Refusal *Refusal `json:"last_refusal,omitempty"`
	// Open is true while the peer can be sent requests; Health is what the
	// watchdog thinks of it (RFC 3539 section 3.4.1), such as OKAY or SUSPECT.
	Open   bool   `json:"open"`
	Health string `json:"health"`
	// Transport is TCP, or the version of TLS; Product what the peer calls itself.
	Transport string `json:"transport,omitempty"`
	Product   string `json:"product,omitempty"`
	// Connect is the address we connect to; absent if the peer connects to us.
	Connect  string       `json:"connect,omitempty"`
	Counters PeerCounters `json:"counters"`
}

// PeerCounters count since the peer was first configured.
type PeerCounters struct {
	// Connections is how often the peer became open.
	Connections uint64 `json:"connections"`
	// Requests of applications that were received, and Answers sent to them.
	Requests uint64 `json:"requests_received"`
	Answers  uint64 `json:"answers_sent"`
	// Duplicates were answered from memory.
	Duplicates uint64 `json:"duplicates"`
	// Refused requests were not admitted, or of an unknown command or application;
	// for TooBusy ones too many were waiting.
	Refused uint64 `json:"refused"`
	TooBusy uint64 `json:"too_busy"`
	// Failovers is how often the watchdog suspected the peer, StateLosses how often
	// it came back without its sessions.
	Failovers   uint64 `json:"failovers"`
	StateLosses uint64 `json:"state_losses"`
	// InProgress requests are being served, Queued ones wait.
	InProgress uint64 `json:"in_progress"`
	Queued     uint64 `json:"queued"`
}

// A Refusal is a connection with a Diameter peer that came to nothing before it
// was open.
type Refusal struct {
	Time time.Time `json:"time"`
	// Reason is one of a few words, those of the counters in the metrics; Text says
	// more. Parts of it can be the other end's.
	Reason string `json:"reason"`
	Text   string `json:"text"`
	// Meaning is what the reason means, and where to look.
	Meaning string `json:"meaning"`
	// Remote is the other end's address and port; absent if it is not known.
	Remote string `json:"remote,omitempty"`
	// Host is whom the other end claims to be, which proves nothing; absent if it
	// did not say.
	Host string `json:"host,omitempty"`
	// Initiated is true where we connected.
	Initiated bool `json:"initiated"`
	// Times is how often the same came from the same address.
	Times uint64 `json:"times"`
}

// Peers is the answer of GET /v1/peers.
type Peers struct {
	Schema int        `json:"schema"`
	Peers  List[Peer] `json:"peers"`
	// Strangers are the last connections that were refused and claimed to be of no
	// peer of the configuration, or did not get that far; the newest first.
	Strangers List[Refusal] `json:"strangers"`
}

// PrefixStatus counts the addresses of a home prefix.
type PrefixStatus struct {
	Prefix netip.Prefix `json:"prefix"`
	InUse  int          `json:"in_use"`
	Held   int          `json:"held_down"`
}

// HomeAgent counts the sessions with one of the home agent addresses.
type HomeAgent struct {
	Address  netip.Addr `json:"address"`
	Sessions int        `json:"sessions"`
}

// Session is one bootstrapped mobile node. Its key is never part of it.
type Session struct {
	ID          string     `json:"id"`
	UserName    string     `json:"user_name"`
	HomeAddress netip.Addr `json:"home_address"`
	HomeAgent   netip.Addr `json:"home_agent_address"`
	// State is "armed" until the mobile node's first IKE_AUTH with the key of
	// this session, then "established"; "manual" of one that uses no IKE; "dormant" of one that
	// is kept but not served, as the configuration has no place for it.
	State string `json:"state"`
	// Source is "aaa" for an AAA server, which alone has given what is of it below,
	// or "configuration".
	Source         string     `json:"source"`
	KeyID          int32      `json:"key_id"`
	KeyFingerprint string     `json:"key_fingerprint"`
	OriginHost     string     `json:"origin_host"`
	OriginRealm    string     `json:"origin_realm"`
	Peer           string     `json:"peer"`
	AcctID         string     `json:"acct_multi_session_id"`
	Authorized     time.Time  `json:"authorized"`
	Established    *time.Time `json:"established,omitempty"`
	CareOf         string     `json:"care_of_address,omitempty"`
	// Expires is absent where the authorization has no end.
	Expires *time.Time `json:"expires,omitempty"`
}

// Sessions is the answer of GET /v1/sessions.
type Sessions struct {
	Schema   int           `json:"schema"`
	Sessions List[Session] `json:"sessions"`
}

// OneSession is the answer of GET /v1/session.
type OneSession struct {
	Schema int `json:"schema"`
	Session
}

// A Binding is a home address that is registered, or on its way to be.
type Binding struct {
	HomeAddress netip.Addr `json:"home_address"`
	CareOf      string     `json:"care_of_address,omitempty"`
	HomeAgent   string     `json:"home_agent_address,omitempty"`
	UserName    string     `json:"user_name,omitempty"`
	// Source is where the mobile node comes from, "aaa" or "configuration".
	Source string `json:"source,omitempty"`
	// State is "bound", "probing" (duplicate address detection), "changing" or
	// "lingering" (de-registered, its sequence number still remembered).
	State    string `json:"state"`
	Sequence uint16 `json:"sequence"`
	Flags    string `json:"flags,omitempty"`
	// Lifetime is what was granted, in seconds.
	Lifetime   uint32         `json:"lifetime_seconds"`
	Registered *time.Time     `json:"registered,omitempty"`
	Expires    *time.Time     `json:"expires,omitempty"`
	Networks   []netip.Prefix `json:"mobile_networks,omitempty"`
	// UnderESP says what travels under ESP besides signalling: "none",
	// "return routability", "payload" or "payload and return routability".
	UnderESP string `json:"under_esp,omitempty"`
}

// Released is the answer of POST /v1/release: the session as it was.
type Released struct {
	OneSession
	// KeyRemoved is whether strongSwan has removed the key and its security
	// associations. If it is away, it does so as soon as it is back.
	KeyRemoved bool `json:"key_removed"`
}

// OneBinding is the answer of GET /v1/binding.
type OneBinding struct {
	Schema int `json:"schema"`
	Binding
}

// Bindings is the answer of GET /v1/bindings.
type Bindings struct {
	Schema   int           `json:"schema"`
	Bindings List[Binding] `json:"bindings"`
	// Counters count what became of Binding Updates and bindings since the
	// start, by reason; and what was discarded before that, under names that
	// begin with message_ (not understood), packet_ (not a message to us),
	// tunnel_ (tunnelled packets) and ipsec_ (the kernel's own counters). The
	// last two count since the kernel or the tunnel's device began.
	Counters Tally `json:"counters"`
}

// Activity is the answer of GET /v1/activity: what was answered since the start.
// Rates are the difference of two of them.
type Activity struct {
	Schema int       `json:"schema"`
	Time   time.Time `json:"time"`
	// HMR counts answers to HMRs by Result-Code, BindingUpdates what became of
	// Binding Updates by reason.
	HMR            Answers `json:"hmr"`
	BindingUpdates Answers `json:"binding_updates"`
	// Events counts what "homeagentctl events" tells of, by kind.
	Events Tally `json:"events"`
}

// Answers counts answers of one sort.
type Answers struct {
	Results Tally `json:"results"`
	// Latency counts answers by the time they took; empty parts are left out.
	Latency List[Latency] `json:"latency"`
	// Seconds is the time of all together.
	Seconds float64 `json:"seconds"`
}

// Latency counts the answers that took less than Below seconds, and not less than
// half of that.
type Latency struct {
	Below float64 `json:"below_seconds"`
	Count uint64  `json:"count"`
}

// A Snapshot is what "homeagentctl top" shows.
type Snapshot struct {
	Schema   int      `json:"schema"`
	Status   Status   `json:"status"`
	Activity Activity `json:"activity"`
}

// An Event is a line of the answer of GET /v1/events, which goes on until the
// client or the daemon ends it.
type Event struct {
	Schema int `json:"schema"`
	events.Event
}

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error string `json:"error"`
}
