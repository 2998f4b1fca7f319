package agent

import (
	"context"
	"slices"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/ike"
)

// vetProposals asks strongSwan for what it makes of proposals that are not those in
// force, before anybody relies on them. Where it does not answer, it is asked when it
// does.
func (a *Agent) vetProposals(ctx context.Context, cfg, inForce *config.Config) error {
	if slices.Equal(cfg.IKE.IKEProposals, inForce.IKE.IKEProposals) && slices.Equal(cfg.IKE.ESPProposals, inForce.IKE.ESPProposals) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Limits.EffectTimeout)
	defer cancel()
	refused, err := ike.RefusedProposals(ctx, cfg.IKE.Socket, ike.Proposals{IKE: cfg.IKE.IKEProposals, ESP: cfg.IKE.ESPProposals})
	if err != nil {
		a.deps.Log.Warn("strongSwan could not be asked whether it takes the new proposals", "error", err)
		return nil
	}
	var problems config.Problems
	for _, r := range refused {
		option, text := doctor.RefusedProposal(r)
		problems = append(problems, cfg.Problem(option, "%s", text))
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// warnings are what somebody should look after.
func (a *Agent) warnings(ctx context.Context) []control.Warning {
	return slices.Concat(a.surroundings.look(ctx), a.refusedProposals())
}

// refusedProposals is what strongSwan has against the proposals in force.
func (a *Agent) refusedProposals() []control.Warning {
	var all []control.Warning
	for _, r := range a.charon.Status().Refused {
		option, text := doctor.RefusedProposal(r)
		all = append(all, control.Warning{Cause: control.ProposalRefused, Text: a.cfg.Problem(option, "%s", text).Error(), Repair: "swanctl --list-algs"})
	}
	return all
}
