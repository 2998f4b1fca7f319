package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/version"
)

// Status is control.Backend's.
func (a *Agent) Status(ctx context.Context) control.Status {
	counts := a.sessions.Counts()
	s := control.Status{
		Version: version.Version, Started: a.started.UTC(), Identity: a.cfg.Diameter.Identity,
		Sessions: control.SessionCounts{Total: counts.Total, Established: counts.Established, Armed: counts.Armed(), Manual: counts.Manual, Dormant: counts.Dormant},
		Bindings: a.registrar.Len(),
		IKE:      a.ikeStatus(), Kernel: a.kernelStatus(), Store: a.ledger.status(a.cfg.Store.Path),
		Warnings: slices.Concat(a.warnings(ctx), a.unserved(), a.attention.warnings()), Peers: a.peerStatus(), Strangers: a.strangers(), Prefixes: a.prefixStatus(), HomeAgents: a.homeAgents(),
		Configuration: a.reloader.status(),
	}
	a.judge(&s)
	return s
}

// begun reports whether the start is over.
func (a *Agent) begun() bool {
	select {
	case <-a.ready:
		return true
	default:
		return false
	}
}

func (a *Agent) ikeStatus() control.IKEStatus {
	s := a.charon.Status()
	if option := blamed(s.LastError); option != "" {
		s.LastError += " (the option " + option + ")"
	} else if !s.Connected {
		s.LastError = "it does not answer on " + a.cfg.IKE.Socket + " (journalctl -u strongswan tells more)"
	}
	return control.IKEStatus{Connected: s.Connected, Error: s.LastError, Loaded: s.Loaded, Repairs: s.Repaired}
}

func (a *Agent) kernelStatus() control.KernelStatus {
	repairs, err, manualErr := a.kernel.status()
	status := control.KernelStatus{InSync: err == nil, Repairs: repairs}
	if err != nil {
		status.Error = err.Error()
	}
	if manualErr != nil {
		status.ManualError = manualErr.Error()
	}
	return status
}

func (a *Agent) prefixStatus() []control.PrefixStatus {
	var all []control.PrefixStatus
	for _, u := range a.sessions.AddressUse() {
		all = append(all, control.PrefixStatus{Prefix: u.Prefix, InUse: u.InUse, Held: u.HeldDown})
	}
	return all
}

func (a *Agent) homeAgents() []control.HomeAgent {
	all := make([]control.HomeAgent, len(a.cfg.HomeAgent.Addresses))
	for i, address := range a.cfg.HomeAgent.Addresses {
		all[i] = control.HomeAgent{Address: address, Sessions: a.sessions.Load(address)}
	}
	return all
}

// Sessions is control.Backend's.
func (a *Agent) Sessions() []control.Session {
	return a.allSessions()
}

// Session is control.Backend's.
func (a *Agent) Session(id string) (control.Session, error) {
	s, err := a.sessions.Find(id)
	if err != nil {
		return control.Session{}, notFound(err)
	}
	if sleeping, ok := a.sessions.DormantAt(s.HomeAddress); ok && sleeping.UserName == s.UserName {
		return dormantView(&s), nil
	}
	return sessionView(&s), nil
}

// Release is control.Backend's.
func (a *Agent) Release(ctx context.Context, id string) (control.Released, error) {
	was, err := a.Session(id)
	if err != nil {
		return control.Released{}, err
	}
	if err := a.sessions.Release(ctx, cmp.Or(was.ID, was.UserName)); err != nil {
		return control.Released{}, notFound(err)
	}
	return control.Released{OneSession: control.OneSession{Session: was}, KeyRemoved: a.charon.Status().Connected}, nil
}

// notFound makes the session manager's error the control socket's.
func notFound(err error) error {
	if errors.Is(err, session.ErrUnknown) {
		return fmt.Errorf("%w: %w", control.ErrNotFound, err)
	}
	return err
}

// sessionView leaves the key out.
func sessionView(s *store.Session) control.Session {
	view := control.Session{
		ID: s.SessionID, UserName: s.UserName, HomeAddress: s.HomeAddress, HomeAgent: s.HomeAgent,
		State: "armed", Source: source(s), KeyID: s.KeyID, KeyFingerprint: s.Fingerprint.String(),
		OriginHost: s.OriginHost, OriginRealm: s.OriginRealm, Peer: s.PeerHost,
		AcctID: s.AcctMultiSessionID, Authorized: s.AuthorizedAt.UTC(), Expires: present(s.EndsAt()),
		Established: present(s.EstablishedAt), CareOf: events.AddressText(s.CareOf),
	}
	switch {
	case s.Manual:
		view.State = "manual"
	case !s.EstablishedAt.IsZero():
		view.State = "established"
	}
	if s.Configured {
		view.KeyFingerprint = ""
	}
	return view
}

// source tells where a session comes from.
func source(s *store.Session) string {
	switch {
	case s.Configured:
		return "configuration"
	case s.UserName == "": // nobody's
		return ""
	default:
		return "aaa"
	}
}

func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
