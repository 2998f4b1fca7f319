package peer

import (
	"context"
	"errors"
	"net"

	"homeagent/diameter"
)

// ErrNoPeer is the error of Do when no connection can carry the request.
var ErrNoPeer = errors.New("no peer is connected")

// A Table connects to its peers for as long as Run runs.
type Table struct {
	config Config
	ready  chan struct{}
}

// New checks the configuration. Nothing is opened before Run.
func New(config Config) (*Table, error) {
	return &Table{config: config, ready: make(chan struct{})}, nil
}

// Run listens, dials and serves until ctx ends. Then it lets requests in
// progress finish, sends DPR with the cause REBOOTING to every peer, and
// returns nil when all connections are closed. An error means that it could
// not listen.
func (t *Table) Run(ctx context.Context) error {
	return errors.ErrUnsupported
}

// Ready is closed when all listeners listen.
func (t *Table) Ready() <-chan struct{} { return t.ready }

// String names the Table among the tasks of a daemon.
func (t *Table) String() string { return "Diameter peers" }

// Addrs returns the addresses listened at, in the order of the configuration.
// It is complete when Ready is closed.
func (t *Table) Addrs() []net.Addr { return nil }

// Peers returns what is known of every peer, in the order of the configuration.
func (t *Table) Peers() []Status { return nil }

// SetPeers replaces the peers. Those no longer listed are disconnected with the
// cause DO_NOT_WANT_TO_TALK_TO_YOU, those unchanged keep their connections.
func (t *Table) SetPeers(ctx context.Context, peers []PeerConfig) error {
	return errors.ErrUnsupported
}

// Do sends a request of ours and returns its answer, whatever the Result-Code.
// To is the identity of a peer, or a realm, of which any connected peer will
// do. Do sets the identifiers and the R bit; all else, Origin-Host and
// Origin-Realm too, is the caller's. It waits until ctx ends.
//
// When the connection fails, the request goes to another peer of the same realm
// with the T bit and the same End-to-End Identifier (RFC 6733 section 5.5.4),
// unless its Destination-Host is the peer that failed. Without such a peer the
// error wraps [ErrNoPeer].
func (t *Table) Do(ctx context.Context, to string, req *diameter.Message) (*diameter.Message, error) {
	return nil, errors.ErrUnsupported
}
