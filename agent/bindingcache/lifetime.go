package bindingcache

import (
	"time"

	"homeagent/agent/mobility"
)

// checkLifetime grants the shortest of what is asked for, what we allow, what is
// left of the home prefix (RFC 6275 section 10.3.1) and what is left of the
// authorization. Less than a unit of 4 seconds would be a de-registration.
func checkLifetime(j *judgement) Reason {
	if j.update.deregisters() {
		return 0
	}
	asked := j.update.Message.Lifetime
	if limit := j.cache.cfg.MaxLifetime; limit != 0 {
		asked = min(asked, mobility.LifetimeOf(limit))
	}
	asked = min(asked, until(j.prefix.Valid.End(j.now), j.now))
	if asked == 0 {
		return NotHomePrefix
	}
	j.lifetime = min(asked, until(j.grant.Until, j.now))
	if j.lifetime == 0 {
		return NotAuthorized
	}
	return 0
}

// until converts the time that is left into units, cutting off what is less (RFC
// 6275 section 10.3.1).
func until(end, now time.Time) mobility.Lifetime {
	if end.IsZero() {
		return mobility.MaxLifetime
	}
	return mobility.LifetimeOf(end.Sub(now))
}

// endsBefore reports whether a prefix lifetime is shorter than that of a binding,
// compared in units: the prefix's without its two low bits (RFC 6275 section
// 10.3.1).
func endsBefore(end, now time.Time, l mobility.Lifetime) bool {
	return !end.IsZero() && end.Sub(now)/mobility.LifetimeUnit < time.Duration(l)
}

// status says whether the mobile node has to look for new prefixes: when its own
// is deprecated, becomes so during the lifetime, or becomes invalid at its end (RFC
// 6275 section 10.3.1).
func (j *judgement) status() mobility.Status {
	deprecated := endsBefore(j.prefix.Preferred.End(j.now), j.now, j.lifetime)
	invalid := j.lifetime < mobility.MaxLifetime && endsBefore(j.prefix.Valid.End(j.now), j.now, j.lifetime+1)
	if deprecated || invalid {
		return mobility.StatusPrefixDiscoveryNecessary
	}
	return mobility.StatusAccepted
}

// binding is what the update makes of the entry.
func (j *judgement) binding() Binding {
	b := Binding{
		HomeAddress: j.home,
		CareOf:      j.careOf,
		HomeAgent:   j.update.HomeAgent,
		Sequence:    j.update.Message.Sequence,
		Flags:       j.update.Message.Flags & remembered,
		Lifetime:    j.lifetime,
		Registered:  j.now,
		Expires:     j.now.Add(j.lifetime.Duration()),
		Prefixes:    j.networks,
	}
	if !j.grantsK() {
		b.Flags &^= mobility.FlagKeyManagement
	}
	if j.entry != nil && j.entry.binding.Active() {
		b.Registered = j.entry.binding.Registered
	}
	return b
}

// lingering is what a de-registration leaves of the entry (RFC 6275 section
// 10.3.2).
func (j *judgement) lingering() Binding {
	return Binding{
		HomeAddress: j.home,
		CareOf:      j.home,
		HomeAgent:   j.update.HomeAgent,
		Sequence:    j.update.Message.Sequence,
		Registered:  j.now,
		Expires:     j.now.Add(LingerTime),
	}
}

// grantsK: RFC 6275 section 10.3.1.
func (j *judgement) grantsK() bool {
	return j.update.Message.Flags.Has(mobility.FlagKeyManagement) &&
		j.grant.Keying == KeyedByIKE && j.cache.cfg.FollowIKE
}
