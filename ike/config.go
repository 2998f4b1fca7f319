package ike

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"homeagent/ike/vici"
	"homeagent/ike/window"
)

// A Config says how charon is reached and what each mobile node's connection
// looks like. Zero values mean the default.
type Config struct {
	// Socket is the path of charon's VICI socket (default
	// /run/charon.vici).
	Socket string

	// Identity is the home agent's own IKE identity (IDr): an FQDN, a
	// user@domain or an address, with its type in front ("fqdn:", "email:",
	// "keyid:") where it could be misunderstood. Required.
	Identity string

	// Window is how many sessions are loaded in charon at most, for each
	// home agent address (default 500, 2 to 2000). charon's cost per IKE_SA
	// grows with its square. For all addresses together it must stay below
	// 25,000: charon cannot list more in one reply.
	Window int

	// Turn is how long a session whose mobile node has to authenticate
	// keeps its place in a window that is too small for all of those;
	// FirstTurn is the same for a session just armed (default 10 s and
	// 60 s).
	Turn, FirstTurn time.Duration

	// ReqID is the reqid of the CHILD_SAs of mobile nodes without one of their
	// own (default 1001).
	ReqID uint32

	// IKEProposals and ESPProposals are strongSwan proposals such as
	// "aes128-sha256-x25519" (default: charon's own).
	IKEProposals, ESPProposals []string

	// IKERekey and ESPRekey are the ages at which SAs are rekeyed (default
	// 4 h and 1 h).
	IKERekey, ESPRekey time.Duration

	// DPDDelay is how long a mobile node may be silent before charon asks
	// whether it is still there (default 2 min). It cannot be turned off:
	// without dead peer detection a session whose IKE_SA was lost in
	// silence stays evicted, and its mobile node cannot come back.
	DPDDelay time.Duration

	// Poll is the pause between two comparisons of what charon holds with
	// what it should hold (default 10 s). SAPoll is the pause between two
	// listings of its IKE_SAs (default 60 s).
	Poll, SAPoll time.Duration

	// CallTimeout is how long charon may take to answer a call before the
	// connection to it is given up and made anew (default 30 s).
	CallTimeout time.Duration

	// Dial replaces connecting to Socket, for a charon that a test plays
	// in memory.
	Dial func(ctx context.Context) (net.Conn, error)

	// Log receives one line per change of state, of debug level if there is
	// a callback for it. Required; keys are never written to it.
	Log *slog.Logger

	// AssignHomeAddress has charon give mobile nodes their home addresses by
	// configuration payloads (RFC 4877 section 9), at the cost of a call of charon for
	// each session that is loaded. charon wants all of them to ask then: it answers
	// FAILED_CP_REQUIRED and no CHILD_SA to who does not, and without it
	// INTERNAL_ADDRESS_FAILURE to who does.
	AssignHomeAddress bool

	// RefusePayload keeps CHILD_SAs for the payload from being agreed upon;
	// those for return routability are in any case (RFC 4877 section 4.1).
	RefusePayload bool

	// Networks returns the mobile networks of a user (RFC 3963), which are
	// part of its payload. Nil is for none.
	Networks func(userName string) []netip.Prefix

	// OnUp is called when a mobile node has a new IKE_SA, OnDown when its
	// last one is gone. They are called one after the other, in order, on
	// a goroutine of their own; Run does not return before the one under
	// way has. Either may be nil.
	OnUp   func(Established)
	OnDown func(Lost)

	// OnLink is called in the same order when charon was reached and
	// compared, with nil, and when the connection is lost, with the reason.
	// It may be nil.
	OnLink func(error)

	// OnRefused is called in the same order when charon was reached and refuses
	// proposals of this configuration that it was not told of yet; the connection of
	// no mobile node is loaded then. It may be nil.
	OnRefused func([]Refusal)

	// OnTunnels is called in the same order when a mobile node has
	// CHILD_SAs for other packets than before, and when it was restored
	// with others than it has. It may be nil.
	OnTunnels func(Tunneled)
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

func (cfg *Config) setDefaults() {
	setDefault(&cfg.Socket, vici.DefaultSocket)
	setDefault(&cfg.Window, 500)
	setDefault(&cfg.Turn, 10*time.Second)
	setDefault(&cfg.FirstTurn, max(time.Minute, cfg.Turn))
	setDefault(&cfg.ReqID, 1001)
	setDefault(&cfg.IKERekey, 4*time.Hour)
	setDefault(&cfg.ESPRekey, time.Hour)
	setDefault(&cfg.DPDDelay, 2*time.Minute)
	setDefault(&cfg.Poll, 10*time.Second)
	setDefault(&cfg.SAPoll, time.Minute)
}

func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

func (cfg *Config) check() error {
	if cfg.Log == nil {
		return errors.New("a logger is required")
	}
	for name, d := range map[string]time.Duration{
		"IKERekey": cfg.IKERekey, "ESPRekey": cfg.ESPRekey, "DPDDelay": cfg.DPDDelay,
		"Poll": cfg.Poll, "SAPoll": cfg.SAPoll,
	} {
		if d < 0 {
			return fmt.Errorf("%s is %v (must be above 0)", name, d)
		}
	}
	_, err := newWindow(cfg)
	return err
}

func newWindow(cfg *Config) (*window.Window[*session], error) {
	return window.New[*session](window.Config{Places: cfg.Window, Turn: cfg.Turn, FirstTurn: cfg.FirstTurn})
}
