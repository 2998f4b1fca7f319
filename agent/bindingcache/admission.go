package bindingcache

import "homeagent/agent/mobility"

func checkHomeAgent(j *judgement) Reason {
	if !j.cache.isOwn(j.update.HomeAgent) {
		return NotHomeAgentAddress
	}
	return 0
}

func checkHomePrefix(j *judgement) Reason {
	prefix, ok := j.cache.cfg.prefixOf(j.home)
	if !ok || prefix.Valid.Ended(j.now) {
		return NotHomePrefix
	}
	j.prefix = prefix
	return 0
}

// checkGrant: the home address must be its owner's (RFC 4877 section 4.2) and the
// owner welcome; who is to leave may still say good-bye (RFC 5142 section 5.3).
func checkGrant(j *judgement) Reason {
	g := j.cache.cfg.Authority.Grant(j.home, j.now)
	j.grant = g
	if g.Standing == Draining && !j.update.deregisters() {
		return HomeAgentDraining
	}
	if g.Standing == Unauthorized || (!g.Until.IsZero() && !g.Until.After(j.now)) {
		return NotAuthorized
	}
	if g.HomeAgent.IsValid() && g.HomeAgent != j.update.HomeAgent {
		return NotAuthorized
	}
	if !g.owns(j.update) {
		return NotAuthorized
	}
	return 0
}

// owns reports whether whatever identity an update shows is the one the home
// address belongs to: that of IKE, and that of an RFC 4283 option.
func (g *Grant) owns(u *Update) bool {
	if g.Identity == "" {
		return true
	}
	if id := u.Protection.Identity; id != "" && id != g.Identity {
		return false
	}
	id := u.Message.Identifier
	return id.Subtype != mobility.IdentifierNAI || string(id.Value) == g.Identity
}

// checkRegistration: only what is registered can be de-registered (RFC 6275
// section 10.3.2). A binding that lingers still is: its acknowledgement may have
// been lost.
func checkRegistration(j *judgement) Reason {
	if j.update.deregisters() && (j.entry == nil || !j.entry.binding.HomeAddress.IsValid()) {
		return NoRegistration
	}
	return 0
}

func checkRoom(j *judgement) Reason {
	limit := j.cache.cfg.MaxBindings
	if limit == 0 || j.update.deregisters() || (j.entry != nil && j.entry.counted) {
		return 0
	}
	if j.cache.counted >= limit {
		return Full
	}
	return 0
}
