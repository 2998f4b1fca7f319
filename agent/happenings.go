package agent

import (
	"fmt"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/doctor"
	"homeagent/agent/events"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/diameter/peer"
	"homeagent/ike"
)

// happenings puts what the parts report into the terms of events.
type happenings struct{ *events.Recorder }

// began is session.Config's.
func (h happenings) began(s store.Session, renewed bool) {
	e := ofSession(events.SessionBegan, &s)
	if renewed {
		e.Kind = events.SessionRenewed
	}
	e.Detail = fmt.Sprintf("key id %d, fingerprint %s", s.KeyID, s.Fingerprint)
	if s.Configured {
		e.Detail = "from the configuration"
		if s.Manual {
			e.Detail += ", keyed by hand"
		}
		if renewed {
			e.Detail += ", with another key"
		}
	}
	h.Record(e)
}

// over is session.Config's.
func (h happenings) over(s store.Session, why session.Cause) {
	e := ofSession(events.SessionEnded, &s)
	if why == session.AuthExpired {
		e.Kind = events.SessionExpired
	}
	e.Detail = why.String()
	h.Record(e)
}

func ofSession(kind events.Kind, s *store.Session) events.Event {
	return events.Event{
		Kind: kind, UserName: s.UserName, HomeAddress: s.HomeAddress, HomeAgent: s.HomeAgent,
		SessionID: s.SessionID, Peer: s.PeerHost,
	}
}

// armed tells that strongSwan has a key.
func (h happenings) armed(c *session.Credential) {
	h.Record(events.Event{Kind: events.KeyArmed, UserName: c.UserName, HomeAddress: c.HomeAddress, HomeAgent: c.HomeAgent})
}

// up and down are ike.Config's.
func (h happenings) up(e *ike.Established) {
	h.Record(events.Event{Kind: events.IKEUp, UserName: e.UserName, HomeAddress: e.HomeAddress, HomeAgent: e.HomeAgent, CareOf: e.CareOf})
}

func (h happenings) down(e ike.Lost) {
	h.Record(events.Event{Kind: events.IKEDown, UserName: e.UserName, HomeAddress: e.HomeAddress, HomeAgent: e.HomeAgent})
}

// link is ike.Config's.
func (h happenings) link(err error) {
	if err != nil {
		h.Record(events.Event{Kind: events.StrongSwanLost, Detail: err.Error()})
		return
	}
	h.Record(events.Event{Kind: events.StrongSwanConnected})
}

// refused is ike.Config's, in the words of the options.
func (a *Agent) refused(all []ike.Refusal) {
	for _, r := range all {
		option, text := doctor.RefusedProposal(r)
		a.happenings.Record(events.Event{Kind: events.ProposalRefused, Detail: a.cfg.Problem(option, "%s", text).Error()})
	}
}

var peerKinds = map[peer.ChangeKind]events.Kind{
	peer.Connected:    events.PeerConnected,
	peer.Disconnected: events.PeerDisconnected,
	peer.Broken:       events.PeerLost,
	peer.Unreachable:  events.PeerUnreachable,
	peer.Suspected:    events.PeerSuspected,
	peer.Trusted:      events.PeerTrusted,
	peer.StateLost:    events.PeerLostState,
	peer.Refused:      events.ConnectionRefused,
}

// peer is peer.Config's.
func (h happenings) peer(c peer.Change) {
	e := events.Event{Kind: peerKinds[c.Kind], Peer: c.Host, Remote: c.Remote}
	if c.Kind == peer.Unreachable || c.Kind == peer.Refused {
		e.Result = c.Reason.String()
	}
	switch {
	case c.Err != nil:
		e.Detail = c.Err.Error()
	case c.Remote.IsValid():
		e.Detail = fmt.Sprintf("secured by %s", c.Secured)
	}
	if c.LeftOut > 0 {
		e.Detail += fmt.Sprintf("; %d others before this one were not told", c.LeftOut)
	}
	h.Record(e)
}

// observe tells what became of a Binding Update or a binding. What is under way is
// told when it is done.
func (a *Agent) observe(o *bindingcache.Outcome, now time.Time) {
	a.tellDiscovery(o)
	kind, ok := bindingKind(o.Reason)
	if !ok {
		return
	}
	if took, ok := a.stopwatch.End(o.HomeAddress, now); ok {
		a.updates.Add(o.Reason.String(), took)
	}
	e := events.Event{Kind: kind, HomeAddress: o.HomeAddress, Result: o.Reason.String()}
	if o.Reply != nil {
		e.HomeAgent = o.Reply.Source
		if o.Reply.Destination != o.HomeAddress {
			e.CareOf = o.Reply.Destination
		}
	}
	if s, ok := a.sessions.Owner(o.HomeAddress); ok {
		e.UserName = s.UserName
	}
	a.happenings.Record(e)
}

// bindingKind is the kind of event that a reason makes, if it makes one.
func bindingKind(r bindingcache.Reason) (events.Kind, bool) {
	switch r {
	case bindingcache.Registered:
		return events.BindingRegistered, true
	case bindingcache.Refreshed:
		return events.BindingRefreshed, true
	case bindingcache.Moved:
		return events.BindingMoved, true
	case bindingcache.Deregistered:
		return events.BindingDeregistered, true
	case bindingcache.Expired, bindingcache.PrefixInvalid:
		return events.BindingExpired, true
	case bindingcache.Removed:
		return events.BindingRemoved, true
	case bindingcache.StoreFailed, bindingcache.KernelFailed, bindingcache.ForwardingFailed,
		bindingcache.DuplicateAddress, bindingcache.Failed:
		return events.BindingFailed, true
	}
	_, refused := r.Refusal()
	return events.BindingRefused, refused || r.Silent()
}
