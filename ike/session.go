package ike

import (
	"math"
	"net/netip"
	"time"

	"homeagent/ike/vici"
)

// A partKind is one of the two things charon holds of a session.
type partKind int

const (
	keyPart partKind = iota
	connPart
	partKinds
)

// String names the part for logs.
func (k partKind) String() string {
	if k == keyPart {
		return "key"
	}
	return "connection"
}

// Versions of a part in charon that are not versions of the session.
const (
	absent  = 0
	unknown = math.MaxUint64 // there may be one; what it is nobody knows
)

// A session is what is known of one name in charon: what should be there, and
// what is. The lanes change the latter into the former. It stays until nothing
// is left of it in charon.
type session struct {
	name string
	cred Credential
	user identity

	version   uint64 // counts changes of cred, from 1
	wanted    bool   // armed or restored, and not forgotten
	suspended bool   // its user is being armed with another home address
	placed    bool   // the window has a place for it
	ending    bool   // its IKE_SAs are to be ended once it is unloaded
	refused   uint64 // the version that charon refused, if any

	// base is the Credential to return to when arming another fails, nil
	// if there was none.
	base *Credential

	// former is the user's session with another home address, suspended
	// until this one is armed and then forgotten.
	former *session

	parts   [partKinds]part
	sas     []ikeSA
	wishes  Tunnels // of the mobile node; see tunnels.go
	ended   Tunnels // wishes whose CHILD_SA the mobile node ended; a listing is to confirm it
	assumed bool    // restored as established; no listing has told since
	touched uint64  // when sas changed, on Charon's clock
	waiters []*waiter
}

// A part is what charon holds of a session's key or connection.
type part struct {
	held    uint64   // its version, absent or unknown
	touched uint64   // when held changed or was about to, on Charon's clock
	busy    bool     // a call is under way
	queued  priority // of the lane's queue it is in, none if in none
}

// An ikeSA is an established IKE_SA.
type ikeSA struct {
	id       uint32
	careOf   netip.Addr     // when it was first heard of
	children []vici.ChildSA // never changed in place
}

// A waiter is a caller of Arm, or of Forget, that waits for its session to be
// as it should be.
type waiter struct {
	version uint64
	done    chan error // takes one without blocking
}

// target is the version that charon should hold: a session is loaded while it
// has a place, and in any case until those who wait for it have been told.
func (s *session) target() uint64 {
	if s.wanted && !s.suspended && (s.placed || len(s.waiters) > 0) {
		return s.version
	}
	return absent
}

// due reports whether charon does not hold what it should of a part.
func (s *session) due(k partKind) bool {
	return s.parts[k].held != s.target() && !s.parts[k].busy && (s.target() == absent || s.target() != s.refused)
}

// held reports whether charon holds version v of both parts, with no call under
// way that could change it.
func (s *session) held(v uint64) bool {
	for _, p := range s.parts {
		if p.held != v || p.busy {
			return false
		}
	}
	return true
}

// set changes what should be loaded.
func (s *session) set(cred Credential, user identity) {
	s.cred, s.user = cred, user
	s.version++
	s.wanted, s.suspended, s.ending = true, false, false
}

// answer tells all who wait, and nobody waits any more.
func (s *session) answer(err error) {
	for _, w := range s.waiters {
		w.done <- err
	}
	s.waiters = nil
}

// find returns the index of an IKE_SA, -1 if there is none of that id.
func (s *session) find(id uint32) int {
	for i, sa := range s.sas {
		if sa.id == id {
			return i
		}
	}
	return -1
}

func (s *session) lost(at time.Time) Lost {
	return Lost{UserName: s.cred.UserName, HomeAddress: s.cred.HomeAddress, HomeAgent: s.cred.HomeAgent, At: at}
}

func (s *session) established(sa ikeSA, at time.Time) Established {
	return Established{UserName: s.cred.UserName, HomeAddress: s.cred.HomeAddress, HomeAgent: s.cred.HomeAgent, CareOf: sa.careOf, At: at}
}
