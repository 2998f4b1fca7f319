package doctor

import (
	"fmt"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
)

const showPeers = "homeagentctl peers"

// unconnected judges a peer without a connection by how its last one came to
// nothing. Where nothing is known of its own, the last stranger may be it: a peer
// that did not get so far as to say who it is.
func unconnected(p config.Peer, known control.Peer, strangers []control.Refusal) Finding {
	what := p.Identity + " has not connected"
	if p.Connect != "" {
		what = p.Identity + " cannot be connected to at " + p.Connect
	}
	switch r := known.Refusal; {
	case r != nil && !outdated(r, &known):
		return fail(showPeers, "%s: %s", what, refused(r))
	case p.Connect != "":
		return fail("journalctl -u homeagent --grep "+p.Identity, "%s%s", what, because(known.Error))
	case known.Error == "" && len(strangers) > 0:
		return warn(showPeers, "%s; this could be it: %s", what, refused(&strangers[0]))
	default:
		return warn("", "%s%s (its operator must have this home agent in its list of peers)", what, because(known.Error))
	}
}

// outdated reports whether a connection broke since.
func outdated(r *control.Refusal, p *control.Peer) bool {
	return p.ErrorAt != nil && p.ErrorAt.After(r.Time.Add(time.Second))
}

// refused is a connection that came to nothing as a clause.
func refused(r *control.Refusal) string {
	at := r.Time.UTC().Format("2006-01-02 15:04:05 UTC")
	if r.Initiated {
		return fmt.Sprintf("the last attempt, at %s, ended with %s (%s)", at, r.Reason, r.Text)
	}
	who := ""
	if r.Host != "" {
		who = ", which called itself " + r.Host + ","
	}
	return fmt.Sprintf("a connection from %s%s was refused at %s with %s (%s)", r.Remote, who, at, r.Reason, r.Text)
}
