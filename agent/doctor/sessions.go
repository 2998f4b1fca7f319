package doctor

import (
	"context"
	"slices"

	"homeagent/agent/config"
	"homeagent/agent/control"
)

// sessions looks whether all sessions are served, and would be after a restart.
func sessions(ctx context.Context, p *patient) []Finding {
	status, err := p.daemon()
	if err != nil || p.configError != nil || status.State == control.Starting {
		return nil // told elsewhere
	}
	findings := wouldLose(ctx, p)
	for _, w := range status.Reasons {
		if w.Cause == control.SessionsDormant || w.Cause == control.NodeNotServed {
			findings = append(findings, fail(w.Repair, "%s", w.Text))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good("the configuration has a place for each session"))
	}
	return findings
}

// wouldLose asks the daemon, if it runs, for sessions that the configuration has no
// place for: a restart keeps them, but serves them no more.
func wouldLose(_ context.Context, p *patient) []Finding {
	status, err := p.daemon()
	if err != nil {
		return nil
	}
	var findings []Finding
	lose := func(option, format string, args ...any) {
		findings = append(findings, warn("", format+" (write that in again before a restart, or see homeagentctl reload)", args...).of(option))
	}
	for _, there := range status.Prefixes {
		listed := slices.ContainsFunc(p.cfg.Prefixes, func(h config.HomePrefix) bool {
			return h.Prefix.Bits() <= there.Prefix.Bits() && h.Prefix.Contains(there.Prefix.Addr())
		})
		if there.InUse > 0 && !listed {
			lose("home_prefix[0].prefix", "%d home addresses of %s are in use, and it is no home prefix here: after a restart nobody would serve their sessions", there.InUse, there.Prefix)
		}
	}
	for _, there := range status.HomeAgents {
		if there.Sessions > 0 && !slices.Contains(p.cfg.HomeAgent.Addresses, there.Address) {
			lose("home_agent.addresses", "%d sessions have the home agent address %s, which is not listed here: after a restart nobody would serve them", there.Sessions, there.Address)
		}
	}
	return findings
}
