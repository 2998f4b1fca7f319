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
