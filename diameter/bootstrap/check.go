package bootstrap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"

	"homeagent/diameter"
	"homeagent/diameter/dictionary"
)

// maxDepth bounds groups within groups. Nothing we use is nested at all.
const maxDepth = 4

// The kinds of faults in AVPs, in the order in which they count.
type kind int

const (
	framing kind = iota // DIAMETER_INVALID_AVP_LENGTH
	flags               // DIAMETER_INVALID_AVP_BITS
	unknown             // DIAMETER_AVP_UNSUPPORTED
	count               // DIAMETER_AVP_OCCURS_TOO_MANY_TIMES
	form                // DIAMETER_INVALID_AVP_VALUE
	kinds
)

// A verdict is the first fault of each kind.
type verdict [kinds]*diameter.Failure

func (v *verdict) note(k kind, f *diameter.Failure) {
	if v[k] == nil {
		v[k] = f
	}
}

func (v *verdict) first() *diameter.Failure {
	for _, f := range v {
		if f != nil {
			return f
		}
	}
	return nil
}

// A grammar is the rules of one request or answer, by AVP.
type grammar struct {
	rules []dictionary.Rule
	index map[name]int
}

func newGrammar(rules []dictionary.Rule) grammar {
	g := grammar{rules: rules, index: map[name]int{}}
	for i, r := range rules {
		g.index[name{r.Code, r.Vendor}] = i
	}
	return g
}

// checkAVPs judges all AVPs of a message in one walk: framing, flags, unknown
// ones that must be understood, too many, and values that are none of their
// type. AVPs that the grammar does not name are allowed by its *[AVP].
func (c *Codec) checkAVPs(m *diameter.Message, g grammar, legacy bool) *diameter.Failure {
	var v verdict
	seen := make([]int, len(g.rules))
	for _, a := range m.AVPs {
		rule, known := c.dictionary.AVP(a.Code, a.Vendor)
		if !known {
			c.noteUnknown(&v, a, nil)
			continue
		}
		c.checkFlags(&v, a, rule)
		c.checkForm(&v, a, rule, legacy)
		if i, ok := g.index[name{a.Code, a.Vendor}]; ok {
			seen[i]++
			c.checkCount(&v, a, g.rules[i], seen[i])
		}
		if rule.Type == datatype.GroupedType {
			c.checkGroup(&v, []diameter.AVP{a})
		}
	}
	c.noteFault(&v, m.Fault)
	return v.first()
}

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

func (c *Codec) checkFlags(v *verdict, a diameter.AVP, rule dictionary.AVPRule) {
	if a.Flags&rule.Must == rule.Must && a.Flags&rule.MustNot == 0 {
		return
	}
	v.note(flags, &diameter.Failure{Code: diameter.InvalidAVPBits, Failed: []diameter.AVP{c.redact(a)},
		Text: fmt.Sprintf("%s has flags %#02x (must have %#02x set and %#02x clear)", rule.Name, a.Flags, rule.Must, rule.MustNot)})
}

// checkCount compares the number of AVPs seen so far with the rule. An AVP that
// must not occur at all is another check's.
func (c *Codec) checkCount(v *verdict, a diameter.AVP, rule dictionary.Rule, seen int) {
	if rule.Max <= 0 || seen <= rule.Max {
		return
	}
	v.note(count, &diameter.Failure{Code: diameter.AVPOccursTooManyTimes, Failed: []diameter.AVP{c.redact(a)},
		Text: fmt.Sprintf("%s occurs more than %d times", rule.Name, rule.Max)})
}

func (c *Codec) checkForm(v *verdict, a diameter.AVP, rule dictionary.AVPRule, legacy bool) {
	err := c.decode(a, rule, legacy)
	if err == nil {
		return
	}
	f, k := asFailure(err), form
	if f.Code == diameter.InvalidAVPLength {
		k = framing
	}
	f.Text = rule.Name + strings.TrimPrefix(f.Text, a.String())
	v.note(k, f)
}

// decode tries to read a value as what the dictionary says it is, and as what
// we ask of it beyond that.
func (c *Codec) decode(a diameter.AVP, rule dictionary.AVPRule, legacy bool) error {
	codes := c.dictionary.Codes()
	switch rule.Type {
	case datatype.Unsigned32Type, datatype.TimeType:
		_, err := a.Unsigned32()
		return err
	case datatype.Integer32Type, datatype.EnumeratedType:
		return enumerated(a, rule)
	case datatype.DiameterIdentityType, datatype.DiameterURIType:
		_, err := a.Identity()
		return err
	case datatype.UTF8StringType:
		return text(a)
	case datatype.AddressType:
		if a.Is(codes.MobileNodeAddress, codes.Vendor) || a.Is(codes.HomeAgentAddress, codes.Vendor) {
			_, err := mobileAddress(a, legacy)
			return err
		}
		_, err := a.Address()
		return err
	}
	return nil
}

func enumerated(a diameter.AVP, rule dictionary.AVPRule) error {
	value, err := a.Integer32()
	if err == nil && rule.Values != nil && !slices.Contains(rule.Values, value) {
		return invalid(a, fmt.Sprintf("has the value %d (must be one of %v)", value, rule.Values))
	}
	return err
}

// text checks a UTF8String, and more closely those that become names here.
func text(a diameter.AVP) error {
	value, err := a.UTF8()
	if err != nil {
		return err
	}
	switch {
	case a.Is(avp.UserName, 0):
		if err := checkUserName(value); err != nil {
			return invalid(a, err.Error())
		}
	case a.Is(avp.SessionID, 0), a.Is(avp.AcctMultiSessionID, 0):
		if value == "" || !printable(value) {
			return invalid(a, "is empty or has characters that do not print")
		}
	}
	return nil
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

// checkPresence demands the AVPs that the grammar requires. The first that is
// missing is shown by an example. One AVP may be exempt.
func (c *Codec) checkPresence(m *diameter.Message, g grammar, exempt name) *diameter.Failure {
	for _, r := range g.rules {
		if _, ok := m.Find(r.Code, r.Vendor); ok || r.Min == 0 || (name{r.Code, r.Vendor}) == exempt {
			continue
		}
		return &diameter.Failure{Code: diameter.MissingAVP, Failed: []diameter.AVP{r.Example()}, Text: r.Name + " is missing"}
	}
	return nil
}

// nest puts an AVP into copies of the groups around it that hold nothing else,
// so that the reader sees where it was (RFC 6733 section 7.5).
func nest(around []diameter.AVP, a diameter.AVP) diameter.AVP {
	for _, g := range slices.Backward(around) {
		a = diameter.NewGroup(g.Code, g.Vendor, g.Flags, a)
	}
	return a
}
