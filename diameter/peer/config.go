package peer

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"homeagent/diameter"
)

// Transport is what a connection runs over.
type Transport int

// The transports. TLS is over TCP and starts with the first octet (RFC 6733
// section 2.1); there is no in-band negotiation.
const (
	TLS Transport = iota
	TCP
)

// Secured says how the connection with a peer is protected. Without TLS it is
// the operator's word that something else does.
type Secured int

// The protections. A SecuredLoopback peer is at a loopback address of this
// host, and refused from anywhere else.
const (
	SecuredTLS Secured = iota
	SecuredIPsec
	SecuredLoopback
	SecuredNone
)

// Transport is what connections with a peer protected like this run over.
func (s Secured) Transport() Transport {
	if s == SecuredTLS {
		return TLS
	}
	return TCP
}

// The ports of RFC 6733 section 11.4, used where an address names none.
const (
	PortTCP = "3868"
	PortTLS = "5868"
)

// An Application is announced in the capabilities exchange. Vendor is 0 for
// applications without one.
type Application struct {
	Vendor uint32
	AuthID uint32
}

// Commands tells whether a command is known in an application, and whether
// that application is. It must be safe for concurrent use.
type Commands func(application, command uint32) (commandKnown, applicationKnown bool)

// A Listener is an address to accept connections at: "[2001:db8::1]:5868",
// ":3868", or without a port for the default one.
type Listener struct {
	Address string
	TLS     bool
}

// A PeerConfig is a peer that may connect, or is connected to.
type PeerConfig struct {
	// Host is the peer's DiameterIdentity. Over TLS, its certificate must name
	// it as a DNS name.
	Host string
	// Realm is the peer's realm; empty accepts any.
	Realm string
	// Connect is the address to dial, a name or an IP address with or without
	// a port. Empty: the peer connects to us.
	Connect string
	Secured Secured
}

// Config is what a Table needs to know. Host, Realm, Log and, where a command
// is known, Handler are required; TLS is where a listener or peer uses it.
type Config struct {
	Host, Realm string
	// Product and VendorID name this implementation in the capabilities
	// exchange; Product is "homeagent" if empty.
	Product  string
	VendorID uint32
	// OriginStateID grows when session state was lost. 0 is not sent.
	OriginStateID uint32
	// HostAddresses are announced in the capabilities exchange; if empty, each
	// connection's own address.
	HostAddresses []netip.Addr
	Applications  []Application
	Commands      Commands
	// TLS holds our certificate, in Certificates or behind GetCertificate and
	// GetClientCertificate, and in RootCAs the authorities that vouch for
	// peers, in both directions. Client certificates are always demanded,
	// and versions below 1.2 never spoken, whatever it says.
	TLS       *tls.Config
	Listeners []Listener
	Peers     []PeerConfig
	Handler   Handler
	Log       *slog.Logger
	// Observe is told what changes about peers, in order for each of them; it
	// must not wait. Nil is for writing it to Log.
	Observe func(Change)
	Timers  Timers
	Limits  Limits
}

// Timers are durations; the zero value of each is replaced by its default.
type Timers struct {
	// Watchdog is Twinit of RFC 3539 section 3.4.1: 30 s, at least 6 s. Each
	// interval differs from it by up to 2 s.
	Watchdog time.Duration
	// Reconnect is Tc of RFC 6733 section 12, the longest pause between two
	// attempts to connect: 30 s. The first pause is a second.
	Reconnect time.Duration
	// Busy is the pause after a peer disconnected because it was busy: 5 min.
	Busy time.Duration
	// Handshake bounds all that comes before a connection is open: connecting,
	// TLS, capabilities exchange and election: 10 s.
	Handshake time.Duration
	// Write bounds one write to a connection: 10 s.
	Write time.Duration
	// Drain bounds the wait for requests in progress at the end: 5 s.
	Drain time.Duration
	// Disconnect bounds the wait for the other end after DPR and DPA: 5 s.
	Disconnect time.Duration
}

// Limits bound what others can make us spend; the zero value of each is
// replaced by its default.
type Limits struct {
	// Message is the longest message accepted, in octets: diameter.MaxMessage.
	Message int
	// Strangers are connections before their CER, in all: 256. The oldest has
	// to go when another comes.
	Strangers int
	// StrangersPerSource is the same for one IPv4 address or IPv6 /64: 32.
	StrangersPerSource int
	// Workers is the number of requests of one peer in progress: 128.
	Workers int
	// Queue is the number of requests of one peer that wait for a worker: 1024.
	Queue int
	// Outgoing is the number of octets waiting to be sent on one connection,
	// from which on nothing more is read from it: 256 KiB.
	Outgoing int
	// Duplicates and DuplicateBytes bound the answers remembered for
	// retransmissions, over all peers: 131072 answers and 32 MiB.
	Duplicates     int
	DuplicateBytes int
	// DuplicateAge is how long they are remembered: 5 min. RFC 6733 section 3
	// has 4 min at least.
	DuplicateAge time.Duration
}

// identity is who we are in messages.
func (c *Config) identity() diameter.Identity {
	return diameter.Identity{Host: c.Host, Realm: c.Realm, OriginStateID: c.OriginStateID}
}
