package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeagent/agent/bindingcache"
	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/discovery"
	"homeagent/agent/events"
	"homeagent/agent/mobilenode"
	"homeagent/agent/session"
)

// Reload is what an Agent needs to read its configuration again.
type Reload struct {
	// Load reads the configuration; nil if there is nothing to read.
	Load func() (*config.Config, error)
	// Asked tells that somebody wants it read, by a signal; nil for nobody.
	Asked <-chan os.Signal
	// SetLogLevel changes what is logged from then on; nil if nothing does.
	SetLogLevel func(level string) error
}

// reloader is the task that takes over what has changed in the configuration
// while the agent runs. What cannot change then waits for a restart; what is
// wrong changes nothing.
type reloader struct {
	agent *Agent
	means Reload

	mu    sync.Mutex // one at a time
	inUse *config.Config

	last atomic.Pointer[reading]
}

// A hindrance is why a configuration cannot be taken over now, though it is right in
// itself.
type hindrance struct{ error }

// Unwrap is the cause.
func (h hindrance) Unwrap() error { return h.error }

// A reading of the configuration, at the start or later.
type reading struct {
	takenOver time.Time // when one was last
	refused   time.Time // when it was refused, zero if it was not
	err       error     // why it was refused
	restart   []string  // options that wait for a restart
	unplaced  *control.Unplaced
}

// taken is what became of a reading that was not refused.
type taken struct {
	config.Changes
	nodes    session.NodeChanges
	unplaced *control.Unplaced // sessions that a restart would not serve
}

func newReloader(a *Agent, cfg *config.Config, means Reload) *reloader {
	r := &reloader{agent: a, means: means, inUse: cfg}
	r.last.Store(&reading{takenOver: a.started})
	return r
}

// Ready is closed: nothing waits for this task.
func (r *reloader) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (r *reloader) String() string { return "configuration" }

// Run reads the configuration whenever it is asked to, until ctx ends.
func (r *reloader) Run(ctx context.Context) error {
	select {
	case <-r.agent.ready: // what comes earlier waits
	case <-ctx.Done():
		return nil
	}
	for {
		select {
		case <-r.means.Asked:
			_, _ = r.reload(ctx) // has told the log
		case <-ctx.Done():
			return nil
		}
	}
}

// reload reads the configuration and takes over what it can. The error says why
// nothing, or not all of it, was taken over.
func (r *reloader) reload(ctx context.Context) (control.Reload, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.means.Load == nil {
		return control.Reload{}, errors.New("reading the configuration again: this daemon was not started from a file")
	}
	if !r.agent.begun() {
		return control.Reload{}, errors.New("reading the configuration again: the daemon is still starting (try again when it is ready)")
	}
	r.tell(r.agent.deps.Notifier.Reloading())
	done, err := r.takeOver(ctx)
	r.note(done, err)
	if err != nil {
		r.agent.happenings.Record(events.Event{Kind: events.ConfigurationRefused, Detail: strings.ReplaceAll(err.Error(), "\n", "; ")})
	} else {
		r.agent.happenings.Record(events.Event{Kind: events.ConfigurationLoaded, Detail: done.String()})
	}
	r.tell(r.agent.deps.Notifier.Ready(r.agent.statusLine(ctx)))
	return control.Reload{
		Schema: control.Schema, TakenOver: done.Live, Restart: done.Fixed, Unplaced: done.unplaced,
		MobileNodes: control.NodeChanges{Added: done.nodes.Added, Rekeyed: done.nodes.Rekeyed, Changed: done.nodes.Changed, Ended: done.nodes.Ended},
	}, err
}

// note remembers what became of a reading. What waits for a restart still does after
// one that was refused.
func (r *reloader) note(done taken, err error) {
	last := *r.last.Load()
	if last.err = err; err != nil {
		last.refused = time.Now()
	} else {
		last = reading{takenOver: time.Now(), restart: done.Fixed, unplaced: done.unplaced}
	}
	r.last.Store(&last)
}

// status is the operator's view of the last reading.
func (r *reloader) status() control.ConfigurationStatus {
	last := r.last.Load()
	s := control.ConfigurationStatus{TakenOver: last.takenOver.UTC(), Refused: present(last.refused), Restart: last.restart, Unplaced: last.unplaced}
	if last.err != nil {
		var hindered hindrance
		s.Error, s.Invalid = last.err.Error(), !errors.As(last.err, &hindered)
	}
	return s
}

// String is for people.
func (t *taken) String() string {
	var parts []string
	if len(t.Live) > 0 {
		parts = append(parts, "in force: "+strings.Join(t.Live, ", "))
	}
	for _, p := range []struct {
		did   string
		users []string
	}{{"added", t.nodes.Added}, {"with another key", t.nodes.Rekeyed}, {"changed", t.nodes.Changed}, {"gone", t.nodes.Ended}} {
		if len(p.users) > 0 {
			parts = append(parts, "mobile nodes "+p.did+": "+strings.Join(p.users, ", "))
		}
	}
	if len(t.Fixed) > 0 {
		parts = append(parts, "takes a restart: "+strings.Join(t.Fixed, ", "))
	}
	if t.unplaced != nil {
		parts = append(parts, fmt.Sprintf("%s would not be served after the restart: %s", countSessions(t.unplaced.Sessions), t.unplaced.Text))
	}
	if len(parts) == 0 {
		return "no option has changed"
	}
	return strings.Join(parts, "; ")
}

func (r *reloader) tell(err error) {
	if err != nil {
		r.agent.deps.Log.Warn("the service manager was not told", "error", err)
	}
}

// takeOver loads and applies. What stays for a restart is told each time until
// that happens.
func (r *reloader) takeOver(ctx context.Context) (taken, error) {
	cfg, err := r.means.Load()
	if err != nil {
		return taken{}, err
	}
	if err := r.agent.vetProposals(ctx, cfg, r.inUse); err != nil {
		return taken{}, err
	}
	done := taken{Changes: config.Compare(r.inUse, cfg)}
	mixed := cfg.WithFixed(r.inUse)
	if err := mixed.CheckMixed(); err != nil {
		return taken{}, hindrance{err}
	}
	if err := r.agent.adopt(ctx, mixed, r.means.SetLogLevel, &done.nodes); err != nil {
		return taken{}, err
	}
	r.inUse = mixed
	if lost := misplacedIn(cfg, r.agent.sessions.Sessions()); lost.total() > 0 {
		done.unplaced = &control.Unplaced{Sessions: lost.total(), Text: lost.String()}
	}
	return done, nil
}

// adopt takes over what a running agent can of a configuration, all of it or
// nothing: what can be refused comes first. It tells done what became of mobile nodes.
func (a *Agent) adopt(ctx context.Context, cfg *config.Config, setLogLevel func(string) error, done *session.NodeChanges) error {
	credentials, certificates, err := cfg.Diameter.LoadTLS()
	if err != nil {
		return cfg.Locate(err)
	}
	if _, err := bindingcache.New(a.bindingRules(cfg)); err != nil {
		return err
	}
	if err := a.peers.Check(credentials, peers(cfg.Diameter)); err != nil {
		return fmt.Errorf("changing the Diameter peers: %w", err)
	}
	nodes, err := mobilenode.Load(cfg)
	if err != nil {
		return err
	}
	if *done, err = a.configureNodes(ctx, cfg, nodes); err != nil {
		return hindrance{err}
	}
	if err := a.peers.Reconfigure(ctx, credentials, peers(cfg.Diameter)); err != nil && ctx.Err() == nil {
		return hindrance{fmt.Errorf("changing the Diameter peers: %w", err)}
	}
	a.attention.take(cfg, certificates)
	a.bootstrapper.rules.Store(newBootstrapRules(cfg.Diameter))
	a.sessions.SetLimits(cfg.Limits.Sessions, cfg.Limits.Authorization)
	a.setNetworks(cfg)
	if err := a.registrar.Reconfigure(a.bindingRules(cfg)); err != nil {
		return err
	}
	if a.discovery != nil {
		if err := a.discovery.Reconfigure([]discovery.Link{homeLinkOf(cfg)}); err != nil {
			return err
		}
	}
	if setLogLevel != nil {
		return setLogLevel(cfg.Log.Level) // one of the names, as the configuration was read
	}
	return nil
}

// reloadView answers an operator who asks for a reload.
func (a *Agent) reloadView() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// An operator who gives up must not leave half of it undone.
		done, err := a.reloader.reload(context.WithoutCancel(req.Context()))
		if err != nil {
			a.control.Refuse(w, err)
			return
		}
		a.control.Answer(w, done)
	})
}
