package bootstrap

import (
	"fmt"
	"slices"

	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"

	"homeagent/diameter"
)

// maxDepth bounds groups within groups. Nothing we use is nested at all.
const maxDepth = 4

// noteUnknown refuses an AVP that we do not know but must (RFC 6733 section
// 4.1). Within groups that holds only if each of them must be understood too
// (section 4.4); path are the groups around it.
func (c *Codec) noteUnknown(v *verdict, a diameter.AVP, path []diameter.AVP) {
	for _, around := range append(path, a) {
		if around.Flags&diameter.AVPMandatory == 0 {
			return
		}
	}
	v.note(unknown, &diameter.Failure{Code: diameter.AVPUnsupported, Failed: []diameter.AVP{nest(path, a)},
		Text: fmt.Sprintf("%v is not known and has the M bit", a)})
}

// checkGroup looks into the last group of path for bad framing and for unknown
// AVPs that must be understood. The rest is left alone: the groups that
// requests carry, such as Proxy-Info, are for others to read. Failed-AVP holds
// what somebody found wrong and is not looked into.
func (c *Codec) checkGroup(v *verdict, path []diameter.AVP) {
	g, around := path[len(path)-1], path[:len(path)-1]
	if g.Is(avp.FailedAVP, 0) {
		return
	}
	if len(path) > maxDepth {
		g.Data = nil
		v.note(form, &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{nest(around, g)},
			Text: fmt.Sprintf("groups are nested more than %d deep", maxDepth)})
		return
	}
	members, err := g.Group()
	for _, a := range members {
		rule, known := c.dictionary.AVP(a.Code, a.Vendor)
		switch {
		case !known:
			c.noteUnknown(v, a, path)
		case rule.Type == datatype.GroupedType:
			c.checkGroup(v, append(slices.Clone(path), a))
		}
	}
	if err != nil {
		f := asFailure(err)
		f.Failed[0] = nest(around, f.Failed[0])
		c.noteFault(v, f)
	}
}

// noteFault takes in a fault found while parsing. The parser knows no types, so
// the zeros that stand for an unreadable payload are added here.
func (c *Codec) noteFault(v *verdict, f *diameter.Failure) {
	switch {
	case f == nil:
	case f.Code == diameter.InvalidAVPLength:
		completed := *f
		completed.Failed = []diameter.AVP{c.complete(f.Failed[0])}
		v.note(framing, &completed)
	default:
		v.note(count, f)
	}
}

// complete fills an AVP without data, or the innermost one of a group, with
// the zeros of its type's least length (RFC 6733 section 7.1.5).
func (c *Codec) complete(a diameter.AVP) diameter.AVP {
	rule, known := c.dictionary.AVP(a.Code, a.Vendor)
	if !known {
		return a
	}
	if rule.Type != datatype.GroupedType {
		a.Data = make([]byte, rule.MinLength())
		return a
	}
	if inner, err := a.Group(); err == nil && len(inner) == 1 {
		return diameter.NewGroup(a.Code, a.Vendor, a.Flags, c.complete(inner[0]))
	}
	return a
}

// nest puts an AVP into copies of the groups around it that hold nothing else,
// so that the reader sees where it was (RFC 6733 section 7.5).
func nest(around []diameter.AVP, a diameter.AVP) diameter.AVP {
	for _, g := range slices.Backward(around) {
		a = diameter.NewGroup(g.Code, g.Vendor, g.Flags, a)
	}
	return a
}
