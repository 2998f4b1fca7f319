package agent

import (
	"net/http"

	"homeagent/agent/control"
	"homeagent/diameter/peer"
)

// peersView answers GET /v1/peers.
func (a *Agent) peersView() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.control.Answer(w, control.Peers{Schema: control.Schema, Peers: a.peerStatus(), Strangers: a.strangers()})
	})
}

func (a *Agent) peerStatus() []control.Peer {
	all := []control.Peer{}
	for _, p := range a.peers.Peers() {
		all = append(all, peerView(&p))
	}
	return all
}

// strangers are the refusals of nobody listed.
func (a *Agent) strangers() []control.Refusal {
	all := []control.Refusal{}
	for _, r := range a.peers.Refusals() {
		all = append(all, refusalView(&r))
	}
	return all
}

func refusalView(r *peer.Refusal) control.Refusal {
	view := control.Refusal{
		Time: r.Time, Reason: r.Reason.String(), Text: r.Text, Meaning: r.Reason.Meaning(), Host: r.Host, Initiated: r.Initiated, Times: r.Times,
	}
	if r.Remote.IsValid() {
		view.Remote = r.Remote.String()
	}
	return view
}

func peerView(p *peer.Status) control.Peer {
	view := control.Peer{
		Host: p.Host, Realm: p.Realm, State: p.State, Since: p.Since.UTC(), Secured: p.Secured.String(), Connect: p.Connect,
		Error: p.LastError, ErrorAt: present(p.LastErrorAt), Open: p.Open, Health: p.Health, Product: p.Product,
		Counters: control.PeerCounters{
			Connections: p.Counters.Connections,
			Requests:    p.Counters.RequestsReceived, Answers: p.Counters.AnswersSent,
			Duplicates: p.Counters.Duplicates, Refused: p.Counters.Refused, TooBusy: p.Counters.TooBusy,
			Failovers: p.Counters.Failovers, StateLosses: p.Counters.StateLosses,
			InProgress: p.Counters.InProgress, Queued: p.Counters.Queued,
		},
	}
	if !p.LastRefusal.Time.IsZero() {
		refusal := refusalView(&p.LastRefusal)
		view.Refusal = &refusal
	}
	if p.Remote.IsValid() {
		view.Address, view.Transport = p.Remote.String(), p.Secured.Transport().String()
	}
	if p.TLSVersion != "" {
		view.Transport = p.TLSVersion
	}
	return view
}
