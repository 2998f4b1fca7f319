package session

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"homeagent/ike/psk"
)

// Unlimited is the lifetime of an authorization that never ends by itself: an
// Authorization-Lifetime of all ones (RFC 6733 section 8.9).
const Unlimited = time.Duration(math.MaxInt64)

// A Request is what an accepted HMR asks for.
type Request struct {
	// UserName is the NAI of the mobile node: it becomes its IKE identity.
	UserName string
	// SessionID is the Session-Id the AAA server made for this authorization.
	SessionID string
	// OriginHost and OriginRealm name the AAA server; PeerHost is the Diameter
	// peer the request came through.
	OriginHost, OriginRealm, PeerHost string
	// HomeAddress and HomeAgent are the AAA server's choices. The zero address
	// leaves the choice to the home agent.
	HomeAddress, HomeAgent netip.Addr
	// AAAKey is wiped by Bootstrap as soon as the pre-shared key is derived.
	AAAKey psk.AAAKey
	KeyID  int32
	// Lifetime counts from the answer; Grace is added to it before the session
	// ends (RFC 6733 section 8.10), and Timeout, if there is one, ends it
	// whatever they say (section 8.13).
	Lifetime, Grace, Timeout time.Duration
	// Stateful tells whether the AAA server keeps state and wants to be told of
	// the end (Auth-Session-State).
	Stateful bool
	// AcctMultiSessionID is the server's, when it gave one.
	AcctMultiSessionID string
}

// A Grant is what a successful Bootstrap promises: the home agent is ready for
// IKE_AUTH with the derived key.
type Grant struct {
	HomeAddress, HomeAgent netip.Addr
	// AcctMultiSessionID is constant for the life of a session (RFC 4004
	// section 4.1.1).
	AcctMultiSessionID string
}

// A Reason says why a request was refused.
type Reason int

// The reasons, about in the order in which they are looked for: what is wrong with an
// address is told before there is no room for the session.
const (
	UserNameUnusable Reason = iota + 1
	UserConfigured
	SessionOfOtherUser
	UserNameOfOther
	KeyReplayed
	KeyReused
	HomeAgentNotOurs
	AddressConfigured
	AddressNotServed
	AddressReserved
	AddressOfOtherUser
	AddressInUse
	AddressHeldDown
	AddressesExhausted
	SessionsExhausted
	KeyUnusable
	StoreFailed
	KeyNotLoaded
	ShuttingDown
)

var reasonTexts = map[Reason]string{
	UserNameUnusable:   "the IKE daemon has no identity for the user name",
	UserConfigured:     "the user is of the home agent's own configuration",
	UserNameOfOther:    "the IKE daemon cannot tell the user name from that of another session",
	SessionOfOtherUser: "the Session-Id belongs to another user's session",
	HomeAgentNotOurs:   "the home agent address is not one of ours",
	AddressNotServed:   "the home address is not on a home prefix served here",
	AddressReserved:    "the home address is reserved",
	AddressConfigured:  "the home address belongs to a mobile node of the home agent's own configuration",
	AddressOfOtherUser: "the home address belongs to another mobile node",
	AddressInUse:       "the home address is in use",
	AddressHeldDown:    "the home address was released a short while ago and is held down",
	KeyReused:          "the key id names another key of the live session",
	KeyReplayed:        "the key was used by a session that has ended",
	KeyUnusable:        "no pre-shared key can be derived",
	AddressesExhausted: "no home address is free",
	SessionsExhausted:  "the limit of sessions is reached",
	StoreFailed:        "the session could not be made durable",
	KeyNotLoaded:       "the IKE daemon did not take the key",
	ShuttingDown:       "the home agent is shutting down",
}

var reasonKeys = map[Reason]string{
	UserNameUnusable:   "user_name_unusable",
	UserConfigured:     "user_configured",
	UserNameOfOther:    "user_name_of_other",
	SessionOfOtherUser: "session_of_other_user",
	KeyReplayed:        "key_replayed",
	KeyReused:          "key_reused",
	HomeAgentNotOurs:   "home_agent_not_ours",
	SessionsExhausted:  "sessions_exhausted",
	AddressNotServed:   "address_not_served",
	AddressReserved:    "address_reserved",
	AddressConfigured:  "address_configured",
	AddressOfOtherUser: "address_of_other_user",
	AddressInUse:       "address_in_use",
	AddressHeldDown:    "address_held_down",
	AddressesExhausted: "addresses_exhausted",
	KeyUnusable:        "key_unusable",
	StoreFailed:        "store_failed",
	KeyNotLoaded:       "key_not_loaded",
	ShuttingDown:       "shutting_down",
}

// Key is the reason as one word, as in metrics.
func (r Reason) Key() string {
	if key, ok := reasonKeys[r]; ok {
		return key
	}
	return fmt.Sprintf("reason_%d", int(r))
}

// Reasons are all reasons, in their order.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonKeys))
	for r := UserNameUnusable; r <= ShuttingDown; r++ {
		all = append(all, r)
	}
	return all
}

// String is the reason as a clause, as in an Error-Message.
func (r Reason) String() string {
	if text, ok := reasonTexts[r]; ok {
		return text
	}
	return fmt.Sprintf("reason %d", int(r))
}

// A Refusal is the error of a Bootstrap that kept nothing: the state before it
// stands.
type Refusal struct {
	Reason Reason
	Err    error // what lies under it, or nil
}

// Error is the reason and, where there is one, its cause.
func (r *Refusal) Error() string {
	if r.Err == nil {
		return "bootstrapping a mobile node: " + r.Reason.String()
	}
	return fmt.Sprintf("bootstrapping a mobile node: %s: %v", r.Reason, r.Err)
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(reason Reason, err error) *Refusal { return &Refusal{Reason: reason, Err: err} }
