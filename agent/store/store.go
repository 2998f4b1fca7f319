// Package store says what a home agent must not forget, and what it asks of
// whoever keeps it: sessions, leases of home addresses, and bindings.
//
// The store holds the desired state of the home agent. The kernel and the IKE
// daemon are caches of it: after a crash they are made to agree with it. The
// package knows the records and the contract of [Store]; it must not know any
// database, nor what the records mean to their owners.
//
// Exported: the records, the [Change] types with [Check], [Store], [Sealer] with
// [NewSealer], and [NewMemory]. The suite that every Store passes is in
// agent/store/storetest.
package store

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"homeagent/ike/psk"
)

// A Session is an authorization of a mobile node that has been answered, or is
// about to be, or a mobile node of the configuration. There is at most one per UserName.
type Session struct {
	UserName   string
	SessionID  string // Diameter Session-Id
	OriginHost string // AAA server that authorised it, and its realm
	// OriginRealm and PeerHost are where reports about the session go.
	OriginRealm, PeerHost  string
	AcctMultiSessionID     string
	HomeAddress, HomeAgent netip.Addr
	KeyID                  int32
	// ReqID is the reqid of the mobile node's security associations: nobody
	// else's, and the same for the life of the session.
	ReqID uint32
	PSK   psk.Key
	// Fingerprint names the MIPv6-AAA-Key the PSK was derived from.
	Fingerprint psk.Fingerprint
	// Configured sessions are of the configuration's mobile nodes: the store holds
	// what became of them, and not their keys. Manual ones use no IKE.
	Configured, Manual bool
	// Stateful tells whether the AAA server wants to hear of the end.
	Stateful bool
	// AuthorizedAt is the time of the answer; ExpiresAt ends the authorization,
	// zero for never, and Grace is added before the session ends.
	AuthorizedAt, ExpiresAt time.Time
	Grace                   time.Duration
	// EstablishedAt is the last IKE_AUTH with the PSK, zero for none yet;
	// CareOf is where it came from.
	EstablishedAt time.Time
	CareOf        netip.Addr
	// RoutabilitySA and PayloadSA say that return routability or the whole
	// payload travels under ESP in tunnel mode, at the mobile node's wish (RFC
	// 4877 section 4.1).
	RoutabilitySA, PayloadSA bool
}

// EndsAt is when the session ends by itself, zero for never.
func (s *Session) EndsAt() time.Time {
	if s.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return s.ExpiresAt.Add(s.Grace)
}

// A Lease says whose a home address is, or was. There is at most one per
// UserName.
type Lease struct {
	UserName string
	// Address is the zero Addr where only LastKey is left.
	Address netip.Addr
	// Released is when the user gave it up, zero while in use.
	Released time.Time
	// LastKey is the fingerprint of the last ended session's MIPv6-AAA-Key.
	LastKey psk.Fingerprint
	// Former are the addresses that the user left for another one, and that nobody
	// else gets for a while.
	Former []Former
}

// A Former is a home address that its user has no more.
type Former struct {
	Address  netip.Addr
	Released time.Time
}

// A Binding is a home registration (RFC 6275 section 10.3.1). There is at most
// one per HomeAddress.
type Binding struct {
	HomeAddress, CareOf, HomeAgent netip.Addr
	Sequence                       uint16
	Flags                          uint16
	Lifetime                       uint16 // units of 4 seconds, 0 for a lingering de-registration
	Registered, Expires            time.Time
	Prefixes                       []netip.Prefix // mobile networks (RFC 3963)
}

// Meta is what a store knows of itself.
type Meta struct {
	// OriginStateID is made when the store is, and stays: it tells AAA servers
	// that no session was lost (RFC 6733 section 8.16).
	OriginStateID uint32
	CreatedAt     time.Time
	Version       int
}

// A Store keeps records. Its methods may be called from several goroutines.
type Store interface {
	// Apply writes all the changes of a call or none, in order. They are durable
	// when it returns nil. Calls that come together share one commit, but one
	// that fails by what it holds ([Check]) fails alone. If ctx ends before the
	// commit begins nothing is written.
	Apply(ctx context.Context, changes ...Change) error
	// Sessions, Leases and Bindings call fn for each record, in no order, until
	// it returns an error, which they return. They show one moment's state. fn
	// must not call the Store.
	Sessions(fn func(Session) error) error
	Leases(fn func(Lease) error) error
	Bindings(fn func(Binding) error) error
	// Meta tells of the store itself, also after Close.
	Meta() Meta
	// Close ends the use of the store. Apply then returns [ErrClosed].
	Close() error
}

// A Commit is one write to the disk, which calls of Apply shared.
type Commit struct {
	Calls int
	Took  time.Duration
	Err   error // nil if it is durable
}

// A Watchable store tells of its commits, one at a time. Watch is called before the
// first Apply, and fn must not call the Store.
type Watchable interface {
	Watch(fn func(Commit))
}

// ErrClosed says that a store was used after Close.
var ErrClosed = errors.New("the store is closed")
