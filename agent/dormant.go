package agent

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/agent/store"
)

// misplaced counts the sessions that a configuration has no place for. Of each sort
// it has one to be shown.
type misplaced struct {
	prefix, agent   int // whose home address, or home agent address, has none
	ofPrefix, ofHAs store.Session
}

// misplacedIn finds those of AAA servers. Mobile nodes of the configuration go with
// it.
func misplacedIn(cfg *config.Config, sessions []store.Session) misplaced {
	var m misplaced
	for _, s := range sessions {
		holds := func(p config.HomePrefix) bool { return p.Prefix.Contains(s.HomeAddress) }
		switch {
		case s.Configured:
		case !slices.ContainsFunc(cfg.Prefixes, holds):
			m.prefix, m.ofPrefix = m.prefix+1, s
		case !slices.Contains(cfg.HomeAgent.Addresses, s.HomeAgent):
			m.agent, m.ofHAs = m.agent+1, s
		}
	}
	return m
}

func (m *misplaced) total() int { return m.prefix + m.agent }

// String tells of each sort, for people; it is empty if there are none.
func (m *misplaced) String() string {
	var parts []string
	tell := func(n int, what string, address netip.Addr, user, lacks string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s of %d, such as %s of %s, is not in %s", what, n, address, user, lacks))
		}
	}
	tell(m.prefix, "the home address", m.ofPrefix.HomeAddress, m.ofPrefix.UserName, "home_prefix")
	tell(m.agent, "the home agent address", m.ofHAs.HomeAgent, m.ofHAs.UserName, "home_agent.addresses")
	return strings.Join(parts, ", and ")
}

// countSessions counts them for people.
func countSessions(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

// unserved are the warnings of who should be served and is not, though all works.
func (a *Agent) unserved() []control.Warning {
	var all []control.Warning
	if sleeping := misplacedIn(a.cfg, a.sessions.Dormant()); sleeping.total() > 0 {
		all = append(all, control.Warning{Cause: control.SessionsDormant, Text: fmt.Sprintf(
			"%s kept but not served, as the configuration has no place for them: %s (write that in again and restart, or end them: homeagentctl release)",
			are(sleeping.total()), &sleeping)})
	}
	for _, d := range a.sessions.Displaced() {
		w := control.Warning{Cause: control.NodeNotServed, Repair: "systemctl reload homeagent",
			Text: fmt.Sprintf("the mobile node %q of the configuration, at %s, is not served: the session of %q was in its way, and has ended", d.UserName, d.HomeAddress, d.By)}
		if _, err := a.sessions.Find(d.By); err == nil {
			w.Repair = "homeagentctl release " + d.By
			w.Text = fmt.Sprintf("the mobile node %q of the configuration, at %s, is not served: %q, whom an AAA server authorized, has its user name or its home address", d.UserName, d.HomeAddress, d.By)
		}
		all = append(all, w)
	}
	return all
}

func are(n int) string {
	if n == 1 {
		return "1 session is"
	}
	return countSessions(n) + " are"
}

// tellDormant records at the start which sessions are not served.
func (a *Agent) tellDormant() {
	if sleeping := misplacedIn(a.cfg, a.sessions.Dormant()); sleeping.total() > 0 {
		a.happenings.Record(events.Event{Kind: events.SessionsDormant, Detail: countSessions(sleeping.total()) + ": " + sleeping.String()})
	}
}

// allSessions lists the sessions, with those that are dormant, as operators see them.
func (a *Agent) allSessions() []control.Session {
	var views []control.Session
	for _, s := range a.sessions.Sessions() {
		views = append(views, sessionView(&s))
	}
	sleeping := a.sessions.Dormant()
	for i := range sleeping {
		views = append(views, dormantView(&sleeping[i]))
	}
	slices.SortStableFunc(views, func(x, y control.Session) int { return cmp.Compare(x.UserName, y.UserName) })
	return views
}

func dormantView(s *store.Session) control.Session {
	view := sessionView(s)
	view.State = "dormant"
	return view
}
