package bootstrap

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"homeagent/diameter"
	"homeagent/ike/psk"
)

// A Vector is the value of MIPv6-Bootstrap-Vector: flags by which the mobile
// node, the visited and the home AAA server settle where the home agent is
// (draft-jee-mip6-bootstrap-pana-01 section 5.1). Flags without a name are
// kept and mean nothing.
type Vector uint32

// The flags of a Vector. HomeOnly speaks of the home address by name, but of
// the home agent by effect (sections 5.1 and 5.3.6).
const (
	Requested          Vector = 1 // Mobile-Node-Bootstrap-Requested
	HomeOnly           Vector = 2 // Home-Address-Allocatable-Only-in-Home-Domain
	HomeAgentInVisited Vector = 4 // Home-Agent-in-Visited-Domain: allowed by the home AAA server
	VisitedAvailable   Vector = 8 // Visited-Home-Agent-Available: offered by the visited AAA server
)

// Contradictory reports whether the flags cannot come from servers that follow
// the draft: a visited home agent allowed though never offered, or offered or
// allowed though the node wants one at home (section 5.3.5).
func (v Vector) Contradictory() bool {
	if v&HomeOnly != 0 {
		return v&(HomeAgentInVisited|VisitedAvailable) != 0
	}
	return v&HomeAgentInVisited != 0 && v&VisitedAvailable == 0
}

// vectorFlags are the names of the flags, the lowest first.
func vectorFlags() []string {
	return []string{"requested", "home-only", "home-agent-in-visited", "visited-available"}
}

// String lists the flags, as in "requested|home-only".
func (v Vector) String() string {
	var names []string
	for i, name := range vectorFlags() {
		if flag := Vector(1) << i; v&flag != 0 {
			names, v = append(names, name), v&^flag
		}
	}
	if v != 0 || len(names) == 0 {
		names = append(names, strconv.FormatUint(uint64(v), 10))
	}
	return strings.Join(names, "|")
}

// UnmarshalText reads what String wrote: names or numbers joined by "|".
func (v *Vector) UnmarshalText(text []byte) error {
	var flags Vector
	for part := range strings.SplitSeq(string(text), "|") {
		n, err := strconv.ParseUint(part, 0, 32)
		if i := slices.Index(vectorFlags(), part); i >= 0 {
			n, err = 1<<i, nil
		}
		if err != nil {
			return fmt.Errorf("reading a bootstrap vector: %q is neither a number nor one of %s", part, strings.Join(vectorFlags(), ", "))
		}
		flags |= Vector(n)
	}
	*v = flags
	return nil
}

// A SessionState is the value of Auth-Session-State (RFC 6733 section 8.11).
type SessionState int32

// The values of a SessionState.
const (
	StateMaintained   SessionState = 0 // the end of the session is reported with STR
	NoStateMaintained SessionState = 1 // it is not
)

// String returns the value's name in RFC 6733.
func (s SessionState) String() string {
	switch s {
	case StateMaintained:
		return "STATE_MAINTAINED"
	case NoStateMaintained:
		return "NO_STATE_MAINTAINED"
	}
	return strconv.Itoa(int(s))
}

// UnlimitedLifetime is the Authorization-Lifetime that never ends (RFC 6733
// section 8.9).
const UnlimitedLifetime = 1<<32 - 1

// An HMR is a HA-MIPv6-Bootstrap-Request: an AAA server hands a home agent the
// key of a mobile node. Fields that the grammar makes optional are absent when
// zero; times are in seconds.
type HMR struct {
	SessionID        string
	UserName         string
	OriginHost       string
	OriginRealm      string
	DestinationHost  string
	DestinationRealm string

	AuthorizationLifetime uint32 // UnlimitedLifetime: no end
	GracePeriod           uint32
	SessionState          SessionState
	SessionTimeout        *uint32

	Vector      Vector
	Key         psk.AAAKey
	KeyID       int32
	HomeAddress netip.Addr // zero, or :: on the wire: the home agent chooses
	HomeAgent   netip.Addr // likewise

	AcctMultiSessionID string
	OriginStateID      uint32
	RouteRecords       []string
}

// Reply is what every answer of the application begins with.
type Reply struct {
	SessionID     string
	Result        diameter.ResultCode
	OriginHost    string
	OriginRealm   string
	OriginStateID uint32
	ErrorMessage  string
	Failed        []diameter.AVP // the contents of Failed-AVP
}

// An HMA is a HA-MIPv6-Bootstrap-Answer. HomeAddress is required by the
// grammar; zero is sent as ::.
type HMA struct {
	Reply
	UserName           string
	AcctMultiSessionID string
	HomeAddress        netip.Addr
	HomeAgent          netip.Addr
}

// An AMR is an AAA-MIPv6-Bootstrap-Request: the access network's client passes
// a mobile node's EAP on to its AAA server. Fields that the grammar makes
// optional are absent when zero.
type AMR struct {
	SessionID        string
	UserName         string
	OriginHost       string
	OriginRealm      string
	DestinationHost  string
	DestinationRealm string

	AuthorizationLifetime uint32
	GracePeriod           uint32
	SessionState          SessionState

	Vector     Vector
	EAPPayload []byte // empty: EAP start

	AcctMultiSessionID string
	OriginStateID      uint32
	RouteRecords       []string
}

// An AMA is an AAA-MIPv6-Bootstrap-Answer. Key and KeyID are for the home
// agent, PANAKey and PANAKeyID for the access network's client.
type AMA struct {
	Reply
	UserName              string
	AcctMultiSessionID    string
	AuthorizationLifetime uint32
	GracePeriod           uint32
	SessionState          SessionState

	Vector      Vector
	EAPPayload  []byte
	Key         psk.AAAKey
	KeyID       *int32
	PANAKey     psk.AAAKey
	PANAKeyID   *int32
	HomeAddress netip.Addr
	HomeAgent   netip.Addr
}
