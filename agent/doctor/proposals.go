package doctor

import (
	"context"

	"homeagent/ike"
)

// listAlgorithms shows the words that proposals are made of.
const listAlgorithms = "swanctl --list-algs"

// proposals looks whether strongSwan takes what the configuration proposes. It is
// strongSwan that knows: it depends on its version and plugins.
func proposals(ctx context.Context, p *patient) []Finding {
	if len(p.cfg.IKE.IKEProposals)+len(p.cfg.IKE.ESPProposals) == 0 {
		return nil
	}
	refused, err := p.Proposals(ctx, p.cfg.IKE)
	if err != nil {
		return []Finding{cannot("the proposals of ike", err)}
	}
	if len(refused) == 0 {
		return []Finding{good("strongSwan takes the proposals for IKE and ESP")}
	}
	var findings []Finding
	for _, r := range refused {
		option, text := RefusedProposal(r)
		findings = append(findings, fail(listAlgorithms, "%s", text).about(r.Proposal).of(option))
	}
	return findings
}

// RefusedProposal is what to say of a proposal that strongSwan does not take, and of
// which option it is.
func RefusedProposal(r ike.Refusal) (option, text string) {
	option = "ike.proposals"
	if r.ESP {
		option = "ike.esp_proposals"
	}
	return option, "strongSwan refuses the proposal \"" + r.Proposal + "\", and with it every mobile node (swanctl.conf(5) tells how they are written, " + listAlgorithms + " what this strongSwan has)"
}
