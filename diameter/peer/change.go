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
	Refused                        // a connection was refused, which may be nobody's
)

var changeNames = []string{
	"peer connected", "peer disconnected", "peer lost", "could not connect to the peer",
	"peer suspected: it does not answer", "peer trusted again", "the peer lost its session state",
	"refused a connection",
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
	// Host is the peer's identity: with Refused the one that was claimed, which
	// proves nothing, and empty if none was.
	Host string
	// Remote is the other end of the connection of Connected, Unreachable and
	// Refused, Secured how that of Connected is protected.
	Remote  netip.AddrPort
	Secured Secured
	// Reason is that of Unreachable and Refused.
	Reason Reason
	// LeftOut is how many other refusals were not told before, as they were too
	// many.
	LeftOut int
	// Err is why, nil if there is nothing to say.
	Err error
}

// tell reports a change of the peer.
func (p *peer) tell(c Change) {
	c.Host, c.Secured = p.config.Host, p.config.Secured
	p.table.tell(p.log, c)
}

// tell reports a change to whoever wants to hear it, or else to the log.
func (t *Table) tell(log *slog.Logger, c Change) {
	if observe := t.config.Observe; observe != nil {
		observe(c)
		return
	}
	var args []any
	if c.Remote.IsValid() {
		args = append(args, "remote", c.Remote)
	}
	switch c.Kind {
	case Connected:
		args = append(args, "secured", c.Secured)
	case Unreachable, Refused:
		args = append(args, "reason", c.Reason)
	}
	if c.Err != nil {
		args = append(args, "error", c.Err)
	}
	if c.LeftOut > 0 {
		args = append(args, "left_out", c.LeftOut)
	}
	log.Log(context.Background(), c.Kind.level(), c.Kind.String(), args...)
}
