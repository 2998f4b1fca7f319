package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"homeagent/agent/config"
)

// rivals are programs that do what a home agent does, or undo it.
var rivals = map[string]string{
	"mip6d": "UMIP's daemon programs the same headers, policies and tunnels",
}

const mobilityHeader = 135

// conflicts looks for others who are in the way.
func conflicts(_ context.Context, p *patient) []Finding {
	findings := p.rivals()
	policies, err := p.Policies()
	if err != nil {
		findings = append(findings, cannot("IPsec policies", err))
	}
	for _, policy := range policies {
		if why := p.obstructs(policy); why != "" {
			findings = append(findings, fail(policy.Delete, "an IPsec policy of somebody else (%s) %s", policy.selector(), why).about("ipsec_policy"))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good("nothing here gets into the home agent's way"))
	}
	return findings
}

// rivals looks for programs in this network namespace.
func (p *patient) rivals() []Finding {
	names, _ := fs.Glob(p.Files(), "proc/[0-9]*/comm")
	own, _ := fs.ReadLink(p.Files(), "proc/self/ns/net")
	var findings []Finding
	for _, name := range names {
		text, err := fs.ReadFile(p.Files(), name)
		why, rival := rivals[strings.TrimSpace(string(text))]
		if err != nil || !rival {
			continue
		}
		process := strings.TrimSuffix(name, "/comm")
		if namespace, err := fs.ReadLink(p.Files(), process+"/ns/net"); err == nil && namespace != own {
			continue
		}
		program, pid := strings.TrimSpace(string(text)), strings.TrimPrefix(process, "proc/")
		findings = append(findings, fail("kill "+pid, "%s runs as process %s: %s", program, pid, why).about(program))
	}
	return findings
}

// obstructs says why a policy keeps mobile nodes from being served, empty if it
// does not.
func (p *patient) obstructs(policy Policy) string {
	agents := slices.ContainsFunc(p.cfg.HomeAgent.Addresses, func(a netip.Addr) bool {
		return policy.Source.Contains(a) || policy.Destination.Contains(a)
	})
	homes := slices.ContainsFunc(p.cfg.Prefixes, func(h config.HomePrefix) bool {
		return policy.Source.Overlaps(h.Prefix) || policy.Destination.Overlaps(h.Prefix)
	})
	switch {
	case agents && homes && policy.First && (policy.Protocol == 0 || policy.Protocol == mobilityHeader):
		return "is looked at before the home agent's for the signalling of mobile nodes"
	case homes && policy.Block && policy.Protocol == 0:
		return "drops packets of mobile nodes"
	}
	return ""
}

// selector is what a policy matches.
func (p Policy) selector() string {
	text := fmt.Sprintf("%s to %s", p.Source, p.Destination)
	if p.Protocol != 0 {
		text += fmt.Sprintf(", protocol %d", p.Protocol)
	}
	return fmt.Sprintf("%s, %s, priority %d", text, p.Direction, p.Priority)
}
