package doctor

import "context"

// doubts are what a configuration allows and its author hardly meant.
func doubts(_ context.Context, p *patient) []Finding {
	var findings []Finding
	for _, w := range p.cfg.Warnings() {
		findings = append(findings, warn("", "%v", w.Err).of(w.Key))
	}
	return findings
}
