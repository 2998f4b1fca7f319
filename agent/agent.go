package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"homeagent/agent/activity"
	"homeagent/agent/addresspool"
	"homeagent/agent/bindingcache"
	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/discovery"
	"homeagent/agent/doctor"
	"homeagent/agent/events"
	"homeagent/agent/homelink"
	"homeagent/agent/metrics"
	"homeagent/agent/mobilenode"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/registrar"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/version"
	"homeagent/diameter/peer"
	"homeagent/ike"
	"homeagent/systemd"
	"homeagent/xfrm"
)

// Deps are what main opens for an Agent. The Agent closes none of them.
type Deps struct {
	Store    store.Store
	Kernel   Kernel
	Mobility mobilitysocket.Conn
	HomeLink homelink.HomeLink
	// HomeInterface is the index of a physical home link's interface, 0 for a
	// virtual one.
	HomeInterface int
	// Discover makes the task that answers mobile nodes looking for home agents
	// and prefixes; nil for none.
	Discover func(discovery.Config) (Discovery, error)
	Notifier systemd.Notifier
	// Watchdog is the interval within which the service manager wants to hear
	// from us, 0 for never.
	Watchdog time.Duration
	Reload   Reload
	// Box is looked at for what the home agent needs of it; nil for not.
	Box doctor.System
	Log *slog.Logger
}

// An Agent is a whole home agent.
type Agent struct {
	cfg       *config.Config
	deps      Deps
	started   time.Time
	sessions  *session.Manager
	charon    *ike.Charon
	kernel    *kernelTask
	shield    *shield
	networks  atomic.Pointer[map[string][]netip.Prefix]      // of users
	manual    atomic.Pointer[map[netip.Addr]mobilenode.Node] // keyed by hand, by home address
	registrar *registrar.Registrar
	signals   *signalling
	discovery Discovery // nil where nobody is answered
	peers     *peer.Table
	control   *control.Server
	reloader  *reloader
	ready     chan struct{}

	happenings   happenings
	updates      activity.Answers // to Binding Updates
	stopwatch    activity.Stopwatch
	ledger       *ledger
	metrics      *metrics.Metrics
	surroundings *surroundings
	attention    *attention
	bootstrapper *bootstrapper
}

// New joins the parts and restores what the store holds. Nothing is opened and
// nothing outside is changed before Run.
func New(cfg *config.Config, deps Deps) (*Agent, error) {
	a := &Agent{cfg: cfg, deps: deps, started: time.Now(), ready: make(chan struct{})}
	a.happenings = happenings{events.New(0, deps.Log)}
	a.ledger = &ledger{Store: deps.Store, events: a.happenings.Recorder}
	a.metrics = metrics.New(version.Version, a.snapshot)
	a.deps.Store = measureStore(a.ledger, deps.Store, a.metrics)
	a.attention = &attention{events: a.happenings.Recorder, log: deps.Log}
	a.surroundings = &surroundings{cfg: cfg, box: deps.Box, events: a.happenings.Recorder}
	for _, part := range []struct {
		option string
		build  func() error
	}{{"ike.identity", a.buildCharon}, {"", a.buildSessions}, {"", a.buildRegistrar}, {"", a.buildDiscovery}, {"", a.buildPeers}} {
		if err := part.build(); err != nil {
			return nil, built(cfg, part.option, err)
		}
	}
	a.control = control.NewServer(cfg.Control.Socket, cfg.Control.Group, a, deps.Log)
	a.reloader = newReloader(a, cfg, deps.Reload)
	a.control.Handle("POST /v1/reload", a.reloadView())
	a.control.Handle("GET /v1/bindings", a.bindingsView())
	a.control.Handle("GET /v1/binding", a.oneBindingView())
	a.control.Handle("GET /v1/peers", a.peersView())
	a.control.Handle("GET /v1/activity", a.activityView())
	a.control.Handle("GET /v1/events", a.control.Events(a.happenings.Recorder))
	a.control.Handle("GET /debug/pprof/", a.profiles())
	return a, a.restore()
}

func (a *Agent) buildCharon() error {
	var err error
	a.setNetworks(a.cfg)
	a.charon, err = ike.New(ike.Config{
		Socket: a.cfg.IKE.Socket, Identity: a.cfg.IKE.Identity, Window: a.cfg.IKE.Window,
		IKEProposals: a.cfg.IKE.IKEProposals, ESPProposals: a.cfg.IKE.ESPProposals, DPDDelay: a.cfg.IKE.DPD,
		Log:               a.deps.Log,
		AssignHomeAddress: a.cfg.IKE.AssignHomeAddress,
		RefusePayload:     a.cfg.Mobility.PayloadProtection == config.ForbidPayloadProtection,
		Networks:          a.networksOfUser,
		OnUp: func(e ike.Established) {
			a.sessions.Established(e.HomeAddress, e.CareOf, e.At)
			a.happenings.up(&e)
		},
		OnDown: a.happenings.down, OnLink: a.happenings.link, OnRefused: a.refused,
		OnTunnels: func(e ike.Tunneled) {
			a.shield.wished(e.HomeAddress, wish{e.Tunnels.ReturnRoutability, e.Tunnels.Payload})
			a.sessions.Tunnelled(e.HomeAddress, e.Tunnels.ReturnRoutability, e.Tunnels.Payload)
		},
	})
	return err
}

func (a *Agent) buildSessions() error {
	pool, err := newPool(a.cfg)
	if err != nil {
		return err
	}
	nodes, err := mobilenode.Load(a.cfg)
	if err != nil {
		return err
	}
	a.setNodes(nodes)
	a.shield = newShield(a.deps.Kernel, a.cfg.Mobility.PayloadProtection, func(home netip.Addr) (store.Session, bool) { return a.sessions.Owner(home) }, a.deps.Log)
	a.kernel = newKernelTask(a.shield, a.desired, a.associations, a.happenings.Recorder)
	a.sessions = session.New(session.Config{
		HomeAgents: a.cfg.HomeAgent.Addresses, MaxSessions: a.cfg.Limits.Sessions, MaxLifetime: a.cfg.Limits.Authorization,
		EffectTimeout: a.cfg.Limits.EffectTimeout, Identity: a.cfg.Diameter.Identity, Nodes: sessionNodes(nodes),
		Remembered: a.cfg.Limits.Remembered,
		Ended:      func(s store.Session) { a.registrar.Remove(s.HomeAddress) },
		Began:      a.began, Over: a.happenings.over,
	}, wishStore{a.deps.Store, a.shield}, pool, measuredKeyer{keyer{a.charon, a.kernel, a.happenings}, a.metrics}, a.deps.Log)
	return nil
}

func (a *Agent) buildRegistrar() error {
	cache, err := bindingcache.New(a.bindingRules(a.cfg))
	if err != nil {
		return fmt.Errorf("making the binding cache: %w", err)
	}
	a.signals = &signalling{conn: a.deps.Mobility, after: a.kernel.Ready(), association: a.association, tunnel: a.tunnel, homeLink: a.deps.HomeInterface, log: a.deps.Log}
	a.registrar = registrar.New(cache, measuredEffects{effects{a.deps.HomeLink, a.deps.Store, a.shield, a.charon, a.sessions}, a.metrics}, measuredSender{a.signals, a.metrics}, a.cfg.Limits.EffectTimeout, a.deps.Log)
	a.registrar.Observe(a.observe)
	a.signals.update = func(u bindingcache.Update) {
		u.Arrived = time.Now()
		a.stopwatch.Begin(u.Protection.HomeAddress, u.Arrived)
		a.registrar.Handle(u)
	}
	return nil
}

// association is the reqid of a mobile node's security associations, 0 for an
// address that is nobody's.
func (a *Agent) association(home netip.Addr) uint32 {
	s, _ := a.sessions.Owner(home)
	return s.ReqID
}

// tunnel is the reqid of the security association for a mobile node's whole payload,
// 0 for an address that is nobody's, and its far end: where the node is bound, or else
// where its IKE peer is.
func (a *Agent) tunnel(home netip.Addr) (reqID uint32, end netip.Addr) {
	s, ok := a.sessions.Owner(home)
	if !ok || s.Manual {
		return 0, netip.Addr{}
	}
	end = s.CareOf
	if b, bound := a.registrar.Binding(home); bound && b.Active() {
		end = b.CareOf
	}
	return ike.PayloadReqID(s.ReqID), end
}

func (a *Agent) buildPeers() error {
	b, err := newBootstrapper(a.cfg, a.deps.Store.Meta().OriginStateID, a.sessions, a.happenings)
	if err != nil {
		return err
	}
	b.metrics = a.metrics
	a.bootstrapper = b
	credentials, certificates, err := a.cfg.Diameter.LoadTLS()
	if err != nil {
		return err
	}
	a.peers, err = peer.New(peer.Config{
		Host: b.identity.Host, Realm: b.identity.Realm, Product: "homeagent", VendorID: b.codes.Vendor,
		OriginStateID: b.identity.OriginStateID,
		Applications:  []peer.Application{{Vendor: b.codes.Vendor, AuthID: b.codes.Application}},
		Commands:      b.dictionary.Known, TLS: credentials,
		Listeners: listeners(a.cfg.Diameter), Peers: peers(a.cfg.Diameter), Handler: measuredHandler{b, a.metrics}, Log: a.deps.Log, Observe: a.happenings.peer,
		Timers: peer.Timers{Watchdog: a.cfg.Diameter.Watchdog, Reconnect: a.cfg.Diameter.Reconnect},
	})
	if err == nil {
		a.attention.take(a.cfg, certificates)
	}
	return err
}

// restore hands what the store holds to the parts that forget.
func (a *Agent) restore() error {
	creds, err := a.sessions.Restore()
	if err != nil {
		return err
	}
	known := make([]ike.Credential, len(creds))
	for i, c := range creds {
		known[i] = ike.Credential(c)
	}
	a.charon.Restore(known)
	if err := a.restoreBindings(); err != nil {
		return err
	}
	a.restoreDiscovery()
	a.deps.HomeLink.Restore(a.claims())
	return nil
}

// restoreBindings takes over the bindings of live sessions. Those of dormant ones wait
// in the store. Others have lost their owner, or the address of ours that they were
// made with: they must neither be forwarded nor come to whoever gets the home address
// next.
func (a *Agent) restoreBindings() error {
	var orphans []store.Change
	err := a.deps.Store.Bindings(func(b store.Binding) error {
		if sleeping, ok := a.sessions.DormantAt(b.HomeAddress); ok && sleeping.HomeAgent == b.HomeAgent {
			return nil
		}
		owner, ok := a.sessions.Owner(b.HomeAddress)
		if !ok || owner.HomeAgent != b.HomeAgent || !slices.Contains(a.cfg.HomeAgent.Addresses, b.HomeAgent) {
			orphans = append(orphans, store.DeleteBinding{HomeAddress: b.HomeAddress})
			return nil
		}
		return a.registrar.Restore(fromStore(b))
	})
	if err != nil || len(orphans) == 0 {
		return err
	}
	a.deps.Log.Warn("bindings without a session, or with an address that is not ours any more, are dropped", "bindings", len(orphans))
	return a.deps.Store.Apply(context.Background(), orphans...)
}

// claims are the addresses to hold on the home link from the start.
func (a *Agent) claims() []homelink.Claim {
	var claims []homelink.Claim
	for _, v := range a.registrar.Bindings() {
		if v.Active() {
			c := claim(v.Binding)
			c.SkipDAD = true
			claims = append(claims, c)
		}
	}
	return claims
}

// desired is all that the kernel should hold.
func (a *Agent) desired() xfrm.Desired {
	d := xfrm.Desired{
		HomeAgents:        a.cfg.HomeAgent.Addresses, // each mobile node has a reqid of its own
		RouteOptimization: a.cfg.Mobility.RouteOptimization, RequireProtectedPrefixDiscovery: a.cfg.Mobility.ProtectPrefixDiscovery,
		// Without marks nobody could tell whose tunnel a message came in.
		TunnelledSignalling: a.cfg.Mobility.PayloadProtection != config.ForbidPayloadProtection && a.deps.Mobility.Marks(),
		Tunnel:              xfrm.TunnelConfig{Name: a.cfg.Mobility.TunnelDevice, MTU: a.cfg.Mobility.TunnelMTU},
	}
	for _, p := range a.cfg.Prefixes {
		d.HomePrefixes = append(d.HomePrefixes, p.Prefix)
	}
	for _, v := range a.registrar.Bindings() {
		if v.Active() {
			d.Bindings = append(d.Bindings, toKernel(v.Binding))
		}
	}
	return d
}

// Run runs the agent until ctx ends. Sessions, keys, policies and bindings stay
// as they are, so that mobile nodes are served while the daemon restarts.
func (a *Agent) Run(ctx context.Context) error {
	tasks := []Task{a.kernel, a.shield, patient{a.charon, charonPatience}, a.sessions, a.registrar, a.signals, kernelWatch{a.deps.Kernel, a.kernel.look, a.signals}, a.deps.HomeLink,
		accountable{a.peers, a.cfg, listenOption(a.cfg.Diameter)}, accountable{a.control, a.cfg, controlOption}, a.reloader}
	if a.discovery != nil {
		tasks = append(tasks, a.discovery)
	}
	tasks = append(tasks, metrics.NewServer(a.cfg.Metrics.Listen, a.metrics.Handler(a.deps.Log), a.deps.Log))
	tasks = append(tasks, a.attention, &notifyTask{notifier: a.deps.Notifier, watchdog: a.deps.Watchdog, agent: a})
	a.deps.Log.Info("starting", "version", version.Version, "identity", a.cfg.Diameter.Identity, "sessions", a.sessions.Counts().Total)
	a.surroundings.look(ctx)
	a.tellDormant()
	// Those who follow the events hear of the end before it comes.
	asked := ctx
	ctx, stop := context.WithCancel(context.WithoutCancel(asked))
	defer stop()
	defer context.AfterFunc(asked, func() {
		a.happenings.Record(events.Event{Kind: events.DaemonStopping})
		stop()
	})()
	err := serve(ctx, tasks, a.becomeReady)
	if stopErr := a.deps.Notifier.Stopping("stopped, mobile nodes stay registered"); err == nil {
		err = stopErr
	}
	return err
}

func (a *Agent) becomeReady() {
	close(a.ready)
	a.happenings.Record(events.Event{Kind: events.DaemonReady, Detail: "version " + version.Version})
}

func listeners(d config.Diameter) []peer.Listener {
	var all []peer.Listener
	for _, l := range d.Listen {
		all = append(all, peer.Listener{Address: l.Address, TLS: l.TLS})
	}
	return all
}

func peers(d config.Diameter) []peer.PeerConfig {
	secured := map[config.Secured]peer.Secured{
		config.TLS: peer.SecuredTLS, config.IPsec: peer.SecuredIPsec,
		config.Loopback: peer.SecuredLoopback, config.NotAtAll: peer.SecuredNone,
	}
	var all []peer.PeerConfig
	for _, p := range d.Peers {
		all = append(all, peer.PeerConfig{Host: p.Identity, Realm: p.Realm, Connect: p.Connect, Secured: secured[p.Secured]})
	}
	return all
}

// newPool makes the pool of home addresses.
func newPool(cfg *config.Config) (*addresspool.Pool, error) {
	pool := addresspool.Config{
		Reserved: slices.Clone(cfg.HomeAgent.Addresses), HoldDown: cfg.Mobility.HoldDown, RememberMax: cfg.Limits.Remembered,
	}
	for _, p := range cfg.Prefixes {
		pool.Prefixes = append(pool.Prefixes, addresspool.Prefix{Prefix: p.Prefix, First: p.First, Last: p.Last})
		pool.Reserved = append(pool.Reserved, p.Reserved...)
	}
	return addresspool.New(pool)
}
