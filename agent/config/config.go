package config

import (
	"net/netip"
	"time"

	"homeagent/agent/lifetime"
	"homeagent/diameter/dictionary"
)

// A Config is a configuration that has been checked: what is in it fits
// together.
type Config struct {
	Diameter  Diameter
	HomeAgent HomeAgent
	Prefixes  []HomePrefix // at least one
	// MobileNodes are those that need no AAA server.
	MobileNodes []MobileNode
	IKE         IKE
	Mobility    Mobility
	Store       Store
	Control     Control
	Metrics     Metrics
	Limits      Limits
	Log         Log

	places map[string]Position // of what was set, see At
}

// Diameter is who the home agent is among Diameter nodes, and whom it knows.
type Diameter struct {
	// Identity and Realm are Origin-Host and Origin-Realm.
	Identity, Realm string
	Listen          []Listen
	// Certificate, Key and CA are files in PEM; all are set if any peer or
	// listener uses TLS.
	Certificate, Key, CA string
	// StrictVector refuses a MIPv6-Bootstrap-Vector whose flags contradict each
	// other.
	StrictVector bool
	Watchdog     time.Duration // Tw of RFC 3539
	Reconnect    time.Duration // Tc of RFC 6733
	Codes        dictionary.Codes
	Peers        []Peer
}

// A Listen is an address at which Diameter peers are accepted.
type Listen struct {
	Address string // host:port or host
	TLS     bool
}

// Secured says how the connection with a peer is protected.
type Secured string

// The protections. All but TLS run over TCP, on the operator's word.
const (
	TLS      Secured = "tls"
	IPsec    Secured = "ipsec"
	Loopback Secured = "loopback"
	NotAtAll Secured = "none" // no request with a key is taken
)

// A Peer is a Diameter node that may connect, or is connected to.
type Peer struct {
	Identity, Realm string
	Connect         string // host:port or host to dial, empty to wait for it
	Secured         Secured
	Bootstrapper    bool   // may send HMR
	FixedKeyID      *int32 // for servers that send no MIPv6-AAA-Key-Id
	// Origins are servers behind this peer whose requests it may bring, Relays
	// the hops allowed in Route-Record, UserRealms the realms of the users it
	// may speak for (none: any).
	Origins, Relays, UserRealms []string
	LegacyIPAddress             bool
}

// HomeAgent is what mobile nodes see of the home agent.
type HomeAgent struct {
	// Addresses are those over which mobile nodes are spread.
	Addresses []netip.Addr
}

// A HomePrefix is a prefix that home addresses are taken from.
type HomePrefix struct {
	Prefix netip.Prefix
	// First and Last bound the addresses handed out; both zero for the whole
	// prefix.
	First, Last netip.Addr
	// Reserved are never handed out.
	Reserved []netip.Addr
	// Valid and Preferred are what mobile nodes are told of the prefix.
	Valid, Preferred lifetime.Lifetime
}

// IKE is how strongSwan is used.
type IKE struct {
	Socket       string // of charon's VICI plugin
	Identity     string // of the home agent (IDr)
	Window       int    // sessions in charon for each home agent address
	IKEProposals []string
	ESPProposals []string
	DPD          time.Duration
	// AssignHomeAddress is whether mobile nodes get their home addresses by
	// configuration payloads.
	AssignHomeAddress bool
}

// HomeLink is what the home prefixes are on.
type HomeLink string

// The home links.
const (
	Virtual  HomeLink = "virtual"  // routed to the home agent, no nodes on it
	Physical HomeLink = "physical" // a link with nodes, defended by proxy ND
)

// PayloadProtection says which mobile nodes' tunnelled packets are under ESP (RFC
// 4877 section 4.1).
type PayloadProtection string

// The kinds of protection.
const (
	PermitPayloadProtection  PayloadProtection = "permit"  // of those that ask for it
	RequirePayloadProtection PayloadProtection = "require" // of all: what is not does not pass
	ForbidPayloadProtection  PayloadProtection = "forbid"  // of none
)

// Mobility is how mobile nodes register and are reached.
type Mobility struct {
	HomeLink    HomeLink
	Interface   string        // of a physical home link
	MaxLifetime time.Duration // of a binding
	HoldDown    time.Duration // of a home address after its release
	// RefreshRequest is how long before its end a mobile node is asked to
	// refresh a binding, 0 for not at all.
	RefreshRequest time.Duration
	TunnelMTU      int
	TunnelDevice   string
	// RouteOptimization is between mobile nodes and the home agent itself.
	RouteOptimization bool
	Preference        int             // among home agents, higher is better (RFC 6275 section 7.4)
	Networks          []MobileNetwork // of mobile routers (RFC 3963)
	PayloadProtection PayloadProtection

	// RequireAlternateCareOf refuses Binding Updates from away without an
	// Alternate Care-of Address option.
	RequireAlternateCareOf bool

	// ProtectPrefixDiscovery tells mobile nodes of prefixes under ESP only.
	ProtectPrefixDiscovery bool
	// MinPrefixInterval and MaxPrefixInterval are for telling them unasked; nobody
	// is if MaxPrefixInterval is 0.
	MinPrefixInterval, MaxPrefixInterval time.Duration
}

// A MobileNetwork is a prefix behind the mobile router of a user.
type MobileNetwork struct {
	UserName string
	Prefix   netip.Prefix
}

// Store is where sessions are kept.
type Store struct {
	Path string
	// Credential names the systemd credential that holds the key with which
	// pre-shared keys are sealed; no sealing if there is none of that name.
	Credential string
}

// Control is the operator's socket.
type Control struct {
	Socket string
	Group  string // who may use it beside root and the daemon's user
}

// Metrics is where monitoring reads figures.
type Metrics struct {
	// Listen is an address with a port, the path of a Unix socket, or empty for
	// nowhere. Anybody who reaches it can read.
	Listen string
	// AllowRemote lets it be an address that other machines reach.
	AllowRemote bool
}

// Limits bound what the home agent takes on.
type Limits struct {
	Sessions      int           // 0: no bound
	Authorization time.Duration // longest, 0: no bound
	EffectTimeout time.Duration // of store and strongSwan for one request
	Remembered    int           // released addresses kept for their former users
}

// Log is what is written to the log.
type Log struct{ Level string }
