package peer

import (
	"context"
	"log/slog"
	"net/netip"
)

// A ChangeKind says what has changed about a peer.
type ChangeKind int

// The changes.
const (
	Connected    ChangeKind = iota // open, after the capabilities exchange
	Disconnected                   // in good order
	Broken                         // for the reason in Err
	Unreachable                    // not connected, for another reason than before
	Suspected                      // a DWR was not answered in time (RFC 3539 section 3.4.1)
	Trusted                        // after it was suspected
	StateLost                      // its Origin-State-Id grew (RFC 6733 section 8.16)
)

var changeNames = []string{
	"peer connected", "peer disconnected", "peer lost", "could not connect to the peer",
	"peer suspected: it does not answer", "peer trusted again", "the peer lost its session state",
}

// String is a sentence for the log.
func (k ChangeKind) String() string { return name(changeNames, int(k)) }

// level is how the log calls a change.
func (k ChangeKind) level() slog.Level {
	switch k {
	case Connected, Disconnected, Trusted:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// A Change is something about a peer that an operator wants to know.
type Change struct {
	Kind ChangeKind
	// Host is the peer's identity. Remote and Secured describe the connection of
	// Connected.
	Host    string
	Remote  netip.AddrPort
	Secured Secured
	// Err is why, nil if there is nothing to say.
	Err error
}

// tell reports a change to whoever wants to hear it, or else to the log.
func (p *peer) tell(c Change) {
	c.Host, c.Secured = p.config.Host, p.config.Secured
	if observe := p.table.config.Observe; observe != nil {
		observe(c)
		return
	}
	var args []any
	if c.Remote.IsValid() {
		args = append(args, "remote", c.Remote, "secured", c.Secured)
	}
	if c.Err != nil {
		args = append(args, "error", c.Err)
	}
	p.log.Log(context.Background(), c.Kind.level(), c.Kind.String(), args...)
}
