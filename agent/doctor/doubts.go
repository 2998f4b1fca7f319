package doctor

import (
	"context"

	"homeagent/ike"
)

// doubts are what a configuration allows and strongSwan does not, or its author hardly
// meant.
func doubts(_ context.Context, p *patient) []Finding {
	var findings []Finding
	if _, err := ike.NewIdentities(p.cfg.IKE.Identity); err != nil {
		findings = append(findings, fail("", "it cannot be the home agent's IKE identity: %v", err).of("ike.identity"))
	}
	for _, w := range p.cfg.Warnings() {
		findings = append(findings, warn("", "%v", w.Err).of(w.Key))
	}
	return findings
}
