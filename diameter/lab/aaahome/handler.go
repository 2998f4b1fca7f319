package aaahome

import (
	"context"
	"log/slog"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer"
)

// A Handler serves what a home agent asks of its mobile nodes' AAA server: it
// is told the end of sessions (RFC 6733 section 8.4), of which it keeps no
// record, and refuses all else.
type Handler struct {
	Identity diameter.Identity
	Log      *slog.Logger
}

var _ peer.Handler = Handler{}

// Admit lets everything be asked.
func (Handler) Admit(peer.Info, diameter.Header) *diameter.Failure { return nil }

// Serve answers one request.
func (h Handler) Serve(_ context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
	switch {
	case req.Fault != nil:
		return diameter.NewFailure(req, h.Identity, req.Fault)
	case req.Command == diam.SessionTermination:
		h.Log.Info("the home agent ended a session", "peer", p.Host)
		return diameter.NewAnswer(req, h.Identity, diameter.Success)
	}
	return diameter.NewFailure(req, h.Identity, &diameter.Failure{Code: diameter.UnableToComply,
		Text: "this commissioning tool does not do that"})
}
