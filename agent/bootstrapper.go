package agent

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/agent/activity"
	"homeagent/agent/config"
	"homeagent/agent/events"
	"homeagent/agent/metrics"
	"homeagent/agent/session"
	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/peer"
	"homeagent/ike"
)

// A bootstrapper answers what Diameter peers ask of a home agent: HMR, and the
// requests of the base protocol that concern sessions. It is a peer.Handler.
type bootstrapper struct {
	dictionary *dictionary.Dictionary
	codec      *bootstrap.Codec
	codes      dictionary.Codes
	identity   diameter.Identity
	sessions   *session.Manager
	metrics    *metrics.Metrics
	happenings happenings
	answers    activity.Answers
	rules      atomic.Pointer[bootstrapRules]
}

// bootstrapRules say who may ask for what. They are replaced when the
// configuration is read again.
type bootstrapRules struct {
	strict bool
	peers  map[string]config.Peer // by lower-case identity
}

func newBootstrapRules(d config.Diameter) *bootstrapRules {
	rules := &bootstrapRules{strict: d.StrictVector, peers: map[string]config.Peer{}}
	for _, p := range d.Peers {
		rules.peers[strings.ToLower(p.Identity)] = p
	}
	return rules
}

func (r *bootstrapRules) peer(host string) config.Peer { return r.peers[strings.ToLower(host)] }

func newBootstrapper(cfg *config.Config, originStateID uint32, sessions *session.Manager, h happenings) (*bootstrapper, error) {
	d, err := dictionary.Load(cfg.Diameter.Codes)
	if err != nil {
		return nil, err
	}
	b := &bootstrapper{
		dictionary: d, codec: bootstrap.NewCodec(d), codes: cfg.Diameter.Codes,
		identity: diameter.Identity{Host: cfg.Diameter.Identity, Realm: cfg.Diameter.Realm, OriginStateID: originStateID},
		sessions: sessions, happenings: h,
	}
	b.rules.Store(newBootstrapRules(cfg.Diameter))
	return b, nil
}

// Admit decides by the header alone whether this peer may ask this.
func (b *bootstrapper) Admit(p peer.Info, h diameter.Header) *diameter.Failure {
	if h.Application != b.codes.Application || h.Command != b.codes.HMR {
		return nil
	}
	var f *diameter.Failure
	if p.Secured == peer.SecuredNone {
		f = &diameter.Failure{Code: diameter.EndToEndKeyEncryption, Text: "the connection is not protected, and HMR carries a key"}
	} else if !b.rules.Load().peer(p.Host).Bootstrapper {
		f = rejected("this peer may not bootstrap mobile nodes")
	}
	if f != nil {
		b.refused(events.Event{Peer: p.Host, Detail: f.Text}, f, time.Now())
	}
	return f
}

// refused tells of an HMR that came at a time.
func (b *bootstrapper) refused(e events.Event, f *diameter.Failure, came time.Time) {
	e.Kind, e.Result = events.HMRRefused, f.Code.String()
	b.happenings.Record(e)
	b.answers.Add(e.Result, time.Since(came))
}

// Serve answers one request.
func (b *bootstrapper) Serve(ctx context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
	switch {
	case req.Application == b.codes.Application && req.Command == b.codes.HMR:
		return b.serveHMR(ctx, p, req)
	case req.Command == diam.AbortSession, req.Command == diam.ReAuth:
		return b.serveSession(req)
	default:
		return diameter.NewFailure(req, b.identity, &diameter.Failure{Code: diameter.CommandUnsupported, Text: "a home agent does not serve this command"})
	}
}

func (b *bootstrapper) serveHMR(ctx context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
	came, rules := time.Now(), b.rules.Load()
	allowed := rules.peer(p.Host)
	hmr, failure := b.codec.DecodeHMR(req, bootstrap.HMROptions{
		Host: b.identity.Host, Realm: b.identity.Realm,
		FixedKeyID: allowed.FixedKeyID, LegacyIPAddress: allowed.LegacyIPAddress, StrictVector: rules.strict,
		Authorize: func(h *bootstrap.HMR) *diameter.Failure { return authorize(allowed, p.Host, h) },
	})
	if failure != nil {
		b.countRefusal(failure, nil)
		b.refused(events.Event{Peer: p.Host, UserName: legible(req, avp.UserName), SessionID: legible(req, avp.SessionID), Detail: failure.Text}, failure, came)
		return b.codec.Refuse(req, b.identity, failure)
	}
	grant, err := b.sessions.Bootstrap(ctx, request(p.Host, hmr))
	if err != nil {
		failure := b.failure(hmr, err)
		b.countRefusal(failure, err)
		b.refused(events.Event{Peer: p.Host, UserName: hmr.UserName, SessionID: hmr.SessionID, Detail: err.Error()}, failure, came)
		return b.codec.Refuse(req, b.identity, failure)
	}
	b.accepted(p, hmr, &grant, came)
	return b.codec.EncodeHMA(req, b.identity, &bootstrap.HMA{
		Reply:    bootstrap.Reply{Result: diameter.Success},
		UserName: hmr.UserName, AcctMultiSessionID: grant.AcctMultiSessionID,
		HomeAddress: grant.HomeAddress, HomeAgent: grant.HomeAgent,
	})
}

// accepted tells of an HMR that came at a time.
func (b *bootstrapper) accepted(p peer.Info, h *bootstrap.HMR, g *session.Grant, came time.Time) {
	result := diameter.Success.String()
	b.happenings.Record(events.Event{
		Kind: events.HMRAccepted, Peer: p.Host, UserName: h.UserName, SessionID: h.SessionID,
		HomeAddress: g.HomeAddress, HomeAgent: g.HomeAgent, Result: result,
	})
	b.answers.Add(result, time.Since(came))
}

// longestLegible is the most of a name that goes into the log.
const longestLegible = 256

// legible is what stands in the first AVP of a code, for the log: also of a
// request that cannot be taken, where it may be anything.
func legible(req *diameter.Message, code uint32) string {
	a, _ := req.Find(code, 0)
	text := strings.ToValidUTF8(string(a.Data[:min(len(a.Data), longestLegible)]), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// authorize checks who asks, by which way, for whom.
func authorize(p config.Peer, host string, h *bootstrap.HMR) *diameter.Failure {
	if !strings.EqualFold(h.OriginHost, host) && !containsFold(p.Origins, h.OriginHost) {
		return rejected("requests of this Origin-Host may not come through this peer")
	}
	for _, hop := range h.RouteRecords {
		if !strings.EqualFold(hop, host) && !strings.EqualFold(hop, h.OriginHost) && !containsFold(p.Relays, hop) {
			return rejected("the key passed through a hop that is not trusted: " + hop)
		}
	}
	if len(p.UserRealms) > 0 && !containsFold(p.UserRealms, bootstrap.Realm(h.UserName)) {
		return rejected("this peer may not speak for users of this realm")
	}
	return nil
}

func rejected(text string) *diameter.Failure {
	return &diameter.Failure{Code: diameter.AuthorizationRejected, Text: text}
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// request puts an HMR into the terms of sessions.
func request(peerHost string, h *bootstrap.HMR) session.Request {
	lifetime := session.Unlimited
	if h.AuthorizationLifetime != bootstrap.UnlimitedLifetime {
		lifetime = time.Duration(h.AuthorizationLifetime) * time.Second
	}
	return session.Request{
		UserName: h.UserName, SessionID: h.SessionID,
		OriginHost: h.OriginHost, OriginRealm: h.OriginRealm, PeerHost: peerHost,
		HomeAddress: h.HomeAddress, HomeAgent: h.HomeAgent,
		AAAKey: h.Key, KeyID: h.KeyID,
		Lifetime: lifetime, Grace: time.Duration(h.GracePeriod) * time.Second,
		Timeout:            timeout(h.SessionTimeout),
		Stateful:           h.SessionState == bootstrap.StateMaintained,
		AcctMultiSessionID: h.AcctMultiSessionID,
	}
}

func timeout(seconds *uint32) time.Duration {
	if seconds == nil {
		return 0
	}
	return time.Duration(*seconds) * time.Second
}

// failure says in Diameter's terms why a bootstrapping was refused.
func (b *bootstrapper) failure(h *bootstrap.HMR, err error) *diameter.Failure {
	var refusal *session.Refusal
	if !errors.As(err, &refusal) {
		return &diameter.Failure{Code: diameter.UnableToComply, Text: "the session could not be set up"}
	}
	f := &diameter.Failure{Code: b.result(h, refusal), Text: refusal.Reason.String()}
	switch refusal.Reason {
	case session.UserNameUnusable:
		f.Failed = []diameter.AVP{diameter.NewUTF8(avp.UserName, 0, diameter.AVPMandatory, h.UserName)}
	case session.HomeAgentNotOurs:
		f.Failed = b.failed(b.codes.HomeAgentAddress, h.HomeAgent)
	case session.AddressNotServed, session.AddressReserved:
		f.Failed = b.failed(b.codes.MobileNodeAddress, h.HomeAddress)
	case session.KeyReused:
		f.Failed = []diameter.AVP{diameter.NewInteger32(b.codes.AAAKeyID, b.codes.Vendor, diameter.AVPMandatory, h.KeyID)}
	}
	return f
}

func (b *bootstrapper) failed(code uint32, addr netip.Addr) []diameter.AVP {
	if !addr.IsValid() {
		return nil
	}
	return []diameter.AVP{diameter.NewAddress(code, b.codes.Vendor, diameter.AVPMandatory, addr)}
}

// result is the Result-Code of a refusal. One that another try may mend is
// transient, so that the AAA server tries again or takes another home agent.
func (b *bootstrapper) result(h *bootstrap.HMR, r *session.Refusal) diameter.ResultCode {
	switch r.Reason {
	case session.UserNameUnusable, session.HomeAgentNotOurs, session.AddressNotServed, session.AddressReserved,
		session.KeyReplayed, session.KeyUnusable:
		return diameter.InvalidAVPValue
	case session.AddressOfOtherUser, session.SessionOfOtherUser, session.UserNameOfOther, session.UserConfigured, session.AddressConfigured:
		return diameter.AuthorizationRejected
	case session.KeyReused:
		return diameter.ContradictingAVPs
	case session.AddressesExhausted, session.SessionsExhausted:
		return diameter.HomeAgentNotAvailable // RFC 4004 section 6.1
	case session.KeyNotLoaded, session.ShuttingDown:
		transient := r.Reason == session.ShuttingDown || errors.Is(r.Err, ike.ErrUnavailable)
		if transient && h.DestinationHost != "" {
			return diameter.TooBusy
		}
	}
	return diameter.UnableToComply
}

// serveSession answers the base protocol's requests about one session
// (RFC 6733 section 8). The application has no re-authentication that a home
// agent could begin, and ending a session on demand is for the operator so far.
func (b *bootstrapper) serveSession(req *diameter.Message) *diameter.Message {
	id, ok := req.Find(avp.SessionID, 0)
	if !ok {
		return diameter.NewFailure(req, b.identity, &diameter.Failure{
			Code: diameter.MissingAVP, Text: "Session-Id is missing",
			Failed: []diameter.AVP{diameter.NewUTF8(avp.SessionID, 0, diameter.AVPMandatory, "")},
		})
	}
	s, err := b.sessions.Find(string(id.Data))
	if err != nil || s.SessionID != string(id.Data) {
		return diameter.NewFailure(req, b.identity, &diameter.Failure{Code: diameter.UnknownSessionID, Text: "no session has this Session-Id"})
	}
	return diameter.NewFailure(req, b.identity, &diameter.Failure{Code: diameter.UnableToComply, Text: "a home agent does not do this for this application"})
}
