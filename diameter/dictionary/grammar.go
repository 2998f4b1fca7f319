package dictionary

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam/dict"
)

// Unlimited is the Max of a Rule for an AVP that may occur any number of times.
const Unlimited = -1

// An element is one AVP of a grammar in the notation of RFC 6733 section 3.2:
// [min]*[max] before <fixed>, {required} or [optional].
type element struct {
	name     string
	min, max int
}

func (e element) rule() *dict.Rule {
	// The XML format has no way to say "never" and writes "unlimited" as 0.
	return &dict.Rule{AVP: e.name, Required: e.min > 0, Min: e.min, Max: max(e.max, 0)}
}

// parseGrammar reads a grammar without its command header.
func parseGrammar(text string) ([]element, error) {
	syntax := regexp.MustCompile(`^(\d*)(\*?)(\d*)(<[\w-]+>|\{[\w-]+\}|\[[\w-]+\])$`)
	var elements []element
	for _, word := range strings.Fields(text) {
		m := syntax.FindStringSubmatch(word)
		if m == nil {
			return nil, fmt.Errorf("reading the grammar element %q: expected [min]*[max] before <A>, {A} or [A]", word)
		}
		e := element{name: m[4][1 : len(m[4])-1], max: 1}
		if m[4][0] != '[' {
			e.min = 1
		}
		if m[2] == "*" {
			e.max = number(m[3], Unlimited)
			e.min = number(m[1], e.min)
		}
		elements = append(elements, e)
	}
	return elements, nil
}

// mustParseGrammar is for the tables of this package, which the tests load.
func mustParseGrammar(text string) []element {
	elements, err := parseGrammar(text)
	if err != nil {
		panic(err)
	}
	return elements
}

func number(digits string, absent int) int {
	if digits == "" {
		return absent
	}
	n, _ := strconv.Atoi(digits)
	return n
}
