package ike

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"homeagent/ike/psk"
)

// A Credential is what charon needs of one mobile node's session.
type Credential struct {
	// UserName is the mobile node's NAI and its IKE identity (IDi).
	UserName string

	// HomeAddress is the only address a CHILD_SA may be for; HomeAgent is
	// the home agent's address it is served from.
	HomeAddress, HomeAgent netip.Addr

	// PSK is the pre-shared key of the IKE_SA.
	PSK psk.Key

	// EstablishedAt is when the key was last proven by an IKE_AUTH; zero
	// means it is armed and has never been.
	EstablishedAt time.Time
}

// ErrUnavailable is wrapped by errors of Arm and Forget when charon could not
// be reached in time. Trying again later can help.
var ErrUnavailable = errors.New("charon is not reachable")

// A Charon keeps one charon supplied with credentials.
type Charon struct {
	cfg   Config
	ready chan struct{}
}

// New checks the configuration. It does not connect; Run does.
func New(cfg Config) (*Charon, error) {
	return &Charon{cfg: cfg, ready: make(chan struct{})}, nil
}

// Run connects to charon and keeps it supplied until ctx ends; it returns nil
// then. What charon holds is left in place, so that mobile nodes are served
// while the daemon restarts.
func (c *Charon) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready is closed once charon has been reached and compared for the first
// time: from then on Arm works.
func (c *Charon) Ready() <-chan struct{} { return c.ready }

// String names the task.
func (c *Charon) String() string { return "charon" }

// Restore takes over the sessions of the store. It is called at most once,
// before Run.
func (c *Charon) Restore(creds []Credential) {}

// Arm makes charon accept one IKE identity with one key for one home address,
// and returns nil when charon holds both key and connection. It replaces what
// was armed for the same home address or the same user name. When it fails,
// what was wanted before is wanted again.
func (c *Charon) Arm(ctx context.Context, cred Credential) error {
	return errors.New("not built yet")
}

// Forget unloads a session's key and connection and ends its IKE_SAs. Unknown
// addresses are no error. The session is not wanted any more even when an
// error is returned: it is then removed as soon as charon can be reached.
func (c *Charon) Forget(ctx context.Context, home netip.Addr) error {
	return errors.New("not built yet")
}

// A Status is a view of what charon holds and should hold.
type Status struct {
	Connected   bool
	Since       time.Time // when charon was started
	Sessions    int       // wanted, loaded or not
	Loaded      int       // key and connection are in charon
	Pending     int       // should be loaded and are not yet
	Armed       int       // no IKE_SA yet
	Established int       // with an IKE_SA
	Evicted     int       // established and not loaded
	Waiting     int       // without IKE_SA, waiting for a place in the window
	Reconciled  uint64    // comparisons made
	Repaired    uint64    // keys and connections found missing and loaded again
	Removed     uint64    // keys and connections of ours found and not wanted
	Reconnects  uint64    // connections to charon made
	LastError   string
	LastErrorAt time.Time
}

// Status reports the present state.
func (c *Charon) Status() Status { return Status{} }
