package agent

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/metrics"
	"homeagent/agent/mobility"
	"homeagent/agent/registrar"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/diameter"
	"homeagent/diameter/peer"
)

// The types below stand around a part and measure it for monitoring.

// A measuredStore times how long callers wait for it.
type measuredStore struct {
	store.Store
	metrics *metrics.Metrics
}

// Apply is store.Store's.
func (s measuredStore) Apply(ctx context.Context, changes ...store.Change) error {
	began := time.Now()
	err := s.Store.Apply(ctx, changes...)
	s.metrics.Waited(metrics.OnStore, time.Since(began), err)
	return err
}

// measureStore times a store, and its commits if it tells of them.
func measureStore(s, watched store.Store, m *metrics.Metrics) store.Store {
	if w, ok := watched.(store.Watchable); ok {
		w.Watch(m.Committed)
	}
	return measuredStore{s, m}
}

// A measuredKeyer times strongSwan.
type measuredKeyer struct {
	session.Keyer
	metrics *metrics.Metrics
}

// Arm is session.Keyer's.
func (k measuredKeyer) Arm(ctx context.Context, c session.Credential) error {
	began := time.Now()
	err := k.Keyer.Arm(ctx, c)
	k.metrics.Waited(metrics.OnCharon, time.Since(began), err)
	return err
}

// measuredEffects times the steps of registrations; the store is timed anyway.
type measuredEffects struct {
	registrar.Effects
	metrics *metrics.Metrics
}

// Probe is registrar.Effects'.
func (e measuredEffects) Probe(ctx context.Context, b bindingcache.Binding) error {
	began := time.Now()
	err := e.Effects.Probe(ctx, b)
	switch {
	case err == nil:
		e.metrics.Detected(metrics.Unique)
	case errors.Is(err, registrar.ErrDuplicate):
		e.metrics.Detected(metrics.Duplicate)
		e.metrics.Waited(metrics.OnAddress, time.Since(began), nil)
		return err
	default:
		e.metrics.Detected(metrics.Undecided)
	}
	e.metrics.Waited(metrics.OnAddress, time.Since(began), err)
	return err
}

// Program is registrar.Effects'.
func (e measuredEffects) Program(ctx context.Context, b bindingcache.Binding) error {
	began := time.Now()
	err := e.Effects.Program(ctx, b)
	e.metrics.Waited(metrics.OnKernel, time.Since(began), err)
	return err
}

// Unprogram is registrar.Effects'.
func (e measuredEffects) Unprogram(ctx context.Context, home netip.Addr) error {
	began := time.Now()
	err := e.Effects.Unprogram(ctx, home)
	e.metrics.Waited(metrics.OnKernel, time.Since(began), err)
	return err
}

// MoveIKE is registrar.Effects'.
func (e measuredEffects) MoveIKE(ctx context.Context, from, to netip.Addr, b bindingcache.Binding) error {
	began := time.Now()
	err := e.Effects.MoveIKE(ctx, from, to, b)
	e.metrics.Waited(metrics.OnMove, time.Since(began), err)
	return err
}

// A measuredSender counts and times acknowledgements.
type measuredSender struct {
	registrar.Sender
	metrics *metrics.Metrics
}

// Send is registrar.Sender's.
func (s measuredSender) Send(r *bindingcache.Reply) error {
	err := s.Sender.Send(r)
	if ack, ok := r.Message.(*mobility.BindingAcknowledgement); ok && err == nil {
		s.metrics.Acknowledged(ack.Status, time.Since(r.Asked))
	}
	return err
}

// A measuredHandler counts and times the answers to HMRs.
type measuredHandler struct {
	*bootstrapper
	metrics *metrics.Metrics
}

// Admit is peer.Handler's.
func (h measuredHandler) Admit(p peer.Info, header diameter.Header) *diameter.Failure {
	f := h.bootstrapper.Admit(p, header)
	if f != nil {
		h.metrics.RefusedHMR(metrics.NotAdmitted)
		h.metrics.AnsweredHMR(f.Code)
	}
	return f
}

// Serve is peer.Handler's.
func (h measuredHandler) Serve(ctx context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
	began := time.Now()
	answer := h.bootstrapper.Serve(ctx, p, req)
	if req.Application == h.codes.Application && req.Command == h.codes.HMR {
		h.metrics.ServedHMR(time.Since(began))
		h.metrics.AnsweredHMR(resultOf(answer))
	}
	return answer
}

// resultOf is the Result-Code of an answer of ours, which has one.
func resultOf(answer *diameter.Message) diameter.ResultCode {
	a, _ := answer.Find(avp.ResultCode, 0)
	code, err := a.Unsigned32()
	if err != nil {
		return diameter.UnableToComply
	}
	return diameter.ResultCode(code)
}

// countRefusal counts an HMR that was refused for a reason of its own, or of
// sessions.
func (b *bootstrapper) countRefusal(f *diameter.Failure, err error) {
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal):
		b.metrics.RefusedHMR(refusal.Reason.Key())
	case f.Code == diameter.AuthorizationRejected:
		b.metrics.RefusedHMR(metrics.NotAuthorized)
	default:
		b.metrics.RefusedHMR(metrics.Malformed)
	}
}
