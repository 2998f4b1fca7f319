package bindingcache

import (
	"net/netip"
	"time"

	"homeagent/agent/mobility"
)

// A judgement is a Binding Update before the checks, and what they found out.
type judgement struct {
	cache  *Cache
	update *Update
	now    time.Time
	entry  *entry // nil if the home address is unknown
	probed bool   // duplicate address detection found nobody else

	home, careOf netip.Addr
	grant        Grant
	prefix       HomePrefix
	networks     []netip.Prefix
	lifetime     mobility.Lifetime // granted; never 0 for a registration
}

func (c *Cache) judge(u *Update, now time.Time) *judgement {
	j := &judgement{cache: c, update: u, now: now, home: u.home(), careOf: u.careOf()}
	j.entry = c.entries[j.home]
	return j
}

// A check returns 0 if the Binding Update passes.
type check func(*judgement) Reason

// validity are the checks that make a Binding Update valid in the sense of RFC
// 6275 section 9.5.1, in the order in which they decide. The sequence number of
// one that passes counts as received, whatever becomes of it.
var validity = [...]check{
	checkSource,
	checkProtection,
	checkHomeAddress,
	checkCareOf,
	checkCareOfLoop,
	checkOptions,
	checkProxy,
	checkHomeRegistration,
	checkSequence,
	checkType,
}

// admission are the checks of a home agent (RFC 6275 sections 10.3.1 and 10.3.2,
// RFC 3963 section 6.2), in the order in which they decide. They are made when
// the update's turn comes, which may be later than its arrival, so what other home
// addresses do meanwhile is looked at again.
var admission = [...]check{
	checkCareOfLoop,
	checkType,
	checkHomeAgent,
	checkHomePrefix,
	checkGrant,
	checkRegistration,
	checkRoom,
	checkNetworks,
	checkLifetime,
}

func (j *judgement) run(checks []check) Reason {
	for _, check := range checks {
		if r := check(j); r != 0 {
			return r
		}
	}
	return 0
}

// checkSource: a reply could go nowhere else (RFC 6275 section 9.5.4).
func checkSource(j *judgement) Reason {
	if s := j.update.Source; !s.Is6() || s.IsUnspecified() || s.IsMulticast() {
		return SourceNotUnicast
	}
	return 0
}

// checkProtection: the home address identifies the security association that the
// update must have come under (RFC 6275 sections 5.1 and 10.3.1).
func checkProtection(j *judgement) Reason {
	switch p := j.update.Protection; {
	case p.Kind == Unprotected && j.cache.cfg.AllowUnprotected:
		return 0
	case p.Kind == ProtectedByESP && p.HomeAddress == j.home:
		return 0
	}
	return NotProtected
}

func checkHomeAddress(j *judgement) Reason {
	if !routable(j.home) {
		return HomeAddressUnusable
	}
	return 0
}

func checkCareOf(j *judgement) Reason {
	if !routable(j.careOf) {
		return CareOfUnusable
	}
	return 0
}

// checkCareOfLoop refuses care-of addresses to which packets would come back: a
// bound home address and an address of ours. A care-of address equal to the home
// address asks for de-registration and is no loop, unless it is that only because
// the tunnel hides the other one: there the option is a must (RFC 4877 section 3).
func checkCareOfLoop(j *judgement) Reason {
	if u := j.update; u.Tunnelled && u.Message.Lifetime != 0 && !u.Message.AlternateCareOf.IsValid() {
		return CareOfUnprotected
	}
	if j.update.deregisters() {
		return 0
	}
	if j.cache.isOwn(j.careOf) || j.cache.taken(j.careOf) {
		return CareOfIsHome
	}
	u := j.update
	if j.cache.cfg.RequireAlternateCareOf && u.Protection.Kind == ProtectedByESP && !u.Message.AlternateCareOf.IsValid() {
		return CareOfUnprotected
	}
	return 0
}

// checkOptions: what belongs to correspondents must not be in a home registration
// (RFC 6275 section 9.5.1), and the home address must be in its option unless the
// mobile node is at home to de-register (sections 10.3.1 and 10.3.2) or the tunnel
// says whose it is (RFC 4877 section 3).
func checkOptions(j *judgement) Reason {
	m := j.update.Message
	if !m.Flags.Has(mobility.FlagHomeRegistration) {
		return 0
	}
	if m.NonceIndices != nil || m.Authorization != nil {
		return ForCorrespondents
	}
	if !j.update.HomeAddressOption.IsValid() && !j.update.Tunnelled && !j.update.deregisters() {
		return HomeAddressMissing
	}
	return 0
}

func checkProxy(j *judgement) Reason {
	if j.update.Message.Flags.Has(mobility.FlagProxy) {
		return ProxyRegistration
	}
	return 0
}

// checkHomeRegistration: without H the sender takes us for a correspondent node,
// which we are not. A mobile router must never do that (RFC 3963 section 6.2),
// and for a home address that is registered the answer is [TypeChanged].
func checkHomeRegistration(j *judgement) Reason {
	flags := j.update.Message.Flags
	switch {
	case flags.Has(mobility.FlagHomeRegistration):
		return 0
	case flags.Has(mobility.FlagMobileRouter):
		return RouterNotPermitted
	case j.entry == nil || !j.entry.binding.Active():
		return NoCorrespondent
	}
	return 0
}

// checkSequence compares with the newest valid update, if there is any memory of
// one (RFC 6275 section 9.5.1).
func checkSequence(j *judgement) Reason {
	e := j.entry
	if e == nil || newer(j.update.Message.Sequence, e.last) {
		return 0
	}
	if e.answering(j.update) {
		return Repeated
	}
	return OldSequence
}

// newer compares sequence numbers modulo 2^16 (RFC 6275 section 9.5.1): the last
// one and the 32768 before it are old.
func newer(sequence, last uint16) bool { return int16(sequence-last) > 0 }

// checkType: neither H nor R of a binding can change (RFC 6275 section 9.5.1, RFC
// 3963 section 6.2, by which a de-registration need not care about R).
func checkType(j *judgement) Reason {
	if j.entry == nil || !j.entry.binding.Active() {
		return 0
	}
	changed := (j.update.Message.Flags | mobility.FlagHomeRegistration) ^ j.update.Message.Flags
	if !j.update.deregisters() {
		changed |= (j.entry.binding.Flags ^ j.update.Message.Flags) & mobility.FlagMobileRouter
	}
	if changed != 0 {
		return TypeChanged
	}
	return 0
}
